/** Workflow tasks: sticky queues and their fallback, workers that come and go. */
import assert from 'node:assert/strict';
import { WorkerStatus, WorkflowService, WorkflowTaskFailedCause, type Command, type Init } from '#perdure/protocol/index';
import { eventually, execute, failure, start, type Scenario } from '../scenario.js';
import { HandWorker, command, ids } from './by-hand.js';

type Fault = Extract<
  keyof typeof WorkflowTaskFailedCause,
  | 'BAD_SCHEDULE_ACTIVITY_ATTRIBUTES'
  | 'SCHEDULE_ACTIVITY_DUPLICATE_ID'
  | 'BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES'
  | 'BAD_START_TIMER_ATTRIBUTES'
  | 'START_TIMER_DUPLICATE_ID'
  | 'BAD_CANCEL_TIMER_ATTRIBUTES'
  | 'BAD_RECORD_MARKER_ATTRIBUTES'
>;

/** Commands that cannot be carried out: what the workflow task fails with. */
const FAULTS: readonly (readonly [name: string, cause: Fault, commands: (taskQueue: string) => readonly Init<Command>[]])[] = [
  ['an activity needs a timeout', 'BAD_SCHEDULE_ACTIVITY_ATTRIBUTES', (queue) => [command.activity('a', queue, 0)]],
  ['two pending activities cannot have one id', 'SCHEDULE_ACTIVITY_DUPLICATE_ID', (queue) => [command.activity('a', queue), command.activity('a', queue)]],
  ['only a pending activity can be cancelled', 'BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES', () => [command.cancelActivity(77)]],
  ['a timer needs an id', 'BAD_START_TIMER_ATTRIBUTES', () => [command.timer('', 1000)]],
  ['two running timers cannot have one id', 'START_TIMER_DUPLICATE_ID', () => [command.timer('a', 1000), command.timer('a', 1000)]],
  ['only a running timer can be cancelled', 'BAD_CANCEL_TIMER_ATTRIBUTES', () => [command.cancelTimer('a')]],
  ['a marker needs a name', 'BAD_RECORD_MARKER_ATTRIBUTES', () => [command.marker('')]],
];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a workflow of many tasks',
    covers: ['rpc:PollWorkflowTaskQueue'],
    varies: 'the second task may come inline or by a poll',
    run: async (stage) => assert.equal(await execute(stage, 'multiStep'), '[0][1][2][3][4]'),
  },
  {
    name: 'a workflow goes on with another worker after its own stopped',
    worker: 'own',
    covers: ['rpc:ShutdownWorker'],
    varies: 'which worker takes which signal',
    run: async (stage) => {
      const handle = await start(stage, 'ordered', [3]);
      {
        await using _ = await stage.worker();
        await handle.signal('push', 1);
        assert.deepEqual(await handle.query('pushed'), [1]);
      }
      await handle.signal('push', 2);
      await using _ = await stage.worker();
      await handle.signal('push', 3);
      assert.deepEqual(await handle.result(), [1, 2, 3]);
    },
  },
  {
    name: 'two workers share one queue',
    worker: 'own',
    only: { sdk: 'ours', because: 'the official SDK refuses two such workers in one process' },
    covers: [],
    varies: 'which worker takes which task',
    run: async (stage) => {
      await using _one = await stage.worker({ buildId: 'one' });
      await using _two = await stage.worker({ buildId: 'two', maxCachedWorkflows: 2 });
      const workflows = await Promise.all(Array.from({ length: 20 }, (_, i) => start(stage, 'multiStep', [], { workflowId: stage.id(`shared-${i}`) })));
      const results = await Promise.all(workflows.map((handle) => handle.result()));
      assert.deepEqual(new Set(results), new Set(['[0][1][2][3][4]']));
    },
  },
  {
    name: 'a workflow task that fails is tried again, without a trace in the history after the first time',
    worker: 'own',
    covers: ['rpc:RespondWorkflowTaskFailed', 'event:WORKFLOW_TASK_FAILED', 'cause:workflowTask.WORKFLOW_WORKER_UNHANDLED_FAILURE'],
    run: async (stage) => {
      const worker = new HandWorker(stage);
      await worker.start();
      await worker.fail(await worker.poll());
      const second = await worker.poll();
      assert.deepEqual([second.attempt, ids(second)], [2, [1, 2, 3, 4, 5, 6]]);
      await worker.fail(second);
      const third = await worker.poll();
      assert.deepEqual([third.attempt, ids(third)], [3, [1, 2, 3, 4, 5, 6]]);
      await worker.complete(third, [command.complete()]);
      assert.equal((await stage.history(worker.workflowId)).length, 8);
    },
  },
  {
    name: 'new events make a first attempt of a workflow task again',
    worker: 'own',
    covers: ['event:WORKFLOW_EXECUTION_SIGNALED'],
    run: async (stage) => {
      const worker = new HandWorker(stage);
      await worker.start();
      await worker.fail(await worker.poll());
      await worker.fail(await worker.poll());
      await worker.signal('news');
      const task = await worker.poll();
      assert.deepEqual([task.attempt, ids(task)], [1, [1, 2, 3, 4, 5, 6, 7]]);
      await worker.complete(task, [command.complete()]);
    },
  },
  {
    name: 'a worker that stays silent loses its workflow task',
    worker: 'own',
    covers: ['event:WORKFLOW_TASK_TIMED_OUT', 'timeout:workflowTask.startToClose'],
    run: async (stage) => {
      const worker = new HandWorker(stage);
      await worker.start({ workflowTaskTimeout: '1s' });
      const lost = await worker.poll();
      const next = await worker.poll();
      assert.equal(next.attempt, 2);
      await assert.rejects(worker.complete(lost), /not found/i);
      await worker.complete(next, [command.complete()]);
    },
  },
  {
    name: 'a sticky worker gets what is new; if it is busy too long, any worker gets everything',
    worker: 'own',
    covers: ['timeout:workflowTask.scheduleToStart'],
    run: async (stage) => {
      const worker = new HandWorker(stage);
      await worker.start();
      const first = worker.poll('sticky');
      await worker.complete(await worker.poll(), [command.timer('t', 600_000)], worker.sticky(1000));
      await worker.signal('one');
      const task = await first;
      assert.deepEqual([task.previousStartedEventId, ids(task)], [3, [4, 5, 6, 7, 8]]);
      assert.equal(task.workflowExecutionTaskQueue?.name, stage.taskQueue);
      await worker.complete(task, [], worker.sticky(1000));
      await worker.signal('two');
      const fallback = await worker.poll();
      assert.deepEqual([fallback.previousStartedEventId, ids(fallback)[0], fallback.attempt], [8, 1, 1]);
      await worker.complete(fallback, [command.complete()]);
    },
  },
  {
    name: 'a workflow whose stickiness is reset goes to any worker',
    worker: 'own',
    covers: ['rpc:ResetStickyTaskQueue'],
    run: async (stage) => {
      const worker = new HandWorker(stage);
      await worker.start();
      await worker.complete(await worker.poll(), [command.timer('t', 600_000)], worker.sticky(60_000));
      await stage.call(WorkflowService.ResetStickyTaskQueue, { namespace: stage.namespace, execution: { workflowId: worker.workflowId } });
      await worker.signal('news');
      const task = await worker.poll();
      assert.equal(ids(task)[0], 1);
      await worker.complete(task, [command.complete()]);
      await assert.rejects(stage.call(WorkflowService.ResetStickyTaskQueue, { namespace: stage.namespace, execution: { workflowId: worker.workflowId } }), /completed/);
    },
  },
  {
    name: 'a workflow may not close over events that it has not seen',
    worker: 'own',
    covers: ['cause:workflowTask.UNHANDLED_COMMAND'],
    run: async (stage) => {
      const worker = new HandWorker(stage);
      await worker.start();
      const task = await worker.poll();
      await worker.signal('news');
      const refused = await failure(worker.complete(task, [command.complete()]));
      assert.equal(refused.message, 'UnhandledCommand');
      const next = await worker.poll();
      assert.deepEqual(ids(next), [1, 2, 3, 4, 5, 6, 7]);
      await worker.complete(next, [command.complete()]);
    },
  },
  {
    name: 'the next workflow task comes with the completion of the one before',
    worker: 'own',
    covers: ['rpc:RespondWorkflowTaskCompleted'],
    run: async (stage) => {
      const worker = new HandWorker(stage);
      await worker.start();
      const task = await worker.poll();
      await worker.signal('news');
      const { workflowTask } = await worker.complete(task, [command.timer('t', 600_000)], { returnNewWorkflowTask: true });
      assert.ok(workflowTask);
      assert.deepEqual([workflowTask.previousStartedEventId, ids(workflowTask)], [3, [4, 5, 6, 7, 8]]);
      const heartbeat = await worker.complete(workflowTask, [], { returnNewWorkflowTask: true, forceCreateNewWorkflowTask: true });
      assert.ok(heartbeat.workflowTask);
      const last = await worker.complete(heartbeat.workflowTask, [command.complete()], { returnNewWorkflowTask: true });
      assert.equal(last.workflowTask, undefined);
    },
  },
  ...FAULTS.map(([name, cause, commands]): Scenario => {
    return {
      name,
      worker: 'own',
      covers: [`cause:workflowTask.${cause}`],
      run: async (stage) => {
        const worker = new HandWorker(stage);
        await worker.start();
        const refused = await failure(worker.complete(await worker.poll(), commands(worker.taskQueue)));
        assert.match(refused.message, new RegExp(`^${cause.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}: `));
        const task = await worker.poll();
        assert.equal(task.attempt, 2);
        await worker.complete(task, [command.complete()]);
        const failed = (await stage.history(worker.workflowId))[3]?.workflowTaskFailedEventAttributes;
        assert.equal(failed?.cause, WorkflowTaskFailedCause[cause]);
      },
    };
  }),
  {
    name: 'a worker whose answer does not fit through ends the workflow',
    worker: 'own',
    covers: ['cause:workflowTask.FORCE_CLOSE_COMMAND', 'event:WORKFLOW_EXECUTION_TERMINATED'],
    run: async (stage) => {
      const worker = new HandWorker(stage);
      await worker.start();
      await worker.fail(await worker.poll(), WorkflowTaskFailedCause.GRPC_MESSAGE_TOO_LARGE);
      const events = await stage.history(worker.workflowId);
      assert.equal(events.at(-1)?.workflowExecutionTerminatedEventAttributes?.reason, 'GrpcMessageTooLarge');
    },
  },
  {
    name: 'a completion answers for one attempt only',
    worker: 'own',
    covers: ['event:WORKFLOW_TASK_COMPLETED'],
    run: async (stage) => {
      const worker = new HandWorker(stage);
      await worker.start();
      const task = await worker.poll();
      await worker.complete(task, [command.timer('t', 600_000)]);
      await assert.rejects(worker.complete(task), /not found/i);
      await assert.rejects(worker.fail(task), /not found/i);
      await worker.signal('end');
      await worker.complete(await worker.poll(), [command.complete()]);
    },
  },
  {
    name: 'operators see the workers that send heartbeats, until they say goodbye',
    worker: 'own',
    covers: ['rpc:RecordWorkerHeartbeat', 'rpc:ListWorkers', 'rpc:CountWorkers', 'rpc:DescribeWorker', 'rpc:ShutdownWorker'],
    run: async (stage) => {
      const { namespace } = stage;
      const workerInstanceKey = stage.id('worker');
      const workerHeartbeat = { workerInstanceKey, workerIdentity: 'by hand', taskQueue: stage.id('listed'), sdkName: 'by-hand', status: WorkerStatus.RUNNING };
      await stage.call(WorkflowService.RecordWorkerHeartbeat, { namespace, identity: 'by hand', workerHeartbeat: [workerHeartbeat] });
      const query = `TaskQueue = "${workerHeartbeat.taskQueue}" AND Status = "Running"`;
      const listed = await eventually(async () => {
        const { workersInfo } = await stage.call(WorkflowService.ListWorkers, { namespace, query });
        return workersInfo.length === 1 && workersInfo;
      });
      assert.equal(listed[0]?.workerHeartbeat?.workerInstanceKey, workerInstanceKey);
      assert.equal((await stage.call(WorkflowService.CountWorkers, { namespace, query })).count, 1);
      const { workerInfo } = await stage.call(WorkflowService.DescribeWorker, { namespace, workerInstanceKey });
      assert.equal(workerInfo?.workerHeartbeat?.sdkName, 'by-hand');
      await stage.call(WorkflowService.ShutdownWorker, { namespace, workerInstanceKey, workerHeartbeat: { ...workerHeartbeat, status: WorkerStatus.SHUTDOWN } });
      await eventually(async () => (await stage.call(WorkflowService.ListWorkers, { namespace, query })).workersInfo.length === 0);
    },
  },
];
