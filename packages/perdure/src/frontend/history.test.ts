/** Reading histories: pages, waiting, and the answers that clients loop on. A wrong token here is a hot loop or a hang there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, HistoryEventFilterType, RpcError, WorkflowService, type GetWorkflowExecutionHistoryRequest, type Init } from '../protocol/index.js';
import { completeWorkflow, eventsOf, NAMESPACE, Stage, typeName } from '../server/testing/stage.js';

const refusedWith = (code: Code) => (error: unknown) => error instanceof RpcError && error.code === code;
const CLOSE = HistoryEventFilterType.CLOSE_EVENT;

const read = (stage: Stage, request: Init<GetWorkflowExecutionHistoryRequest> = {}) =>
  stage.call(WorkflowService.GetWorkflowExecutionHistory, { namespace: NAMESPACE, execution: { workflowId: 'w' }, ...request });
const ids = (reply: { readonly history?: Uint8Array | undefined }): number[] => eventsOf(reply).map((event) => event.eventId);

async function signalled(stage: Stage, signals: number): Promise<void> {
  await stage.start('w');
  for (let i = 0; i < signals; i++) await stage.signal('w', `s${i}`);
}

test('pages hold as many batches as asked for, whole, from memory and across restarts', async () => {
  for (const restarts of [false, true]) {
    await using stage = await Stage.open();
    await signalled(stage, 5);
    const pages: number[][] = [];
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const page = await read(stage, { maximumPageSize: 3, nextPageToken });
      pages.push(ids(page));
      nextPageToken = page.nextPageToken;
      if (restarts) await stage.restart();
    } while (nextPageToken.byteLength > 0);
    assert.deepEqual(pages, [[1, 2, 3, 4], [5, 6, 7]]);
  }
});

test('backwards, the newest comes first', async () => {
  await using stage = await Stage.open();
  await signalled(stage, 4);
  const reverse = (nextPageToken: Uint8Array = new Uint8Array(0)) =>
    stage.call(WorkflowService.GetWorkflowExecutionHistoryReverse, { namespace: NAMESPACE, execution: { workflowId: 'w' }, maximumPageSize: 3, nextPageToken });
  const first = await reverse();
  assert.deepEqual(ids(first), [6, 5, 4]);
  const second = await reverse(first.nextPageToken);
  assert.deepEqual(ids(second), [3, 2, 1]);
  assert.equal(second.nextPageToken.byteLength, 0);
  await assert.rejects(read(stage, { nextPageToken: first.nextPageToken }), refusedWith(Code.INVALID_ARGUMENT));
});

test('a page token belongs to its run, and is not guessed', async () => {
  await using stage = await Stage.open();
  await signalled(stage, 5);
  await stage.start('other');
  const { nextPageToken } = await read(stage, { maximumPageSize: 1 });
  await assert.rejects(read(stage, { nextPageToken, execution: { workflowId: 'other' } }), refusedWith(Code.INVALID_ARGUMENT));
  await assert.rejects(read(stage, { nextPageToken: Buffer.from('guess') }), refusedWith(Code.INVALID_ARGUMENT));
});

test('an unknown run is not an empty history', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  await assert.rejects(read(stage, { execution: { workflowId: 'unknown' } }), refusedWith(Code.NOT_FOUND));
  await assert.rejects(read(stage, { execution: { workflowId: 'w', runId: '0198c7aa-0000-7000-8000-000000000000' } }), refusedWith(Code.NOT_FOUND));
  await assert.rejects(read(stage, { execution: undefined }), refusedWith(Code.INVALID_ARGUMENT));
});

test('whoever waits for events gets those that are there, then each new one, then the end', async () => {
  await using stage = await Stage.open();
  await signalled(stage, 0);
  const first = await read(stage, { waitNewEvent: true });
  assert.deepEqual(ids(first), [1, 2]);
  assert.ok(first.nextPageToken.byteLength > 0);
  const waiting = read(stage, { waitNewEvent: true, nextPageToken: first.nextPageToken });
  await stage.clock.settle();
  await stage.signal('w', 'go');
  const second = await waiting;
  assert.deepEqual(ids(second), [3]);
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  const last = await read(stage, { waitNewEvent: true, nextPageToken: second.nextPageToken });
  assert.deepEqual(ids(last), [4, 5, 6]);
  assert.equal(last.nextPageToken.byteLength, 0);
});

test('a wait that expires answers no events and a token that goes on, across a restart', async () => {
  await using stage = await Stage.open();
  await signalled(stage, 0);
  const { nextPageToken } = await read(stage, { waitNewEvent: true });
  const waiting = read(stage, { waitNewEvent: true, nextPageToken });
  await stage.clock.settle();
  await stage.clock.advance(20_000);
  const expired = await waiting;
  assert.deepEqual(ids(expired), []);
  assert.ok(expired.nextPageToken.byteLength > 0);
  await stage.restart();
  await stage.signal('w', 'go');
  assert.deepEqual(ids(await read(stage, { waitNewEvent: true, nextPageToken: expired.nextPageToken })), [3]);
});

test('whoever waits for the end gets one event, and stays with the run that was first asked for', async () => {
  await using stage = await Stage.open();
  await signalled(stage, 0);
  const running = await read(stage, { historyEventFilterType: CLOSE });
  assert.deepEqual([ids(running), running.nextPageToken.byteLength], [[], 0]);
  const waiting = read(stage, { waitNewEvent: true, historyEventFilterType: CLOSE });
  await stage.clock.settle();
  await stage.signal('w', 'not the end');
  await stage.clock.advance(20_000);
  const expired = await waiting;
  assert.deepEqual(ids(expired), []);
  assert.ok(expired.nextPageToken.byteLength > 0);
  const again = read(stage, { waitNewEvent: true, historyEventFilterType: CLOSE, nextPageToken: expired.nextPageToken });
  await stage.clock.settle();
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  await stage.start('w', { requestId: 'next run' });
  const end = eventsOf(await again);
  assert.deepEqual(end.map((event) => typeName(event.eventType)), ['WORKFLOW_EXECUTION_COMPLETED']);
  const later = await read(stage, { waitNewEvent: true, historyEventFilterType: CLOSE, nextPageToken: expired.nextPageToken });
  assert.deepEqual(ids(later), end.map((event) => event.eventId));
  assert.equal(later.nextPageToken.byteLength, 0);
});

test('a wait ends when the engine closes', async () => {
  const stage = await Stage.open();
  await signalled(stage, 0);
  const waiting = read(stage, { waitNewEvent: true, historyEventFilterType: CLOSE });
  await stage.clock.settle();
  await Promise.all([assert.rejects(waiting, RpcError), stage[Symbol.asyncDispose]()]);
});
