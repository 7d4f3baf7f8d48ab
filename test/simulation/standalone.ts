/**
 * Stories of activities that clients start themselves: ids, ends, operators, waits. What was acknowledged is there for the next who asks,
 * and each activity has one outcome.
 */
import { ActivityExecutionAlreadyStartedError, ActivityExecutionFailedError, ActivityNotFoundError, type ActivityHandle } from 'perdure/client';
import { ActivityExecutionStatus, Code, RpcError } from '#perdure/protocol/index';
import { LONGEST_DELAY_MS } from '#perdure/simulation/faults';
import { QUEUE, type Scene } from './resets.js';

const NAMESPACE = 'default';
const RETRY = { initialInterval: '200 ms', maximumInterval: '2 seconds' } as const;

/** Runs of activities that clients know of, over all stories of a seed. */
export class ActivityLedger {
  readonly started = new Set<string>();
  readonly deleted = new Set<string>();
}

export interface ActivityScene extends Scene {
  readonly activities: ActivityLedger;
}

type StartOptions = Partial<Parameters<Scene['world']['client']['activity']['start']>[1]>;

async function start({ world, problems, activities }: ActivityScene, type: string, id: string, options: StartOptions): Promise<ActivityHandle & { readonly runId: string }> {
  const handle = await world.client.activity.start(type, { id, taskQueue: QUEUE, startToCloseTimeout: '20 seconds', retry: RETRY, ...options });
  const { runId = '' } = handle;
  // The reply must not precede what it tells of.
  if (world.disk.load(runId) === undefined) problems.add(`the start of the activity ${id} was acknowledged before it was durable`);
  activities.started.add(runId);
  return { ...handle, runId };
}

/** Retried until it works. Its id is taken while it runs and, for those who want it so, afterwards. */
export async function charge(scene: ActivityScene, name: string): Promise<void> {
  const { problems } = scene;
  const failures = scene.below(4);
  const say = (what: string): void => problems.add(`${name} ${what}`);
  const first = await start(scene, 'step', name, { args: [name, failures], startDelay: scene.below(2) * 2_000 });
  const existing = await start(scene, 'step', name, { args: [name, 0], idConflictPolicy: 'USE_EXISTING', idReusePolicy: 'REJECT_DUPLICATE' }).catch(taken);
  if (existing.runId !== first.runId) say(`was started as ${first.runId} and found as ${existing.runId}`);
  const again = await start(scene, 'step', name, { args: [name, 0], idReusePolicy: 'REJECT_DUPLICATE' }).catch(taken);
  if (again.runId !== first.runId) say(`was started twice, as ${first.runId} and ${again.runId}`);
  const results = await Promise.all([first.result(), scene.world.client.activity.getHandle(name, first.runId).result()]);
  if (results.some((result) => result !== name)) say(`gave ${JSON.stringify(results)}`);
  const { attempt, status } = await first.describe();
  if (status !== 'COMPLETED' || attempt <= failures) say(`is ${status} in attempt ${attempt}, and should fail ${failures} times`);
  // A repetition of a request that is on its way yet would not know of the run that comes now.
  await scene.pause(LONGEST_DELAY_MS);
  const refused = await start(scene, 'step', name, { args: [name, 0], idReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY' }).catch(taken);
  if (refused.runId !== first.runId) say('has completed and was started anew by who wanted it only if it had failed');
  const second = await start(scene, 'step', name, { args: [name, 1] });
  if (second.runId === first.runId) say('was not started anew');
  if ((await second.result()) !== name) say('gave something else when it was started anew');
}

/** The run that has the id. */
function taken(error: unknown): { readonly runId: string } {
  if (!(error instanceof ActivityExecutionAlreadyStartedError)) throw error;
  return { runId: error.runId ?? '' };
}

type Ending = 'cancel' | 'terminate' | 'delete';
const ENDINGS: readonly Ending[] = ['cancel', 'terminate', 'delete'];

/** Somebody ends it, while it waits, runs, or is over. */
export async function ended(scene: ActivityScene, name: string): Promise<void> {
  const { world, problems, activities } = scene;
  const ending = ENDINGS[scene.below(ENDINGS.length)] ?? 'cancel';
  const handle = await start(scene, 'slowStep', name, { args: [name, 1_000 + scene.below(20) * 1_000], heartbeatTimeout: '3 seconds', startToCloseTimeout: '1 minute', startDelay: scene.below(3) * 1_000 });
  const result = ending === 'delete' ? undefined : outcome(handle);
  await scene.pause(scene.below(8_000));
  const about = { namespace: NAMESPACE, activityId: name, runId: handle.runId };
  const service = world.client.workflowService;
  const done = await (ending === 'delete' ? service.deleteActivityExecution(about) : service[ending === 'cancel' ? 'requestCancelActivityExecution' : 'terminateActivityExecution']({ ...about, identity: 'operator', requestId: `${ending} ${name}`, reason: 'chance' })).then(
    () => true,
    // It has ended meanwhile, or an earlier try deleted it.
    unless(ending === 'delete' ? Code.NOT_FOUND : Code.FAILED_PRECONDITION),
  );
  if (ending === 'delete') {
    activities.deleted.add(handle.runId);
    const left = await handle.describe().catch(notFound);
    if (left !== undefined) problems.add(`${name} was deleted and is described as ${left.status}`);
    return;
  }
  const { status } = await handle.describe();
  if (ending === 'terminate' && done === true && status !== 'TERMINATED') problems.add(`${name} was terminated and is ${status}`);
  const seen = await result;
  const last = (await handle.describe()).status;
  if (seen !== last) problems.add(`${name} ended as ${seen} for who waited for it, and is ${last}`);
  if (last === 'TERMINATED' && ending !== 'terminate') problems.add(`${name} is terminated, and nobody wanted that`);
}

async function outcome(handle: ActivityHandle): Promise<string> {
  try {
    await handle.result();
    return 'COMPLETED';
  } catch (error) {
    if (!(error instanceof ActivityExecutionFailedError)) throw error;
    const kind = error.cause?.constructor.name;
    return kind === 'CancelledFailure' ? 'CANCELED' : kind === 'TerminatedFailure' ? 'TERMINATED' : kind === 'TimeoutFailure' ? 'TIMED_OUT' : 'FAILED';
  }
}

/** Operators do what they can do, in any order. What makes no sense now is refused. In the end it has its result all the same. */
export async function operated(scene: ActivityScene, name: string): Promise<void> {
  const { world, problems } = scene;
  const service = world.client.workflowService;
  const handle = await start(scene, 'slowStep', name, { args: [name, 2_000 + scene.below(4) * 1_000], heartbeatTimeout: '3 seconds', startToCloseTimeout: '1 minute' });
  const result = handle.result();
  for (let times = 2 + scene.below(5); times > 0; times--) {
    await scene.pause(scene.below(2_500));
    const about = { namespace: NAMESPACE, activityId: name, identity: 'operator', requestId: `${name} ${times}`, reason: 'chance' };
    const acts = [
      () => service.pauseActivityExecution(about),
      () => service.unpauseActivityExecution(about),
      () => service.resetActivityExecution({ ...about, keepPaused: times % 2 === 0, resetHeartbeat: times % 3 === 0, restoreOriginalOptions: times % 4 === 0 }),
      () => service.updateActivityExecutionOptions({ ...about, activityOptions: { startToCloseTimeout: 60_000 + times }, updateMask: { paths: ['start_to_close_timeout'] } }),
    ];
    await acts[scene.below(acts.length)]?.().catch(unless(Code.FAILED_PRECONDITION));
  }
  // A repetition of a request may come late and pause it again.
  const isOver = await Promise.race([result.then(() => true), scene.pause(LONGEST_DELAY_MS).then(() => false)]);
  if (!isOver) await service.unpauseActivityExecution({ namespace: NAMESPACE, activityId: name, identity: 'operator', requestId: `${name} at last` }).catch(unless(Code.FAILED_PRECONDITION));
  const given = await result;
  if (given !== name) problems.add(`${name} gave ${JSON.stringify(given)}`);
}

/** Somebody else ends it, by its id: also before a worker had it. */
export async function outside(scene: ActivityScene, name: string): Promise<void> {
  const { world, problems } = scene;
  const handle = await start(scene, 'fromOutside', name, { startToCloseTimeout: '10 minutes' });
  const result = handle.result();
  await scene.pause(scene.below(5_000));
  const told = await world.client.activity.complete({ activityId: name }, 'from outside').then(
    () => true,
    (error: unknown) => {
      if (!(error instanceof ActivityNotFoundError) && (error as Error).name !== 'ActivityNotFoundError') throw error;
      return false;
    },
  );
  const { status } = await handle.describe();
  // An earlier try may have done it, and its answer was lost.
  if (status !== 'COMPLETED') problems.add(`${name} was completed (${told}) and is ${status}`);
  if ((await result) !== 'from outside') problems.add(`${name} gave something else than it was told`);
}

/** Who waits for the next change hears of each state in order, and of the end. */
export async function watched(scene: ActivityScene, name: string): Promise<void> {
  const { world, problems } = scene;
  const handle = await start(scene, 'slowStep', name, { args: [name, 3_000], heartbeatTimeout: '3 seconds', startToCloseTimeout: '1 minute', startDelay: 1_000 });
  const about = { namespace: NAMESPACE, activityId: name, runId: handle.runId };
  let longPollToken = new Uint8Array();
  let [attempt, changes] = [0, 0];
  for (;;) {
    const answer = await world.client.workflowService.describeActivityExecution({ ...about, longPollToken, includeOutcome: true });
    const { info } = answer;
    // A wait that took too long is answered empty.
    if (info === undefined) continue;
    if (info.attempt < attempt || info.stateTransitionCount < changes) problems.add(`${name} went back from attempt ${attempt} to ${info.attempt}, from change ${changes} to ${info.stateTransitionCount}`);
    [attempt, changes] = [info.attempt, info.stateTransitionCount];
    if (info.status !== ActivityExecutionStatus.RUNNING) break;
    longPollToken = new Uint8Array(answer.longPollToken);
  }
  const result = await handle.result();
  if (result !== name) problems.add(`${name} gave ${JSON.stringify(result)}`);
}

/** Lists show every activity that was started and not deleted, as it is described, and no other. */
export async function checkActivities({ world, problems, activities }: ActivityScene): Promise<void> {
  const listed = new Set<string>();
  for await (const { activityId, activityRunId: runId, status } of world.client.activity.list()) {
    const name = `the activity ${activityId} (${runId})`;
    if (listed.has(runId)) problems.add(`${name} is listed twice`);
    listed.add(runId);
    const described = await world.client.activity.getHandle(activityId, runId).describe();
    if (described.status !== status || status === 'RUNNING') problems.add(`${name} is ${described.status}, and listed as ${status}`);
    if (!activities.started.has(runId)) problems.add(`${name} is listed, and nobody started it`);
    if (activities.deleted.has(runId)) problems.add(`${name} was deleted and is listed`);
  }
  for (const runId of activities.started) {
    if (!listed.has(runId) && !activities.deleted.has(runId)) problems.add(`the activity ${runId} is not listed`);
  }
}

function unless(code: Code): (error: unknown) => false {
  return (error) => {
    if (!(error instanceof RpcError && error.code === code)) throw error;
    return false;
  };
}

function notFound(error: unknown): undefined {
  if (!(error instanceof ActivityNotFoundError)) throw error;
}
