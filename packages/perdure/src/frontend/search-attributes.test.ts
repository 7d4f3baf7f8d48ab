/** Search attributes: what a namespace has, and that only fitting values get into a history. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Code,
  CommandType,
  EventType,
  IndexedValueType,
  OperatorService,
  RpcError,
  SearchAttributes,
  WorkflowExecutionStatus,
  WorkflowService,
  WorkflowTaskFailedCause,
  type Command,
  type Init,
  type Payload,
} from '../protocol/index.js';
import { NAMESPACE, Stage } from '../server/testing/stage.js';

const { AddSearchAttributes, ListSearchAttributes, RemoveSearchAttributes } = OperatorService;
const TYPES = { K: 'Keyword', I: 'Int', D: 'Double', B: 'Bool', T: 'Datetime', L: 'KeywordList', X: 'Text' } as const;

const value = (json: unknown, type?: string): Payload => ({
  metadata: { encoding: Buffer.from('json/plain'), ...(type !== undefined && { type: Buffer.from(type) }) },
  data: Buffer.from(JSON.stringify(json)),
  externalPayloads: [],
});
const attributes = (fields: Record<string, Payload>) => SearchAttributes.encode({ indexedFields: new Map(Object.entries(fields)) });
const invalid = (says: RegExp) => (error: unknown) => error instanceof RpcError && error.code === Code.INVALID_ARGUMENT && says.test(error.message);

async function described(stage: Stage, workflowId: string): Promise<Record<string, string>> {
  const { workflowExecutionInfo } = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId } });
  const { indexedFields } = SearchAttributes.decode(workflowExecutionInfo?.searchAttributes ?? new Uint8Array(0));
  return Object.fromEntries(
    [...indexedFields].filter(([name]) => name !== 'BuildIds').map(([name, { metadata, data }]) => [name, `${Buffer.from(metadata['type'] ?? []).toString()} ${Buffer.from(data).toString()}`]),
  );
}

const upsert = (fields: Record<string, Payload>): Init<Command> => ({
  commandType: CommandType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
  upsertWorkflowSearchAttributesCommandAttributes: { searchAttributes: attributes(fields) },
});

test('attributes are added, listed and removed, and survive a restart', async () => {
  await using stage = await Stage.open();
  const add = (name: string, type: number) => stage.call(AddSearchAttributes, { namespace: NAMESPACE, searchAttributes: new Map([[name, type as IndexedValueType]]) });
  await add('CustomerId', IndexedValueType.KEYWORD);
  await add('CustomerId', IndexedValueType.KEYWORD);
  await add('Total', IndexedValueType.DOUBLE);
  await stage.restart();
  const { customAttributes, systemAttributes } = await stage.call(ListSearchAttributes, { namespace: NAMESPACE });
  assert.deepEqual(Object.fromEntries(customAttributes), { CustomerId: IndexedValueType.KEYWORD, Total: IndexedValueType.DOUBLE });
  assert.equal(systemAttributes.get('BuildIds'), IndexedValueType.KEYWORD_LIST);
  await stage.call(RemoveSearchAttributes, { namespace: NAMESPACE, searchAttributes: ['Total', 'unknown'] });
  assert.deepEqual([...(await stage.call(ListSearchAttributes, { namespace: NAMESPACE })).customAttributes.keys()], ['CustomerId']);

  await assert.rejects(add('CustomerId', IndexedValueType.INT), invalid(/exists with the type Keyword/));
  await assert.rejects(add('WorkflowId', IndexedValueType.KEYWORD), invalid(/reserved by system/));
  await assert.rejects(add('TemporalThing', IndexedValueType.KEYWORD), invalid(/reserved by system/));
  await assert.rejects(add('Foo', 9), invalid(/Unknown search attribute type/));
  await assert.rejects(add('', IndexedValueType.INT), invalid(/no name/));
  await assert.rejects(stage.call(AddSearchAttributes, { namespace: NAMESPACE }), invalid(/not set/));
  await assert.rejects(stage.call(RemoveSearchAttributes, { namespace: NAMESPACE, searchAttributes: ['RunId'] }), invalid(/non-custom/));
});

test('values of a start are checked, get their type, and leave out what is unset', async () => {
  await using stage = await Stage.open({ searchAttributes: TYPES });
  await stage.start('all', {
    searchAttributes: attributes({ K: value('a'), I: value(1), D: value(2), B: value(true), T: value('2020-01-01T00:00:00.5+02:00'), L: value(['a']), X: value('t'), BatcherUser: value('u') }),
  });
  assert.deepEqual(await described(stage, 'all'), {
    K: 'Keyword "a"', I: 'Int 1', D: 'Double 2', B: 'Bool true', T: 'Datetime "2020-01-01T00:00:00.5+02:00"', L: 'KeywordList ["a"]', X: 'Text "t"', BatcherUser: 'Keyword "u"',
  });
  await stage.start('unset', { searchAttributes: attributes({ K: value(null), L: value([]), I: value([5]) }) });
  assert.deepEqual(await described(stage, 'unset'), { I: 'Int [5]' });

  const wrong: [Record<string, Payload>, RegExp][] = [
    [{ Nope: value('x') }, /Namespace default has no mapping defined for search attribute Nope/],
    [{ RunId: value('x') }, /RunId attribute can't be set/],
    [{ TemporalWorkerDeployment: value('x') }, /can't be set/],
    [{ K: value(1) }, /invalid value for search attribute K of type Keyword: 1/],
    [{ K: value(['a', 'b']) }, /of type Keyword/],
    [{ I: value(1.5) }, /of type Int: 1.5/],
    [{ B: value('true') }, /of type Bool/],
    [{ T: value('yesterday') }, /of type Datetime/],
    [{ L: value('a') }, /of type KeywordList/],
    [{ K: { metadata: { encoding: Buffer.from('binary/plain') }, data: Buffer.from('x'), externalPayloads: [] } }, /of type Keyword/],
    [{ K: value('x'.repeat(3000)) }, /value size 3002 exceeds size limit 2048/],
  ];
  for (const [fields, says] of wrong) await assert.rejects(stage.start('wrong', { searchAttributes: attributes(fields) }), invalid(says));
});

test('a worker that upserts what cannot be fails its task; what is only too large ends the run', async () => {
  await using stage = await Stage.open({ searchAttributes: TYPES });
  await stage.start('w', { searchAttributes: attributes({ K: value('a'), I: value(1) }) });
  const task = await stage.pollWorkflow();
  await assert.rejects(stage.complete(task, [upsert({ Nope: value('x') })]), invalid(/^BadSearchAttributes: Namespace default has no mapping/));
  assert.equal((await stage.events('w')).find(({ eventType }) => eventType === EventType.WORKFLOW_TASK_FAILED)?.workflowTaskFailedEventAttributes?.cause, WorkflowTaskFailedCause.BAD_SEARCH_ATTRIBUTES);
  await stage.complete(await stage.pollWorkflow(), [upsert({ K: value(null), I: value(2) })]);
  assert.deepEqual(await described(stage, 'w'), { I: 'Int 2' });

  await stage.start('large');
  await assert.rejects(stage.complete(await stage.pollWorkflow(), [upsert({ K: value('x'.repeat(3000)) })]), invalid(/exceeds size limit/));
  const events = await stage.events('large');
  assert.equal(events.at(-1)?.eventType, EventType.WORKFLOW_EXECUTION_TERMINATED);
});

test('an attribute that is removed is refused from then on, and stays where it is', async () => {
  await using stage = await Stage.open({ searchAttributes: TYPES });
  await stage.start('w', { searchAttributes: attributes({ K: value('a') }) });
  await stage.call(RemoveSearchAttributes, { namespace: NAMESPACE, searchAttributes: ['K'] });
  assert.deepEqual(await described(stage, 'w'), { K: 'Keyword "a"' });
  await assert.rejects(stage.start('v', { searchAttributes: attributes({ K: value('a') }) }), invalid(/no mapping/));
  const { workflowExecutionInfo } = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId: 'w' } });
  assert.equal(workflowExecutionInfo?.status, WorkflowExecutionStatus.RUNNING);
});
