/**
 * Stories of those who run an installation: batch jobs, namespaces that come and go, settings of task queues, search attributes, and
 * schedules whose firings overlap. What was acknowledged must be there for the next who asks, whatever died meanwhile.
 */
import { ScheduleOverlapPolicy } from 'perdure/client';
import { BatchOperationState, Code, IndexedValueType, Payloads, RpcError, TaskQueueType, type Encoded } from '#perdure/protocol/index';
import { QUEUE, type Scene } from './resets.js';
import type * as workflows from './workflows.js';

const NAMESPACE = 'default';
const DAY_MS = 86_400_000;

/** A job tells each of many workflows something, once, or ends them. */
export async function batch(scene: Scene, name: string): Promise<void> {
  const { client } = scene.world;
  const service = client.workflowService;
  const ids = Array.from({ length: 2 + scene.below(4) }, (_, index) => `${name}/${index}`);
  await Promise.all(ids.map((workflowId) => client.workflow.start<typeof workflows.listener>('listener', { workflowId, taskQueue: QUEUE })));
  const visibilityQuery = `WorkflowId STARTS_WITH '${name}/'`;
  const { count } = await service.countWorkflowExecutions({ namespace: NAMESPACE, query: visibilityQuery });
  if (count !== ids.length) scene.problems.add(`${name}: ${ids.length} starts were acknowledged, and ${count} are counted`);
  const terminates = scene.below(2) === 0;
  const operation = terminates ? { terminationOperation: { identity: 'operator' } } : { signalOperation: { signal: 'add', input: jsonPayloads(name), identity: 'operator' } };
  await service.startBatchOperation({ namespace: NAMESPACE, jobId: name, reason: 'chance', visibilityQuery, ...operation });
  for (;;) {
    const { state, completeOperationCount, failureOperationCount } = await service.describeBatchOperation({ namespace: NAMESPACE, jobId: name });
    if (state === BatchOperationState.COMPLETED) {
      if (completeOperationCount !== ids.length || failureOperationCount !== 0) scene.problems.add(`${name} counted ${completeOperationCount} of ${ids.length}, and ${failureOperationCount} failures`);
      break;
    }
    await scene.pause(500);
  }
  if (!terminates) await Promise.all(ids.map((workflowId) => client.workflow.getHandle(workflowId).signal('finish')));
  const results = await Promise.allSettled(ids.map((workflowId) => client.workflow.getHandle<typeof workflows.listener>(workflowId).result()));
  for (const result of results) {
    const isRight = result.status === 'fulfilled' ? !terminates && result.value.join() === name : terminates;
    if (!isRight) scene.problems.add(`${name}: one of its workflows ended as ${result.status === 'fulfilled' ? result.value.join() : String(result.reason)}`);
  }
}

/** What is in a namespace goes when its retention is over, or when it is deleted; nothing of it stays on the disk. */
export async function namespace(scene: Scene, name: string): Promise<void> {
  const { client, disk } = scene.world;
  const { workflowService, operatorService } = client.connection;
  await workflowService.registerNamespace({ namespace: name, workflowExecutionRetentionPeriod: DAY_MS }).catch(unless(Code.ALREADY_EXISTS));
  const ids = Array.from({ length: 1 + scene.below(4) }, (_, index) => `${name}/${index}`);
  for (const workflowId of ids) {
    const requestId = workflowId;
    await workflowService.startWorkflowExecution({ namespace: name, workflowId, requestId, workflowType: { name: 'tick' }, taskQueue: { name: 'nobody' } });
  }
  const expires = scene.below(2) === 0;
  if (expires) {
    for (const workflowId of ids) await workflowService.terminateWorkflowExecution({ namespace: name, workflowExecution: { workflowId } }).catch(unless(Code.NOT_FOUND));
    await scene.pause(DAY_MS + 3_600_000);
  } else {
    await operatorService.deleteNamespace({ namespace: name }).catch(unless(Code.NOT_FOUND));
    const refused: unknown = await workflowService.startWorkflowExecution({ namespace: name, workflowId: 'late', requestId: 'late', workflowType: { name: 'tick' }, taskQueue: { name: 'nobody' } }).catch((error: unknown) => error);
    if (!(refused instanceof RpcError)) scene.problems.add(`${name} was deleted, and takes new workflows`);
    await scene.pause(3_600_000);
  }
  const left = disk.runs.filter(({ workflowId }) => ids.includes(workflowId)).length;
  if (left !== 0) scene.problems.add(`${name}: ${left} runs are still there after it ${expires ? 'expired' : 'was deleted'}`);
}

/** A rate that was set holds for whoever asks next, and slows the workers down, but stops nobody. */
export async function rate(scene: Scene, name: string): Promise<void> {
  const service = scene.world.client.workflowService;
  const set = async (taskQueue: string, requestsPerSecond: number): Promise<void> => {
    const updateQueueRateLimit = { rateLimit: { requestsPerSecond }, reason: name };
    await service.updateTaskQueueConfig({ namespace: NAMESPACE, taskQueue, taskQueueType: TaskQueueType.ACTIVITY, identity: 'operator', updateQueueRateLimit });
  };
  const requestsPerSecond = 1 + scene.below(20);
  if (scene.below(2) === 0) await set(QUEUE, requestsPerSecond);
  for (let times = 1 + scene.below(3); times > 0; times--) {
    await set(name, requestsPerSecond + times);
    await scene.pause(scene.below(5_000));
    const { config } = await service.describeTaskQueue({ namespace: NAMESPACE, taskQueue: { name }, taskQueueType: TaskQueueType.ACTIVITY, reportConfig: true });
    const seen = config?.queueRateLimit?.rateLimit?.requestsPerSecond;
    if (seen !== requestsPerSecond + times) scene.problems.add(`${name}: its rate was set to ${requestsPerSecond + times} and is ${seen}`);
  }
}

/** A new search attribute, values that code changes, and lists that never lag behind what was answered. */
export async function staged(scene: Scene, name: string): Promise<void> {
  const { client } = scene.world;
  const { operatorService, workflowService } = client.connection;
  const attribute = `Of${name.replaceAll('-', '')}`;
  await operatorService.addSearchAttributes({ namespace: NAMESPACE, searchAttributes: new Map([[attribute, IndexedValueType.KEYWORD]]) }).catch(unless(Code.ALREADY_EXISTS));
  const count = async (query: string): Promise<number> => (await workflowService.countWorkflowExecutions({ namespace: NAMESPACE, query })).count;
  const expect = async (wanted: number, query: string): Promise<void> => {
    const counted = await count(query);
    if (counted !== wanted) scene.problems.add(`${name}: ${counted} match ${query}, not ${wanted}`);
  };
  const handle = await client.workflow.start<typeof workflows.stages>('stages', { workflowId: name, taskQueue: QUEUE, args: [name, attribute, 2 + scene.below(3)] });
  await expect(1, `WorkflowId = '${name}'`);
  const last = await handle.result();
  await expect(1, `${attribute} = '${last}' AND WorkflowId = '${name}' AND ExecutionStatus = 'Completed'`);
  await expect(0, `${attribute} = 'stage 0'`);
}

const POLICIES = [ScheduleOverlapPolicy.SKIP, ScheduleOverlapPolicy.BUFFER_ONE, ScheduleOverlapPolicy.BUFFER_ALL, ScheduleOverlapPolicy.CANCEL_OTHER, ScheduleOverlapPolicy.TERMINATE_OTHER] as const;

/** A schedule that fires faster than its workflow runs: never two at a time, and as many as it was told. */
export async function overlap(scene: Scene, name: string): Promise<void> {
  const { client, disk } = scene.world;
  const policy = POLICIES[scene.below(POLICIES.length)] ?? ScheduleOverlapPolicy.SKIP;
  const runs = () => disk.runs.filter(({ workflowId }) => workflowId.startsWith(`${name}/`));
  const isOpen = (runId: string): boolean => disk.load(runId)?.open === true;
  const say = (what: string): void => scene.problems.add(`the schedule ${name} (${policy}) ${what}`);
  await client.schedule.create({
    scheduleId: name,
    spec: { intervals: [{ every: '4 seconds' }] },
    policies: { overlap: policy, catchupWindow: '1 day' },
    state: { remainingActions: 3 },
    action: { type: 'startWorkflow', workflowType: 'lasting', workflowId: `${name}/`, taskQueue: QUEUE, args: [name, 9_000] },
  });
  for (let restMs = 60_000; restMs > 0; ) {
    const open = runs().filter(({ runId }) => isOpen(runId)).length;
    if (open > 1) return say(`has ${open} runs at a time`);
    const started = new Set(runs().map(({ workflowId }) => workflowId)).size;
    if (started > 3) return say(`was to start 3 workflows and started ${started}`);
    if (started === 3 && open === 0) restMs -= 1_000;
    await scene.pause(1_000);
  }
  const { info } = await client.schedule.getHandle(name).describe();
  if (info.numActionsTaken !== 3) say(`says that it took ${info.numActionsTaken} actions`);
  if (info.runningActions.length > 0) say('says that something still runs');
}

/** What an earlier try may have done whose answer was lost. */
function unless(code: Code): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof RpcError && error.code === code)) throw error;
  };
}

function jsonPayloads(value: unknown): Encoded<Payloads> {
  return Payloads.encode({ payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)) }] });
}
