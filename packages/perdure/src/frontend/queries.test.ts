/** Queries: which way they reach a worker, that their answers know every earlier event, and that nobody waits for nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Code,
  Failure,
  QueryFailedFailure,
  QueryRejectCondition,
  QueryResultType,
  RpcError,
  WorkflowExecutionStatus,
  WorkflowNotReadyFailure,
  WorkflowService,
  WorkflowTaskFailedCause,
  type Init,
  type PollWorkflowTaskQueueResponse,
  type QueryWorkflowRequest,
} from '../protocol/index.js';
import type { CallOptions } from '../transport/transport.js';
import { completeWorkflow, eventsOf, NAMESPACE, payloads, QUEUE, Stage, startTimer, STICKY, sticky } from '../server/testing/stage.js';

const refusedWith = (code: Code) => (error: unknown) => error instanceof RpcError && error.code === code;
const ids = (task: { readonly history?: Uint8Array | undefined }): number[] => eventsOf(task).map((event) => event.eventId);
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

const query = (stage: Stage, request: Init<QueryWorkflowRequest> = {}, options?: CallOptions) =>
  stage.call(WorkflowService.QueryWorkflow, { namespace: NAMESPACE, execution: { workflowId: 'w' }, query: { queryType: 'status' }, ...request }, options);

const answer = (stage: Stage, task: PollWorkflowTaskQueueResponse, value: string) =>
  stage.call(WorkflowService.RespondQueryTaskCompleted, { taskToken: task.taskToken, completedType: QueryResultType.ANSWERED, queryResult: payloads(value) });

/** A run that waits for a timer: a worker knows all there is. */
async function idle(stage: Stage, completion = {}): Promise<void> {
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [startTimer('t', 3_600_000)], completion);
}

test('an idle run is asked directly, with its whole history where no worker has it', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  const asked = query(stage);
  const task = await stage.pollWorkflow();
  assert.equal(task.query?.queryType, 'status');
  assert.deepEqual([task.startedEventId, task.previousStartedEventId, task.attempt], [0, 3, 1]);
  assert.deepEqual(ids(task), [1, 2, 3, 4, 5]);
  assert.equal(task.queries.size, 0);
  await answer(stage, task, 'waiting');
  assert.equal(text((await asked).queryResult), text(payloads('waiting')));
  assert.equal((await stage.events('w')).length, 5, 'a query leaves no trace');
});

test('the sticky worker is asked without history', async () => {
  await using stage = await Stage.open();
  await idle(stage, sticky);
  const poll = stage.pollWorkflow(STICKY);
  await stage.clock.settle();
  const asked = query(stage);
  const task = await poll;
  assert.equal(task.history?.byteLength, 0);
  assert.deepEqual([task.startedEventId, task.previousStartedEventId], [0, 3]);
  assert.equal(task.workflowExecutionTaskQueue?.name, QUEUE);
  await answer(stage, task, 'waiting');
  assert.equal(text((await asked).queryResult), text(payloads('waiting')));
});

test('a sticky worker that stays silent is passed over', async () => {
  await using stage = await Stage.open();
  await idle(stage, sticky);
  const silent = stage.pollWorkflow(STICKY);
  await stage.clock.settle();
  const asked = query(stage);
  await silent;
  const other = stage.pollWorkflow();
  await stage.clock.settle();
  await stage.clock.advance(10_000);
  const task = await other;
  assert.equal(ids(task)[0], 1);
  await answer(stage, task, 'late');
  assert.equal(text((await asked).queryResult), text(payloads('late')));
});

test('a query rides on the workflow task that is to come, the first one included', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const asked = query(stage);
  await stage.clock.settle();
  const task = await stage.pollWorkflow();
  assert.equal(task.query, undefined);
  assert.deepEqual([...task.queries.values()].map((attached) => attached.queryType), ['status']);
  const queryResults = new Map([...task.queries.keys()].map((id) => [id, { resultType: QueryResultType.ANSWERED, answer: payloads('new') }]));
  await stage.complete(task, [startTimer('t', 1_000)], { queryResults });
  assert.equal(text((await asked).queryResult), text(payloads('new')));
});

test('a task that was handed out before the question does not answer it', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const task = await stage.pollWorkflow();
  await stage.signal('w', 'before the question');
  const asked = query(stage);
  await stage.clock.settle();
  const next = await stage.complete(task, [startTimer('t', 1_000)], { ...sticky, returnNewWorkflowTask: true });
  assert.equal(next.workflowTask?.queries.size, 1, 'it rides on the task that has the signal');
  const queryResults = new Map([...(next.workflowTask?.queries.keys() ?? [])].map((id) => [id, { resultType: QueryResultType.ANSWERED, answer: payloads('signalled') }]));
  await stage.complete(next.workflowTask ?? task, [], { queryResults });
  assert.equal(text((await asked).queryResult), text(payloads('signalled')));
});

test('when the task ends without an answer and nothing follows, the run is asked directly', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const task = await stage.pollWorkflow();
  const asked = query(stage);
  await stage.clock.settle();
  await stage.complete(task, [startTimer('t', 1_000)]);
  const direct = await stage.pollWorkflow();
  assert.equal(direct.query?.queryType, 'status');
  await answer(stage, direct, 'idle');
  assert.equal(text((await asked).queryResult), text(payloads('idle')));
});

test('an attempt that fails takes its queries to the next one, and too many failures end them', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const asked = query(stage);
  const outcome = assert.rejects(asked, (error) => refusedWith(Code.FAILED_PRECONDITION)(error) && (error as RpcError).detail(WorkflowNotReadyFailure) !== undefined);
  await stage.clock.settle();
  for (let attempt = 1; attempt <= 2; attempt++) {
    const task = await stage.pollWorkflow();
    assert.equal(task.queries.size, 1, `attempt ${attempt}`);
    await stage.call(WorkflowService.RespondWorkflowTaskFailed, { taskToken: task.taskToken, cause: WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE });
  }
  await outcome;
  await assert.rejects(query(stage), refusedWith(Code.FAILED_PRECONDITION));
});

test('closed runs answer, unless the caller rejects that or no worker ever ran them', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  const rejected = await query(stage, { queryRejectCondition: QueryRejectCondition.NOT_OPEN });
  assert.equal(rejected.queryRejected?.status, WorkflowExecutionStatus.COMPLETED);
  const asked = query(stage, { queryRejectCondition: QueryRejectCondition.NOT_COMPLETED_CLEANLY });
  await answer(stage, await stage.pollWorkflow(), 'done');
  assert.equal(text((await asked).queryResult), text(payloads('done')));

  await stage.start('w2');
  await stage.call(WorkflowService.TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'w2' } });
  await assert.rejects(query(stage, { execution: { workflowId: 'w2' } }), refusedWith(Code.FAILED_PRECONDITION));
  const unclean = await query(stage, { execution: { workflowId: 'w2' }, queryRejectCondition: QueryRejectCondition.NOT_COMPLETED_CLEANLY });
  assert.equal(unclean.queryRejected?.status, WorkflowExecutionStatus.TERMINATED);
});

test('the failure of a query handler reaches the caller', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  const asked = query(stage);
  const task = await stage.pollWorkflow();
  const failure = Failure.encode({ message: 'no such query' });
  await stage.call(WorkflowService.RespondQueryTaskCompleted, { taskToken: task.taskToken, completedType: QueryResultType.FAILED, errorMessage: 'no such query', failure });
  await assert.rejects(asked, (error) => {
    assert.ok(error instanceof RpcError && error.code === Code.INVALID_ARGUMENT);
    assert.equal(error.message, 'no such query');
    assert.equal(Failure.decode(error.detail(QueryFailedFailure)?.failure ?? new Uint8Array(0)).message, 'no such query');
    return true;
  });
});

test('without a poller a query fails instead of hanging', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  await stage.clock.advance(60_000);
  const outcome = assert.rejects(query(stage), refusedWith(Code.FAILED_PRECONDITION));
  await stage.clock.settle();
  await stage.clock.advance(20_000);
  await outcome;
});

test('an answer that nobody waits for is refused, and a caller that left leaves no task behind', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  const gone = new AbortController();
  const asked = query(stage, {}, { signal: gone.signal });
  const outcome = assert.rejects(asked, refusedWith(Code.CANCELLED));
  const task = await stage.pollWorkflow();
  gone.abort();
  await outcome;
  await stage.clock.settle();
  await assert.rejects(answer(stage, task, 'too late'), refusedWith(Code.NOT_FOUND));

  const second = new AbortController();
  const unserved = assert.rejects(query(stage, {}, { signal: second.signal }), refusedWith(Code.CANCELLED));
  await stage.clock.settle();
  second.abort();
  await unserved;
  await stage.clock.settle();
  await stage.signal('w', 'go');
  assert.equal((await stage.pollWorkflow()).query, undefined);
});

test('bad queries are refused', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  await assert.rejects(query(stage, { query: undefined }), refusedWith(Code.INVALID_ARGUMENT));
  await assert.rejects(query(stage, { query: { queryType: '' } }), refusedWith(Code.INVALID_ARGUMENT));
  await assert.rejects(query(stage, { execution: { workflowId: 'unknown' } }), refusedWith(Code.NOT_FOUND));
});

test('runs that no worker has in its cache are asked one question at a time', async () => {
  // A worker without a cache forgets the run after each answer, and every further question for it.
  await using stage = await Stage.open();
  await idle(stage);
  const gone = new AbortController();
  const asked = [query(stage), query(stage, {}, { signal: gone.signal }), query(stage)];
  const left = assert.rejects(asked[1] as Promise<unknown>, refusedWith(Code.CANCELLED));
  const first = await stage.pollWorkflow();
  const second = stage.pollWorkflow();
  let secondCame = false;
  void second.then(() => (secondCame = true));
  await stage.clock.settle();
  assert.equal(secondCame, false);
  gone.abort();
  await left;
  await answer(stage, first, 'one');
  await answer(stage, await second, 'three');
  assert.equal(text((await asked[0])?.queryResult), text(payloads('one')));
  assert.equal(text((await asked[2])?.queryResult), text(payloads('three')));
});
