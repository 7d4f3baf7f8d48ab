/**
 * Stories of operations of other services: what a workflow hears of them, and what stands behind them, must be the same whatever dies on
 * the way. Each operation ends once, and what it began was begun once.
 */
import { Callback, Code, RpcError, type Encoded } from '#perdure/protocol/index';
import { QUEUE, reset, type Scene } from './resets.js';
import type * as workflows from './workflows.js';
import type { OperationNotes } from './services.js';

const NAMESPACE = 'default';
/** Its workers have the handlers. */
export const SERVICE_QUEUE = 'services';

export interface NexusScene extends Scene {
  readonly notes: OperationNotes;
}

/** An endpoint of the story's own. */
async function endpoint({ world }: Scene, name: string, taskQueue = SERVICE_QUEUE): Promise<string> {
  const spec = { name, target: { worker: { namespace: NAMESPACE, taskQueue } } };
  await world.client.connection.operatorService.createNexusEndpoint({ spec }).catch(unless(Code.ALREADY_EXISTS));
  return name;
}

/** Ended at once, later, in failure. */
export async function operations(scene: NexusScene, name: string): Promise<void> {
  const { world, problems } = scene;
  const at = await endpoint(scene, `at-${name}`);
  const result = await world.client.workflow.execute<typeof workflows.operations>('operations', { workflowId: name, taskQueue: QUEUE, args: [at, name] });
  const wanted = [`${name}/quote quoted`, `${name}/first charged`, `${name}/second charged`, `${name}/beside quoted`, 'no cover, as planned', 'refused, as planned', `${name}/step`];
  if (result.join() !== wanted.join()) problems.add(`${name} returned ${JSON.stringify(result)}`);
  for (const behind of ['first', 'second', 'failing']) checkBehind(scene, `${name}/${behind}`);
}

/** What stands behind one operation was begun once: one chain of two runs. */
function checkBehind({ world, problems }: Scene, workflowId: string): void {
  const runs = world.disk.runs.filter((run) => run.workflowId === workflowId);
  if (runs.length !== 2) problems.add(`${workflowId} has ${runs.length} runs: it was to be started once, and to go on as a new run once`);
}

const CANCELLATIONS = ['TRY_CANCEL', 'WAIT_CANCELLATION_REQUESTED', 'WAIT_CANCELLATION_COMPLETED', 'ABANDON'] as const;
/** After so long no request to begin something is on its way any more. */
const ALL_ARRIVED_MS = 90_000;

/** Its caller wants it no more: before it has begun, or while it goes on. */
export async function cancelled(scene: NexusScene, name: string): Promise<void> {
  const { world, problems } = scene;
  const at = await endpoint(scene, `at-${name}`);
  const type = CANCELLATIONS[scene.below(CANCELLATIONS.length)] ?? 'ABANDON';
  const afterMs = scene.below(3) === 0 ? 0 : scene.below(3_000);
  const result = await world.client.workflow.execute<typeof workflows.canceller>('canceller', { workflowId: name, taskQueue: QUEUE, args: [at, name, type, afterMs] });
  if (result !== 'cancelled') problems.add(`${name} (${type}) returned ${result}`);
  const behind = `${name}/behind`;
  if (type === 'WAIT_CANCELLATION_COMPLETED') {
    const { status } = await world.client.workflow.getHandle(behind).describe().catch(notThere);
    if (status.name !== 'CANCELLED' && status.name !== 'none') problems.add(`${name} heard of the end of its operation, and ${behind} is ${status.name}`);
  }
  // The others need not wait, or do not ask.
  await scene.pause(ALL_ARRIVED_MS);
  if (!world.disk.runs.some(({ workflowId }) => workflowId === behind)) return;
  await world.client.workflow.getHandle(behind).cancel();
  await world.client.workflow.getHandle(behind).result().catch(() => undefined);
}

/** Nobody serves it, or it does not end. */
export async function deadlines(scene: NexusScene, name: string): Promise<void> {
  const [at, nobody] = [await endpoint(scene, `at-${name}`), await endpoint(scene, `nobody-${name}`, `nobody-${name}`)];
  const result = await scene.world.client.workflow.execute<typeof workflows.deadlines>('deadlines', { workflowId: name, taskQueue: QUEUE, args: [at, nobody, name] });
  const wanted = ['timed out: START_TO_CLOSE', 'timed out: SCHEDULE_TO_CLOSE', 'timed out: SCHEDULE_TO_START'];
  if (result.join() !== wanted.join()) scene.problems.add(`${name} returned ${JSON.stringify(result)}`);
}

/** Two workflows have the callback of one operation: it ends with the first that ends, and the second is told that it has. */
export async function calledBack(scene: NexusScene, name: string): Promise<void> {
  const { world, notes, problems } = scene;
  const { client } = world;
  const at = await endpoint(scene, `at-${name}`);
  const handle = await client.workflow.start<typeof workflows.calledBack>('calledBack', { workflowId: name, taskQueue: QUEUE, args: [at, name] });
  while (!notes.callbacks.has(name)) await scene.pause(200);
  const callback = notes.callbacks.get(name) ?? { url: '', header: new Map<string, string>() };
  const completionCallbacks: Encoded<Callback>[] = [Callback.encode({ nexus: { url: callback.url, header: new Map(callback.header) } })];
  const start = { namespace: NAMESPACE, workflowType: { name: 'tick' }, taskQueue: { name: QUEUE }, completionCallbacks };
  for (const which of ['one', 'two']) await client.workflowService.startWorkflowExecution({ ...start, workflowId: `${name}/${which}`, requestId: `${name}/${which}` });
  const result = await handle.result();
  if (result !== 'tick') problems.add(`${name} was called back with "tick" and returned ${result}`);
}

/** Updates of one run stand behind two operations: each is done once, and each operation hears of its own. */
export async function approved(scene: NexusScene, name: string): Promise<void> {
  const { client } = scene.world;
  const at = await endpoint(scene, `at-${name}`);
  const behind = await client.workflow.start<typeof workflows.approver>('approver', { workflowId: `${name}/behind`, taskQueue: QUEUE, args: [name] });
  const heard = await client.workflow.execute<typeof workflows.asker>('asker', { workflowId: name, taskQueue: QUEUE, args: [at, name, behind.workflowId] });
  const wanted = [`${name}/one`, `${name}/two`];
  if (heard.join() !== wanted.map((what) => `${what} approved`).join()) scene.problems.add(`${name} returned ${JSON.stringify(heard)}`);
  await behind.signal('finish');
  const done = await behind.result();
  if ([...done].sort().join() !== wanted.join()) scene.problems.add(`behind ${name} was done: ${JSON.stringify(done)}`);
}

/** The caller goes back while its operations are on their way, and comes to the same end. */
export async function goesBack(scene: NexusScene, name: string): Promise<void> {
  const { world, problems } = scene;
  const at = await endpoint(scene, `at-${name}`);
  await world.client.workflow.start<typeof workflows.goesBack>('goesBack', { workflowId: name, taskQueue: QUEUE, args: [at, name] });
  for (let times = 1 + scene.below(2); times > 0; times--) {
    await scene.pause(scene.below(5_000));
    await reset(scene, name, scene.below(4));
  }
  const result: unknown = await world.client.workflow.getHandle(name).result();
  const wanted = JSON.stringify([`${name}/step`, `${name}/behind charged`, `${name}/beside charged`]);
  if (JSON.stringify(result) !== wanted) problems.add(`${name} returned ${JSON.stringify(result)} after its reset`);
}

function unless(code: Code): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof RpcError && error.code === code)) throw error;
  };
}

function notThere(error: unknown): { readonly status: { readonly name: string } } {
  if (error instanceof Error && error.name === 'WorkflowNotFoundError') return { status: { name: 'none' } };
  throw error;
}
