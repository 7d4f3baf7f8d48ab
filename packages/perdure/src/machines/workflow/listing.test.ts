/**
 * What lists see of a run, and when they have to be told: each new object is a write. That a listing which is kept is the one that would
 * be made anew is proved by `testing.ts` after every transition of every test.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandType, Payloads, SearchAttributes, WorkflowExecutionInfo, WorkflowExecutionStatus } from '../../protocol/index.js';
import type { Command, Init, PauseWorkflowExecutionRequest } from '../../protocol/index.js';
import type { ListedValue, Listing, MadeListing } from '../listing.js';
import { describe } from './index.js';
import { command, startedWorkflow, type TestWorkflow } from './testing/test-run.js';

const listing = (workflow: TestWorkflow): Listing => workflow.machine.listing?.(workflow.run.live) ?? assert.fail('it is listed');
const made = (workflow: TestWorkflow): MadeListing => listing(workflow).make();

const value = (json: unknown, type: string) => ({ metadata: { encoding: Buffer.from('json/plain'), type: Buffer.from(type) }, data: Buffer.from(JSON.stringify(json)) });
const upsert = (fields: Record<string, ReturnType<typeof value>>): Init<Command> => ({
  commandType: CommandType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
  upsertWorkflowSearchAttributesCommandAttributes: { searchAttributes: SearchAttributes.encode({ indexedFields: new Map(Object.entries(fields)) }) },
});

test('a run is listed from its start; steps that change nothing in lists give the same listing', () => {
  const workflow = startedWorkflow();
  const first = listing(workflow);
  assert.deepEqual(
    first.make().attributes,
    new Map<string, ListedValue>([
      ['WorkflowType', 'order'], ['ExecutionStatus', WorkflowExecutionStatus.RUNNING], ['TaskQueue', 'orders'],
      ['StartTime', workflow.now], ['ExecutionTime', workflow.now],
    ]),
  );
  const shown = WorkflowExecutionInfo.decode(first.make().shown);
  assert.deepEqual([shown.execution?.workflowId, shown.type?.name, shown.historyLength, shown.closeTime], ['order-1', 'order', 0, undefined]);

  workflow.step([command.activity('a'), command.timer('t', 1_000)]);
  const afterTask = listing(workflow);
  assert.notEqual(afterTask, first, 'the build that completed a task is listed');
  workflow.signal('s');
  workflow.pass(1_000);
  workflow.step([]);
  assert.equal(listing(workflow), afterTask);
});

test('a close lists how it ended and how long the history is', () => {
  const workflow = startedWorkflow();
  workflow.pass(500);
  workflow.step([command.complete()]);
  const { attributes, shown } = made(workflow);
  assert.deepEqual(
    ['ExecutionStatus', 'CloseTime', 'ExecutionDuration', 'HistoryLength'].map((name) => attributes.get(name)),
    [WorkflowExecutionStatus.COMPLETED, workflow.now, 500, 5],
  );
  assert.ok(Number(attributes.get('HistorySizeBytes')) > 0 && Number(attributes.get('StateTransitionCount')) > 0);
  const info = WorkflowExecutionInfo.decode(shown);
  assert.deepEqual([info.status, info.historyLength, info.executionDuration], [WorkflowExecutionStatus.COMPLETED, 5, 500]);
});

test('search attributes are listed by their types, and those that are unset are not', () => {
  const workflow = startedWorkflow();
  workflow.step([
    upsert({
      K: value('one', 'Keyword'), K1: value(['two'], 'Keyword'), I: value(5, 'Int'), B: value(true, 'Bool'), D: value('2025-01-31T12:00:00.5+01:00', 'Datetime'),
      L: value(['x', 'y'], 'KeywordList'), X: value('some text', 'Text'), Odd: value({ a: 1 }, 'Keyword'), Half: value('\ud800', 'Keyword'),
      Huge: { ...value(0, 'Double'), data: Buffer.from('1e999') },
    }),
  ]);
  const { attributes } = made(workflow);
  assert.deepEqual(
    ['K', 'K1', 'I', 'B', 'D', 'L', 'X', 'Odd', 'Half', 'Huge'].map((name) => attributes.get(name)),
    ['one', 'two', 5, 1, Date.UTC(2025, 0, 31, 11) + 500, ['x', 'y'], { text: 'some text' }, undefined, '\ufffd', undefined],
  );
  workflow.signal('s');
  workflow.step([upsert({ K: value(null, 'Keyword'), I: value(6, 'Int') })]);
  assert.deepEqual(['K', 'I'].map((name) => made(workflow).attributes.get(name)), [undefined, 6]);
});

test('a paused run is listed as paused', () => {
  const workflow = startedWorkflow();
  const request: PauseWorkflowExecutionRequest = { namespace: '', workflowId: '', runId: '', identity: 'operator', reason: 'look', requestId: 'p' };
  workflow.expect('done', { type: 'pause', request });
  assert.equal(made(workflow).attributes.get('ExecutionStatus'), WorkflowExecutionStatus.PAUSED);
  assert.deepEqual(made(workflow).attributes.get('TemporalPauseInfo'), ['Workflow:order-1', 'Reason:look']);
});

test('a run that is to be deleted is not listed', () => {
  const workflow = startedWorkflow();
  workflow.send({ type: 'delete' });
  assert.equal(workflow.machine.listing?.(workflow.run.live), undefined);
});

test('payloads that clients keep outside are counted: for describe at once, for lists once the run is closed', () => {
  const messageType = Buffer.from('temporal.api.sdk.v1.ExternalStorageReference');
  const input = Payloads.encode({ payloads: [{ metadata: { messageType }, data: Buffer.from('{}'), externalPayloads: [{ sizeBytes: 1_000 }, { sizeBytes: 5 }] }] });
  const workflow = startedWorkflow({ input });
  const counts = () => {
    const { externalPayloadCount, externalPayloadSizeBytes } = describe(workflow.run.live).workflowExecutionInfo ?? {};
    return [externalPayloadCount, externalPayloadSizeBytes];
  };
  assert.deepEqual(counts(), [2, 1_005]);
  assert.equal(made(workflow).attributes.has('TemporalExternalPayloadCount'), false);
  workflow.step([command.complete()]);
  assert.deepEqual(counts(), [2, 1_005]);
  const { attributes } = made(workflow);
  assert.deepEqual([attributes.get('TemporalExternalPayloadCount'), attributes.get('TemporalExternalPayloadSizeBytes')], [2, 1_005]);
});
