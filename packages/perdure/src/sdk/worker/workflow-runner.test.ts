/** Shows the etiquette around the executor: what is sent for each outcome, what a refusal means, and that a run has one task at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Code,
  CommandType,
  Failure,
  PollWorkflowTaskQueueResponse,
  QueryResultType,
  RpcError,
  TaskQueueKind,
  WorkflowService,
  WorkflowTaskFailedCause,
  type Init,
  type PollActivityTaskQueueResponse,
} from '../../protocol/index.js';
import type { FetchHistory, TaskOutcome, WorkflowExecutor } from '../replay/executor.js';
import { FakeServer, settle, silentLogger } from './testing-server.js';
import { FixedSlots, type Slot } from './slots/slots.js';
import { WorkflowRunner, type EagerActivities, type WorkflowRunnerOptions } from './workflow-runner.js';

type Handle = (task: PollWorkflowTaskQueueResponse, fetchHistory: FetchHistory) => Promise<TaskOutcome>;

class FakeExecutor implements WorkflowExecutor {
  readonly evicted: string[] = [];
  readonly cachedRuns = 0;
  readonly workflowTypes = [];
  constructor(readonly handle: Handle) {}
  readonly forgotten: (string | number)[] = [];
  forgetLastTask(runId: string, lastStartedEventId: number): void {
    this.forgotten.push(runId, lastStartedEventId);
  }
  async replay(): Promise<undefined> {}
  evict(runId: string): void {
    this.evicted.push(runId);
  }
  async close(): Promise<void> {}
}

const completed: Extract<TaskOutcome, { kind: 'completed' }> = { kind: 'completed', commands: [], messages: [], queryResults: new Map() };
const failed: TaskOutcome = {
  kind: 'failed',
  cause: WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE,
  failure: { message: 'x is not a function' },
};

function runnerWith(handle: Handle, options: Partial<WorkflowRunnerOptions> = {}) {
  const server = new FakeServer();
  const executor = new FakeExecutor(handle);
  const slots = new FixedSlots(10);
  const logger = silentLogger();
  const runner = new WorkflowRunner({
    transport: server.transport,
    namespace: 'default',
    taskQueue: 'orders',
    identity: 'test',
    executor,
    logger,
    sticky: { taskQueue: 'test-sticky', scheduleToStartTimeoutMs: 10_000 },
    ...options,
  });
  const start = (task: Init<PollWorkflowTaskQueueResponse> = {}) => {
    const slot = slots.tryTake();
    assert.ok(slot);
    runner.start(taskOf(task), slot);
  };
  return { server, executor, slots, runner, logger, start };
}

function taskOf(task: Init<PollWorkflowTaskQueueResponse>): PollWorkflowTaskQueueResponse {
  return PollWorkflowTaskQueueResponse.create({
    taskToken: new Uint8Array([1]),
    workflowExecution: { workflowId: 'order-1', runId: 'run-1' },
    workflowType: { name: 'orderSaga' },
    attempt: 1,
    ...task,
  });
}

test('a completion carries sticky attributes and asks for the next task', async () => {
  const { server, slots, runner, start } = runnerWith(async () => completed);
  start();
  const request = await server.next(WorkflowService.RespondWorkflowTaskCompleted);
  assert.equal(request.returnNewWorkflowTask, true);
  assert.equal(request.stickyAttributes?.workerTaskQueue?.name, 'test-sticky');
  assert.equal(request.stickyAttributes?.workerTaskQueue?.kind, TaskQueueKind.STICKY);
  assert.equal(request.stickyAttributes?.workerTaskQueue?.normalName, 'orders');
  assert.equal(request.stickyAttributes?.scheduleToStartTimeout, 10_000);
  await runner.whenIdle();
  assert.equal(slots.used, 0);
});

test('without a cache there are no sticky attributes and no inline task; a stopping worker does the same', async () => {
  for (const stop of [false, true]) {
    const { server, runner, start } = runnerWith(async () => completed, stop ? {} : { sticky: undefined });
    if (stop) runner.stop();
    start();
    const request = await server.next(WorkflowService.RespondWorkflowTaskCompleted);
    assert.equal(request.stickyAttributes, undefined);
    assert.equal(request.returnNewWorkflowTask, false);
  }
});

test('tasks that come with the reply are processed in the same slot until none comes', async () => {
  const tokens: number[] = [];
  const { server, slots, runner, start } = runnerWith(async (task) => {
    tokens.push(task.taskToken[0] ?? -1);
    assert.equal(slots.used, 1);
    return completed;
  });
  server.on(WorkflowService.RespondWorkflowTaskCompleted, ({ taskToken: [token = 0] }) =>
    token < 3 ? { workflowTask: taskOf({ taskToken: new Uint8Array([token + 1]) }) } : {},
  );
  start();
  await runner.whenIdle();
  assert.deepEqual(tokens, [1, 2, 3]);
});

test('a refused completion evicts the run, and the worker goes on', async () => {
  for (const error of [
    new RpcError(Code.INVALID_ARGUMENT, 'UnhandledCommand'),
    new RpcError(Code.NOT_FOUND, 'workflow task timed out'),
    new RpcError(Code.INVALID_ARGUMENT, 'BadScheduleActivityAttributes: no timeout'),
  ]) {
    const { server, executor, slots, runner, logger, start } = runnerWith(async () => completed);
    server.on(WorkflowService.RespondWorkflowTaskCompleted, () => {
      throw error;
    });
    start();
    await runner.whenIdle();
    assert.deepEqual(executor.evicted, ['run-1']);
    assert.equal(slots.used, 0);
    assert.equal(server.untaken(WorkflowService.RespondWorkflowTaskFailed), 0);
    // The first two are everyday events; only the third is the user's business.
    assert.equal(logger.lines.some((line) => line.startsWith('WARN')), error.message.startsWith('Bad'));
  }
});

test('a failed task is reported on its first attempt only; later ones are left to time out', async () => {
  for (const attempt of [1, 2]) {
    const { server, executor, runner, start } = runnerWith(async () => failed);
    start({ attempt });
    await runner.whenIdle();
    assert.equal(server.untaken(WorkflowService.RespondWorkflowTaskFailed), attempt === 1 ? 1 : 0);
    assert.deepEqual(executor.evicted, ['run-1']);
    if (attempt > 1) continue;
    const request = await server.next(WorkflowService.RespondWorkflowTaskFailed);
    assert.equal(request.cause, WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE);
    assert.equal(Failure.decode(request.failure ?? new Uint8Array()).message, 'x is not a function');
  }
});

test('an executor that throws loses its run, not the worker', async () => {
  const { executor, slots, runner, logger, start } = runnerWith(async () => {
    throw new TypeError('bug');
  });
  start();
  await runner.whenIdle();
  assert.deepEqual(executor.evicted, ['run-1']);
  assert.equal(slots.used, 0);
  assert.ok(logger.lines.some((line) => line.startsWith('ERROR')));
});

test('commands that are too large for a message fail the task with that cause', async () => {
  const { server, start } = runnerWith(async () => completed);
  server.on(WorkflowService.RespondWorkflowTaskCompleted, () => {
    throw new RpcError(Code.RESOURCE_EXHAUSTED, 'grpc: received message larger than max (5000000 vs. 4194304)');
  });
  start();
  const request = await server.next(WorkflowService.RespondWorkflowTaskFailed);
  assert.equal(request.cause, WorkflowTaskFailedCause.GRPC_MESSAGE_TOO_LARGE);
});

test('a direct query is answered with its result or its failure', async () => {
  const answers: TaskOutcome[] = [
    { kind: 'query', answer: { ok: true, result: { payloads: [] } } },
    { kind: 'query', answer: { ok: false, message: 'no such query', failure: { message: 'no such query' } } },
  ];
  const { server, start } = runnerWith(async () => answers.shift() ?? completed);
  start();
  assert.equal((await server.next(WorkflowService.RespondQueryTaskCompleted)).completedType, QueryResultType.ANSWERED);
  start();
  const refusal = await server.next(WorkflowService.RespondQueryTaskCompleted);
  assert.equal(refusal.completedType, QueryResultType.FAILED);
  assert.equal(refusal.errorMessage, 'no such query');
});

test('two tasks of one run wait for each other, those of different runs do not', async () => {
  const log: string[] = [];
  const gates = new Map<string, () => void>();
  const { server, runner, start } = runnerWith(async (task) => {
    const name = `${task.workflowExecution?.runId} ${task.taskToken[0]}`;
    log.push(`begin ${name}`);
    await new Promise<void>((resolve) => gates.set(name, resolve));
    log.push(`end ${name}`);
    return completed;
  });
  start({ taskToken: new Uint8Array([1]) });
  start({ taskToken: new Uint8Array([2]) });
  start({ taskToken: new Uint8Array([3]), workflowExecution: { workflowId: 'order-2', runId: 'run-2' } });
  await settle();
  assert.deepEqual(log, ['begin run-1 1', 'begin run-2 3']);
  gates.get('run-1 1')?.();
  await settle();
  assert.deepEqual(log, ['begin run-1 1', 'begin run-2 3', 'end run-1 1', 'begin run-1 2']);
  gates.get('run-1 2')?.();
  gates.get('run-2 3')?.();
  await runner.whenIdle();
  assert.equal(server.untaken(WorkflowService.RespondWorkflowTaskCompleted), 3);
});

test('the executor gets more history page by page', async () => {
  const pages: [Uint8Array, Uint8Array][] = [];
  const { server, runner, start } = runnerWith(async (_task, fetchHistory) => {
    let token = new Uint8Array([0]);
    while (token.byteLength > 0) {
      const page = await fetchHistory(token);
      pages.push([token, page.history]);
      token = new Uint8Array(page.nextPageToken);
    }
    return completed;
  });
  server.router.add(WorkflowService.GetWorkflowExecutionHistory, ({ execution, nextPageToken: [page = 0] }) => {
    assert.equal(execution?.runId, 'run-1');
    return { history: new Uint8Array([page]), nextPageToken: page < 2 ? new Uint8Array([page + 1]) : undefined };
  });
  start();
  await runner.whenIdle();
  assert.deepEqual(pages.map(([token, history]) => [token[0], history[0]]), [
    [0, 0],
    [1, 1],
    [2, 2],
  ]);
});

test('eager activities: one slot per request, unused ones go back, none for other queues or unknown types', async () => {
  let free = 2;
  const slot: Slot = { use: () => {}, release: () => void (free += 1) };
  const started: Uint8Array[] = [];
  const activities: EagerActivities = {
    has: (type) => type === 'charge',
    tryReserve: () => (free > 0 && (free -= 1) >= 0 ? slot : undefined),
    start: (task: PollActivityTaskQueueResponse) => void started.push(task.taskToken),
  };
  const schedule = (type: string, taskQueue = 'orders', requestEagerExecution = true) => ({
    commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
    scheduleActivityTaskCommandAttributes: { activityId: type, activityType: { name: type }, taskQueue: { name: taskQueue }, requestEagerExecution },
  });
  const notAllowed = schedule('charge', 'orders', false);
  const commands = [notAllowed, schedule('charge', 'elsewhere'), schedule('ship'), schedule('charge'), schedule('charge'), schedule('charge')];
  const { server, runner, start } = runnerWith(async () => ({ ...completed, commands }), {
    eager: { activities, maximumPerTask: 3 },
  });
  const asked: boolean[] = [];
  server.on(WorkflowService.RespondWorkflowTaskCompleted, (request) => {
    for (const command of request.commands) asked.push(command.scheduleActivityTaskCommandAttributes?.requestEagerExecution ?? false);
    return { activityTasks: [{ taskToken: new Uint8Array([9]) }] };
  });
  start();
  await runner.whenIdle();
  assert.deepEqual(asked, [false, false, false, true, true, false]);
  assert.deepEqual(started, [new Uint8Array([9])]);
  assert.equal(free, 1);
  // The executor's own commands stay as they are: it compares them with the history later.
  assert.deepEqual(commands.map(({ scheduleActivityTaskCommandAttributes }) => scheduleActivityTaskCommandAttributes.requestEagerExecution), [false, true, true, true, true, true]);
});

test('a completion that fails gives the reserved slots back', async () => {
  let reserved = 0;
  const activities: EagerActivities = {
    has: () => true,
    tryReserve: () => {
      reserved += 1;
      return { use: () => {}, release: () => void (reserved -= 1) };
    },
    start: () => assert.fail('nothing to start'),
  };
  const command = { scheduleActivityTaskCommandAttributes: { activityType: { name: 'charge' }, taskQueue: { name: 'orders' }, requestEagerExecution: true } };
  const { server, runner, start } = runnerWith(async () => ({ ...completed, commands: [command] }), {
    eager: { activities, maximumPerTask: 3 },
  });
  server.on(WorkflowService.RespondWorkflowTaskCompleted, () => {
    throw new RpcError(Code.NOT_FOUND, 'too late');
  });
  start();
  await runner.whenIdle();
  assert.equal(reserved, 0);
});

test('a task that the server forgot is forgotten by the executor', async () => {
  const { server, executor, runner, start } = runnerWith(async () => completed);
  server.on(WorkflowService.RespondWorkflowTaskCompleted, () => ({ resetHistoryEventId: 3 }));
  start();
  const request = await server.next(WorkflowService.RespondWorkflowTaskCompleted);
  await runner.whenIdle();
  assert.deepEqual([executor.forgotten, executor.evicted], [['run-1', 3], []]);
  assert.equal(request.capabilities?.discardSpeculativeWorkflowTaskWithEvents, true);
});

test('a task that is renewed for local activities comes back here, until the worker has stopped them', async () => {
  for (const stopped of [false, true]) {
    const { server, executor, runner, start } = runnerWith(async () => ({ ...completed, forceNewTask: true }), { sticky: undefined, localActivities: { stopped } });
    runner.stop();
    start();
    const request = await server.next(WorkflowService.RespondWorkflowTaskCompleted);
    assert.deepEqual([request.forceCreateNewWorkflowTask, request.returnNewWorkflowTask], [true, !stopped]);
    await runner.whenIdle();
    assert.deepEqual(executor.evicted, stopped ? ['run-1'] : []);
  }
});
