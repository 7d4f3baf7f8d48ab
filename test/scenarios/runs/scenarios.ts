/** How runs start, follow one another, pause, change and tell of their end. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import {
  Callback,
  CallbackState,
  Code,
  EventType,
  History,
  Link,
  Memo,
  Payload,
  Payloads,
  Priority,
  RpcError,
  SearchAttributes,
  WorkflowExecutionStatus,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowService,
  OperatorService,
  IndexedValueType,
  type DescribeWorkflowExecutionResponse,
  type HistoryEvent,
  type Init,
  type StartWorkflowExecutionRequest,
  type StartWorkflowExecutionResponse,
} from '#perdure/protocol/index';
import { eventually, execute, failure, start, type Scenario, type Stage } from '../scenario.js';

const types = (events: readonly HistoryEvent[]): number[] => events.map(({ eventType }) => eventType);
const refusedWith = (code: Code, says?: RegExp) => (error: unknown) => error instanceof RpcError && error.code === code && (says?.test(error.message) ?? true);

const describe = (stage: Stage, workflowId: string, runId = ''): Promise<DescribeWorkflowExecutionResponse> =>
  stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: stage.namespace, execution: { workflowId, runId } });

const startRaw = (stage: Stage, name: string, request: Init<StartWorkflowExecutionRequest> = {}): Promise<StartWorkflowExecutionResponse> =>
  stage.call(WorkflowService.StartWorkflowExecution, {
    namespace: stage.namespace,
    workflowId: stage.id(name),
    workflowType: { name: 'waits' },
    taskQueue: { name: stage.taskQueue },
    requestId: `${stage.id(name)}/start`,
    ...request,
  });

const finish = (stage: Stage, workflowId: string, value = 'done'): Promise<void> => stage.client.workflow.getHandle(workflowId).signal('finish', value);
const terminate = (stage: Stage, workflowId: string): Promise<unknown> => stage.client.workflow.getHandle(workflowId).terminate('over');

/** The first workflow task has been completed: the run waits. */
const idle = (stage: Stage, workflowId: string): Promise<HistoryEvent[]> =>
  eventually(async () => {
    const events = await stage.history(workflowId);
    return events.at(-1)?.eventType === EventType.WORKFLOW_TASK_COMPLETED && events;
  }, 'an idle run');

/** The runs of a chain, first to last, once it has this many. */
async function chain(stage: Stage, workflowId: string, firstRunId: string, length: number): Promise<HistoryEvent[][]> {
  const runs: HistoryEvent[][] = [];
  let runId = firstRunId;
  while (runs.length < length) {
    const id = runId;
    const events = await eventually(async () => {
      const seen = await stage.history(workflowId, id);
      return (runs.length + 1 === length || successorOf(seen) !== '') && seen;
    }, `run ${runs.length + 1} of the chain`);
    runs.push(events);
    runId = successorOf(events);
  }
  return runs;
}

function successorOf(events: readonly HistoryEvent[]): string {
  const last = events.at(-1);
  return (
    last?.workflowExecutionCompletedEventAttributes?.newExecutionRunId ??
    last?.workflowExecutionFailedEventAttributes?.newExecutionRunId ??
    last?.workflowExecutionTimedOutEventAttributes?.newExecutionRunId ??
    last?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ??
    ''
  );
}

const startedOf = (events: readonly HistoryEvent[] | undefined) => {
  const attributes = events?.[0]?.workflowExecutionStartedEventAttributes;
  assert.ok(attributes);
  return attributes;
};

const json = (value: unknown): Payload => Payload.create({ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)) });
const attributes = (fields: Record<string, unknown>) => SearchAttributes.encode({ indexedFields: new Map(Object.entries(fields).map(([name, value]) => [name, json(value)])) });
const priority = (fields: Init<Priority>) => Priority.encode(Priority.create(fields));
const USE_EXISTING = { workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING } as const;
const link = Link.encode({ workflowEvent: { namespace: 'n', workflowId: 'w', runId: 'r' } });

/** Posts that came, as their bodies. It answers with `status`. */
async function receiver(): Promise<{ readonly url: string; readonly bodies: string[]; status: number } & AsyncDisposable> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      bodies.push(`${String(request.headers['nexus-operation-state'])} ${Buffer.concat(parts).toString()}`);
      response.statusCode = there.status;
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const there = {
    url: `http://127.0.0.1:${address.port}/`,
    bodies,
    status: 200,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
  return there;
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a cron schedule starts run after run, and hands on the last result and the last failure',
    covers: ['policy:continueAsNew.CRON_SCHEDULE', 'event:WORKFLOW_EXECUTION_COMPLETED', 'event:WORKFLOW_EXECUTION_FAILED', 'rpc:TerminateWorkflowExecution'],
    run: async (stage) => {
      const { runId } = await startRaw(stage, 'counts', { workflowType: { name: 'counts' }, cronSchedule: '@every 1s' });
      const runs = await chain(stage, stage.id('counts'), runId, 4);
      await terminate(stage, stage.id('counts'));
      assert.deepEqual(runs.slice(0, 3).map((events) => events.at(-1)?.eventType), [EventType.WORKFLOW_EXECUTION_COMPLETED, EventType.WORKFLOW_EXECUTION_FAILED, EventType.WORKFLOW_EXECUTION_COMPLETED]);
      assert.deepEqual(runs.map((events) => startedOf(events).cronSchedule), ['@every 1s', '@every 1s', '@every 1s', '@every 1s']);
      assert.deepEqual(runs.map((events) => startedOf(events).continuedFailure !== undefined), [false, false, true, false]);
      assert.equal(runs[1]?.at(-1)?.workflowExecutionFailedEventAttributes?.retryState, 5);
    },
    varies: 'the last run is seen at any moment before it ends',
  },
  {
    name: 'a schedule that cannot be, or that goes with a delay, is refused',
    covers: ['rpc:StartWorkflowExecution'],
    run: async (stage) => {
      for (const cronSchedule of ['61 * * * *', '* * *', '@sometimes', 'CRON_TZ=Nowhere * * * * *', '0 0 30 2 *']) {
        await assert.rejects(startRaw(stage, 'w', { cronSchedule }), refusedWith(Code.INVALID_ARGUMENT, /CronSchedule/));
      }
      await assert.rejects(startRaw(stage, 'w', { cronSchedule: '@daily', workflowStartDelay: 1000 }), refusedWith(Code.INVALID_ARGUMENT));
    },
  },
  {
    name: 'a cancel request does not wait for the time of a schedule, and ends it',
    covers: ['rpc:RequestCancelWorkflowExecution', 'event:WORKFLOW_EXECUTION_CANCELED'],
    run: async (stage) => {
      await startRaw(stage, 'w', { cronSchedule: '@daily' });
      await stage.client.workflow.getHandle(stage.id('w')).cancel();
      const events = await eventually(async () => {
        const seen = await stage.history(stage.id('w'));
        return seen.at(-1)?.eventType === EventType.WORKFLOW_EXECUTION_CANCELED && seen;
      });
      assert.equal((await describe(stage, stage.id('w'))).workflowExecutionInfo?.status, WorkflowExecutionStatus.CANCELED);
      assert.equal(events[1]?.eventType, EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED);
    },
    varies: 'the delay depends on the time of day',
  },
  {
    name: 'a failed run is retried until it succeeds',
    covers: ['policy:continueAsNew.RETRY', 'policy:retryState.IN_PROGRESS'],
    run: async (stage) => {
      const handle = await start(stage, 'failsUntil', [3], { retry: { initialInterval: '10 milliseconds' } });
      assert.equal(await handle.result(), 3);
      const first = (handle as unknown as { firstExecutionRunId: string }).firstExecutionRunId;
      const runs = await chain(stage, handle.workflowId, first, 3);
      assert.deepEqual(runs.map((events) => startedOf(events).attempt), [1, 2, 3]);
      assert.deepEqual(new Set(runs.map((events) => startedOf(events).firstExecutionRunId)), new Set([first]));
    },
  },
  {
    name: 'a retry ends with its attempts, at a failure that is not retryable, and at a type that the policy names',
    covers: ['policy:retryState.MAXIMUM_ATTEMPTS_REACHED', 'policy:retryState.NON_RETRYABLE_FAILURE', 'policy:retry.maximumAttempts', 'policy:retry.nonRetryableErrorTypes'],
    run: async (stage) => {
      const ends = async (name: string, args: unknown[], retry: object): Promise<number | undefined> => {
        const handle = await start(stage, 'failsUntil', args, { workflowId: stage.id(name), retry });
        await failure(handle.result());
        return (await stage.history(handle.workflowId)).at(-1)?.workflowExecutionFailedEventAttributes?.retryState;
      };
      assert.equal(await ends('attempts', [9], { initialInterval: '10 milliseconds', maximumAttempts: 2 }), 4);
      assert.equal(await ends('refused', [9, true], {}), 2);
      assert.equal(await ends('named', [9], { nonRetryableErrorTypes: ['Again'] }), 2);
    },
  },
  {
    name: 'a failure says how long to wait, the policy how long at most',
    covers: ['policy:retry.nextRetryDelay', 'policy:retry.maximumInterval'],
    run: async (stage) => {
      const handle = await start(stage, 'failsWithDelay', ['1 hour'], { retry: { initialInterval: '1 second', maximumInterval: '2 seconds' } });
      assert.equal(await handle.result(), 2);
      assert.equal(startedOf(await stage.history(handle.workflowId)).firstWorkflowTaskBackoff, 2000);
    },
  },
  {
    name: 'a run that times out is retried; the end of the chain\'s time is the end',
    covers: ['timeout:workflow.run', 'timeout:workflow.execution', 'event:WORKFLOW_EXECUTION_TIMED_OUT', 'policy:retryState.TIMEOUT'],
    worker: 'own',
    run: async (stage) => {
      const byRun = await startRaw(stage, 'run', { workflowRunTimeout: 1000, retryPolicy: { maximumAttempts: 2 } });
      const runs = await chain(stage, stage.id('run'), byRun.runId, 2);
      assert.deepEqual([startedOf(runs[1]).attempt, startedOf(runs[1]).continuedFailure !== undefined], [2, true]);
      await startRaw(stage, 'execution', { workflowExecutionTimeout: 1000, retryPolicy: {} });
      const events = await eventually(async () => {
        const seen = await stage.history(stage.id('execution'));
        return seen.at(-1)?.eventType === EventType.WORKFLOW_EXECUTION_TIMED_OUT && seen;
      });
      assert.deepEqual([events.at(-1)?.workflowExecutionTimedOutEventAttributes?.retryState, successorOf(events)], [3, '']);
      await eventually(async () => (await describe(stage, stage.id('run'))).workflowExecutionInfo?.status === WorkflowExecutionStatus.TIMED_OUT);
    },
  },
  {
    name: 'a start is delayed; a second signal-with-start ends the delay',
    covers: ['rpc:SignalWithStartWorkflowExecution', 'rpc:SignalWorkflowExecution'],
    run: async (stage) => {
      const request = {
        namespace: stage.namespace,
        workflowId: stage.id('w'),
        workflowType: { name: 'waits' },
        taskQueue: { name: stage.taskQueue },
        signalName: 'unknown',
        workflowStartDelay: 3_600_000,
      };
      const first = await stage.call(WorkflowService.SignalWithStartWorkflowExecution, { ...request, requestId: '1' });
      assert.equal(first.started, true);
      await stage.call(WorkflowService.SignalWorkflowExecution, { namespace: stage.namespace, workflowExecution: { workflowId: stage.id('w') }, signalName: 'unknown', requestId: '2' });
      assert.deepEqual(types(await stage.history(stage.id('w'))), [EventType.WORKFLOW_EXECUTION_STARTED, EventType.WORKFLOW_EXECUTION_SIGNALED, EventType.WORKFLOW_EXECUTION_SIGNALED]);
      const second = await stage.call(WorkflowService.SignalWithStartWorkflowExecution, { ...request, requestId: '3' });
      assert.deepEqual([second.started, second.runId], [false, first.runId]);
      await finish(stage, stage.id('w'));
      assert.equal(await stage.client.workflow.getHandle(stage.id('w')).result(), 'done');
    },
    varies: 'the signals after the end of the delay meet the first task before or after it begins',
  },
  {
    name: 'the same start again is the same run, also when it is closed',
    covers: ['rpc:StartWorkflowExecution'],
    run: async (stage) => {
      const first = await startRaw(stage, 'w');
      const again = await startRaw(stage, 'w');
      assert.deepEqual([again.runId, again.started, again.status], [first.runId, true, WorkflowExecutionStatus.RUNNING]);
      await idle(stage, stage.id('w'));
      await finish(stage, stage.id('w'));
      await stage.client.workflow.getHandle(stage.id('w')).result();
      const closed = await startRaw(stage, 'w');
      assert.deepEqual([closed.runId, closed.started, closed.status], [first.runId, true, WorkflowExecutionStatus.COMPLETED]);
      assert.equal(Link.decode(first.link ?? new Uint8Array(0)).workflowEvent?.eventRef?.eventType, EventType.WORKFLOW_EXECUTION_STARTED);
    },
  },
  {
    name: 'a start of a running id is refused, uses the run, or replaces it',
    covers: ['policy:idConflict.FAIL', 'policy:idConflict.USE_EXISTING', 'policy:idConflict.TERMINATE_EXISTING', 'policy:idReuse.TERMINATE_IF_RUNNING', 'event:WORKFLOW_EXECUTION_TERMINATED'],
    run: async (stage) => {
      const first = await startRaw(stage, 'w');
      await idle(stage, stage.id('w'));
      const other = { requestId: 'other' };
      await assert.rejects(startRaw(stage, 'w', { ...other, workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL }), refusedWith(Code.ALREADY_EXISTS, /already running/));
      const used = await startRaw(stage, 'w', { ...other, ...USE_EXISTING });
      assert.deepEqual([used.runId, used.started], [first.runId, false]);
      const second = await startRaw(stage, 'w', { requestId: 'r2', workflowIdConflictPolicy: WorkflowIdConflictPolicy.TERMINATE_EXISTING });
      assert.deepEqual([second.started, second.runId !== first.runId], [true, true]);
      const ended = (await stage.history(stage.id('w'), first.runId)).at(-1);
      assert.equal(ended?.workflowExecutionTerminatedEventAttributes?.reason, 'TerminateIfRunning WorkflowIdReusePolicy');
      await idle(stage, stage.id('w'));
      const third = await startRaw(stage, 'w', { requestId: 'r3', workflowIdReusePolicy: WorkflowIdReusePolicy.TERMINATE_IF_RUNNING });
      assert.equal((await describe(stage, stage.id('w'), second.runId)).workflowExecutionInfo?.status, WorkflowExecutionStatus.TERMINATED);
      assert.equal((await describe(stage, stage.id('w'))).workflowExecutionInfo?.execution?.runId, third.runId);
      await idle(stage, stage.id('w'));
      await terminate(stage, stage.id('w'));
    },
  },
  {
    name: 'a closed id is used again as the reuse policy says',
    covers: ['policy:idReuse.ALLOW_DUPLICATE', 'policy:idReuse.ALLOW_DUPLICATE_FAILED_ONLY', 'policy:idReuse.REJECT_DUPLICATE'],
    run: async (stage) => {
      await startRaw(stage, 'w');
      await idle(stage, stage.id('w'));
      await finish(stage, stage.id('w'));
      await stage.client.workflow.getHandle(stage.id('w')).result();
      for (const workflowIdReusePolicy of [WorkflowIdReusePolicy.REJECT_DUPLICATE, WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY]) {
        await assert.rejects(startRaw(stage, 'w', { requestId: 'r2', workflowIdReusePolicy }), refusedWith(Code.ALREADY_EXISTS, /already finished/));
      }
      await startRaw(stage, 'w', { requestId: 'r3', workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE });
      await idle(stage, stage.id('w'));
      await terminate(stage, stage.id('w'));
      await startRaw(stage, 'w', { requestId: 'r4', workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY });
      await idle(stage, stage.id('w'));
      await terminate(stage, stage.id('w'));
    },
  },
  {
    name: 'policies that contradict each other are refused',
    covers: ['rpc:StartWorkflowExecution', 'rpc:SignalWithStartWorkflowExecution'],
    run: async (stage) => {
      const { TERMINATE_IF_RUNNING, REJECT_DUPLICATE } = WorkflowIdReusePolicy;
      const { FAIL, TERMINATE_EXISTING } = WorkflowIdConflictPolicy;
      await assert.rejects(startRaw(stage, 'w', { workflowIdReusePolicy: TERMINATE_IF_RUNNING, workflowIdConflictPolicy: FAIL }), refusedWith(Code.INVALID_ARGUMENT));
      await assert.rejects(startRaw(stage, 'w', { workflowIdReusePolicy: REJECT_DUPLICATE, workflowIdConflictPolicy: TERMINATE_EXISTING }), refusedWith(Code.INVALID_ARGUMENT));
      await assert.rejects(startRaw(stage, 'w', { ...USE_EXISTING, onConflictOptions: { attachCompletionCallbacks: true } }), refusedWith(Code.INVALID_ARGUMENT));
      const signalWithStart = { namespace: stage.namespace, workflowId: stage.id('w'), workflowType: { name: 'waits' }, taskQueue: { name: stage.taskQueue }, signalName: 's', workflowIdConflictPolicy: FAIL };
      await assert.rejects(stage.call(WorkflowService.SignalWithStartWorkflowExecution, signalWithStart), refusedWith(Code.INVALID_ARGUMENT));
    },
  },
  {
    name: 'a start that uses the run leaves its request id and links on it, once',
    covers: ['event:WORKFLOW_EXECUTION_OPTIONS_UPDATED', 'policy:idConflict.USE_EXISTING'],
    run: async (stage) => {
      await startRaw(stage, 'w');
      await idle(stage, stage.id('w'));
      for (let n = 0; n < 2; n++) {
        const reply = await startRaw(stage, 'w', { requestId: 'r2', ...USE_EXISTING, links: [link], onConflictOptions: { attachRequestId: true, attachLinks: true } });
        assert.equal(Link.decode(reply.link ?? new Uint8Array(0)).workflowEvent?.requestIdRef?.requestId, 'r2');
      }
      const events = await stage.history(stage.id('w'));
      assert.deepEqual(types(events).slice(4), [EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED]);
      assert.deepEqual([events[4]?.links.length, events[4]?.workerMayIgnore], [1, true]);
      const infos = (await describe(stage, stage.id('w'))).workflowExtendedInfo?.requestIdInfos;
      assert.deepEqual([infos?.get('r2')?.eventId, infos?.get(`${stage.id('w')}/start`)?.eventId], [5, 1]);
      await finish(stage, stage.id('w'), 'goes on');
      assert.equal(await stage.client.workflow.getHandle(stage.id('w')).result(), 'goes on');
    },
  },
  {
    name: 'options of a run are changed by a mask',
    covers: ['rpc:UpdateWorkflowExecutionOptions', 'event:WORKFLOW_EXECUTION_OPTIONS_UPDATED'],
    run: async (stage) => {
      await startRaw(stage, 'w', { priority: priority({ priorityKey: 2, fairnessKey: 'tenant' }) });
      await idle(stage, stage.id('w'));
      const update = { namespace: stage.namespace, workflowExecution: { workflowId: stage.id('w') }, identity: 'operator' };
      const level = await stage.call(WorkflowService.UpdateWorkflowExecutionOptions, { ...update, workflowExecutionOptions: { priority: priority({ priorityKey: 4 }) }, updateMask: { paths: ['priority.priority_key'] } });
      assert.deepEqual(Priority.decode(level.workflowExecutionOptions?.priority ?? new Uint8Array(0)), { priorityKey: 4, fairnessKey: 'tenant', fairnessWeight: 0 });
      await stage.call(WorkflowService.UpdateWorkflowExecutionOptions, { ...update, workflowExecutionOptions: { versioningOverride: { autoUpgrade: true } }, updateMask: { paths: ['versioning_override'] } });
      // Nothing new: nothing is written.
      await stage.call(WorkflowService.UpdateWorkflowExecutionOptions, { ...update, workflowExecutionOptions: { versioningOverride: { autoUpgrade: true } }, updateMask: { paths: ['versioning_override'] } });
      await stage.call(WorkflowService.UpdateWorkflowExecutionOptions, { ...update, workflowExecutionOptions: {}, updateMask: { paths: ['versioning_override'] } });
      await assert.rejects(stage.call(WorkflowService.UpdateWorkflowExecutionOptions, update), refusedWith(Code.INVALID_ARGUMENT));
      await assert.rejects(stage.call(WorkflowService.UpdateWorkflowExecutionOptions, { ...update, workflowExecutionOptions: {}, updateMask: { paths: ['nope'] } }), refusedWith(Code.INVALID_ARGUMENT));
      const events = (await stage.history(stage.id('w'))).slice(4);
      assert.deepEqual(events.map(({ workflowExecutionOptionsUpdatedEventAttributes: a }) => [a?.unsetVersioningOverride, a?.versioningOverride?.autoUpgrade]), [[true, undefined], [false, true], [true, undefined]]);
      await finish(stage, stage.id('w'));
      await stage.client.workflow.getHandle(stage.id('w')).result();
      await assert.rejects(stage.call(WorkflowService.UpdateWorkflowExecutionOptions, { ...update, workflowExecutionOptions: {}, updateMask: { paths: ['priority'] } }), refusedWith(Code.NOT_FOUND));
    },
  },
  {
    name: 'a paused run takes signals and makes no step until it is unpaused',
    covers: ['rpc:PauseWorkflowExecution', 'rpc:UnpauseWorkflowExecution', 'event:WORKFLOW_EXECUTION_PAUSED', 'event:WORKFLOW_EXECUTION_UNPAUSED', 'rpc:QueryWorkflow'],
    run: async (stage) => {
      const workflowId = stage.id('w');
      await startRaw(stage, 'w');
      await idle(stage, workflowId);
      const target = { namespace: stage.namespace, workflowId, identity: 'operator' };
      await assert.rejects(stage.call(WorkflowService.UnpauseWorkflowExecution, target), refusedWith(Code.FAILED_PRECONDITION));
      for (let n = 0; n < 2; n++) await stage.call(WorkflowService.PauseWorkflowExecution, { ...target, reason: 'look', requestId: 'p' });
      await assert.rejects(stage.call(WorkflowService.PauseWorkflowExecution, { ...target, requestId: 'p2' }), refusedWith(Code.FAILED_PRECONDITION));
      const described = await describe(stage, workflowId);
      assert.deepEqual([described.workflowExecutionInfo?.status, described.workflowExtendedInfo?.pauseInfo?.reason], [WorkflowExecutionStatus.PAUSED, 'look']);
      await finish(stage, workflowId, 'late');
      const query = await stage.call(WorkflowService.QueryWorkflow, { namespace: stage.namespace, execution: { workflowId }, query: { queryType: 'state' } });
      assert.equal(query.queryRejected?.status, WorkflowExecutionStatus.PAUSED);
      assert.deepEqual(types(await stage.history(workflowId)).slice(4), [EventType.WORKFLOW_EXECUTION_PAUSED, EventType.WORKFLOW_EXECUTION_SIGNALED]);
      await stage.call(WorkflowService.UnpauseWorkflowExecution, { ...target, reason: 'seen' });
      assert.equal(await stage.client.workflow.getHandle(workflowId).result(), 'late');
    },
  },
  {
    name: 'a run that is paused before its first task gets it afterwards',
    covers: ['rpc:PauseWorkflowExecution', 'rpc:UnpauseWorkflowExecution'],
    worker: 'own',
    run: async (stage) => {
      await startRaw(stage, 'w');
      const target = { namespace: stage.namespace, workflowId: stage.id('w') };
      await stage.call(WorkflowService.PauseWorkflowExecution, target);
      await stage.call(WorkflowService.UnpauseWorkflowExecution, target);
      await using _worker = await stage.worker();
      await idle(stage, stage.id('w'));
      await finish(stage, stage.id('w'));
      assert.equal(await stage.client.workflow.getHandle(stage.id('w')).result(), 'done');
    },
  },
  {
    name: 'memo and search attributes are set, changed and unset, with their types',
    covers: ['command:UPSERT_WORKFLOW_SEARCH_ATTRIBUTES', 'command:MODIFY_WORKFLOW_PROPERTIES', 'event:UPSERT_WORKFLOW_SEARCH_ATTRIBUTES', 'event:WORKFLOW_PROPERTIES_MODIFIED'],
    run: async (stage) => {
      await startRaw(stage, 'w', {
        workflowType: { name: 'annotates' },
        searchAttributes: attributes({ ScenarioKeyword: 'first', ScenarioInt: 1, ScenarioDouble: 1.5, ScenarioBool: true, ScenarioDatetime: '2020-01-01T00:00:00Z', ScenarioText: 'some words' }),
        memo: Memo.encode({ fields: new Map([['kept', json('first')], ['dropped', json(1)]]) }),
      });
      await stage.client.workflow.getHandle(stage.id('w')).result();
      const { workflowExecutionInfo } = await describe(stage, stage.id('w'));
      const { indexedFields } = SearchAttributes.decode(workflowExecutionInfo?.searchAttributes ?? new Uint8Array(0));
      const custom = [...indexedFields].filter(([name]) => name.startsWith('Scenario')).sort(([a], [b]) => (a < b ? -1 : 1));
      assert.deepEqual(
        custom.map(([name, { metadata, data }]) => [name.slice('Scenario'.length), Buffer.from(metadata['type'] ?? []).toString(), JSON.parse(Buffer.from(data).toString())]),
        [
          ['Bool', 'Bool', true],
          ['Datetime', 'Datetime', '2020-01-01T00:00:00Z'],
          ['Double', 'Double', 1.5],
          ['Keyword', 'Keyword', ['changed']],
          ['KeywordList', 'KeywordList', ['a', 'b']],
          ['Text', 'Text', 'some words'],
        ],
      );
      assert.deepEqual([...Memo.decode(workflowExecutionInfo?.memo ?? new Uint8Array(0)).fields.keys()], ['kept']);
    },
  },
  {
    name: 'search attributes that do not exist, or do not fit, are refused',
    covers: ['rpc:StartWorkflowExecution'],
    run: async (stage) => {
      const refused: [Record<string, unknown>, RegExp][] = [
        [{ Nope: 1 }, /no mapping defined for search attribute Nope/],
        [{ RunId: 'x' }, /RunId attribute can't be set/],
        [{ ScenarioInt: 'x' }, /invalid value for search attribute ScenarioInt of type Int/],
        [{ ScenarioKeyword: 'x'.repeat(3000) }, /exceeds size limit/],
      ];
      for (const [fields, says] of refused) await assert.rejects(startRaw(stage, 'w', { searchAttributes: attributes(fields) }), refusedWith(Code.INVALID_ARGUMENT, says));
    },
  },
  {
    name: 'search attributes of a namespace are added, listed and removed',
    covers: ['rpc:AddSearchAttributes', 'rpc:ListSearchAttributes', 'rpc:RemoveSearchAttributes', 'rpc:GetSearchAttributes'],
    run: async (stage) => {
      // A name that stays: a namespace of Temporal's has few places for new ones.
      const name = 'ScenarioRunsBool';
      const request = { namespace: stage.namespace, searchAttributes: new Map([[name, IndexedValueType.BOOL]]) };
      await stage.call(OperatorService.AddSearchAttributes, request);
      await eventually(async () => (await stage.call(OperatorService.ListSearchAttributes, { namespace: stage.namespace })).customAttributes.get(name) === IndexedValueType.BOOL);
      assert.equal((await stage.call(WorkflowService.GetSearchAttributes, {})).keys.get('WorkflowId'), IndexedValueType.KEYWORD);
      await assert.rejects(stage.call(OperatorService.AddSearchAttributes, { ...request, searchAttributes: new Map([['RunId', IndexedValueType.KEYWORD]]) }), refusedWith(Code.INVALID_ARGUMENT));
      await assert.rejects(stage.call(OperatorService.RemoveSearchAttributes, { namespace: stage.namespace, searchAttributes: ['RunId'] }), refusedWith(Code.INVALID_ARGUMENT));
      await stage.call(OperatorService.RemoveSearchAttributes, { namespace: stage.namespace, searchAttributes: [name] });
      await eventually(async () => !(await stage.call(OperatorService.ListSearchAttributes, { namespace: stage.namespace })).customAttributes.has(name));
    },
    varies: 'it changes the namespace, and leaves no history',
  },
  {
    name: 'the end of a chain is posted to its completion callbacks',
    covers: ['rpc:StartWorkflowExecution', 'rpc:DescribeWorkflowExecution', 'policy:continueAsNew.WORKFLOW'],
    server: 'own', // Which addresses may be called is the server's configuration.
    run: async (stage) => {
      await using there = await receiver();
      const callback = Callback.encode({ nexus: { url: there.url, header: new Map([['x-token', 'abc']]) } });
      const { runId } = await startRaw(stage, 'w', { workflowType: { name: 'continues' }, input: Payloads.encode({ payloads: [json(1)] }), completionCallbacks: [callback] });
      assert.equal(await stage.client.workflow.getHandle(stage.id('w')).result(), 'the end of the chain');
      await eventually(async () => (await describe(stage, stage.id('w'))).callbacks[0]?.state === CallbackState.SUCCEEDED);
      assert.deepEqual(there.bodies, ['succeeded "the end of the chain"']);
      assert.equal((await describe(stage, stage.id('w'), runId)).callbacks[0]?.state, CallbackState.STANDBY);
    },
  },
  {
    name: 'a completion callback that is not taken is posted again after the server was killed',
    covers: ['rpc:StartWorkflowExecution', 'rpc:DescribeWorkflowExecution'],
    server: 'own',
    run: async (stage) => {
      await using there = await receiver();
      there.status = 503;
      const workflowId = stage.id('w');
      await startRaw(stage, 'w', { completionCallbacks: [Callback.encode({ nexus: { url: there.url, header: new Map() } })] });
      await idle(stage, workflowId);
      await finish(stage, workflowId);
      await eventually(async () => (await describe(stage, workflowId)).callbacks[0]?.state === CallbackState.BACKING_OFF);
      await stage.server?.kill();
      there.status = 200;
      await stage.server?.start();
      await eventually(async () => (await describe(stage, workflowId)).callbacks[0]?.state === CallbackState.SUCCEEDED);
      assert.deepEqual(new Set(there.bodies), new Set(['succeeded "done"']));
    },
  },
  {
    name: 'a cron schedule goes on after the server was killed',
    covers: ['policy:continueAsNew.CRON_SCHEDULE'],
    server: 'own',
    run: async (stage) => {
      const { runId } = await startRaw(stage, 'w', { workflowType: { name: 'counts' }, cronSchedule: '@every 1s' });
      await chain(stage, stage.id('w'), runId, 2);
      await stage.server?.kill();
      await stage.server?.start();
      await chain(stage, stage.id('w'), runId, 4);
      await terminate(stage, stage.id('w'));
    },
    varies: 'the last run is seen at any moment before it ends',
  },
  {
    name: 'a run that continues as new is one chain with one result',
    covers: ['command:CONTINUE_AS_NEW_WORKFLOW_EXECUTION', 'event:WORKFLOW_EXECUTION_CONTINUED_AS_NEW', 'policy:continueAsNew.WORKFLOW'],
    run: async (stage) => assert.equal(await execute(stage, 'continues', 2), 'the end of the chain'),
    varies: 'a run that ended quickly delays the next by what is left of a second',
  },
  {
    name: 'histories are read from behind, by their end, and with a token that names the run',
    covers: ['rpc:GetWorkflowExecutionHistoryReverse', 'rpc:GetWorkflowExecutionHistory'],
    run: async (stage) => {
      await execute(stage, 'sleeps', '1 millisecond');
      const execution = { workflowId: stage.id('sleeps') };
      const reversed = await stage.call(WorkflowService.GetWorkflowExecutionHistoryReverse, { namespace: stage.namespace, execution });
      const ids = History.decode(reversed.history ?? new Uint8Array(0)).events.map(({ eventId }) => eventId);
      assert.deepEqual(ids, ids.toSorted((a, b) => b - a));
      assert.equal(ids.at(-1), 1);
      const wrong = { ...execution, runId: '0198c7aa-0000-7000-8000-000000000000' };
      await assert.rejects(stage.call(WorkflowService.GetWorkflowExecutionHistoryReverse, { namespace: stage.namespace, execution: wrong }), refusedWith(Code.NOT_FOUND));
      await assert.rejects(stage.call(WorkflowService.GetWorkflowExecutionHistory, { namespace: stage.namespace, execution, nextPageToken: Buffer.from('xx') }), refusedWith(Code.INVALID_ARGUMENT));
    },
  },
  {
    name: 'payloads that clients keep outside of the history are counted',
    covers: ['rpc:DescribeWorkflowExecution'],
    worker: 'own',
    run: async (stage) => {
      const metadata = { encoding: Buffer.from('json/protobuf'), messageType: Buffer.from('temporal.api.sdk.v1.ExternalStorageReference') };
      const reference = { metadata, data: Buffer.from('{"driverName":"d"}'), externalPayloads: [{ sizeBytes: 3_000 }] };
      await startRaw(stage, 'outside', { input: Payloads.encode({ payloads: [reference, reference] }) });
      const { workflowExecutionInfo } = await describe(stage, stage.id('outside'));
      assert.deepEqual([workflowExecutionInfo?.externalPayloadCount, workflowExecutionInfo?.externalPayloadSizeBytes], [2, 6_000]);
      await terminate(stage, stage.id('outside'));
    },
  },
];
