/** Lists and counts over RPC: what was answered is in the next list, pages hold while runs come and close, and namespaces see their own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Code,
  CommandType,
  Failure,
  IndexedValueType,
  Memo,
  OperatorService,
  RpcError,
  SearchAttributes,
  WorkflowExecutionStatus,
  WorkflowService,
  type Init,
  type ListWorkflowExecutionsRequest,
  type WorkflowExecutionInfo,
} from '../protocol/index.js';
import { completeWorkflow, NAMESPACE, Stage } from '../server/testing/stage.js';

const { CountWorkflowExecutions, DeleteWorkflowExecution, ListArchivedWorkflowExecutions, ListClosedWorkflowExecutions, ListOpenWorkflowExecutions, ListWorkflowExecutions, ScanWorkflowExecutions, TerminateWorkflowExecution } = WorkflowService;

const ids = (executions: readonly WorkflowExecutionInfo[]) => executions.map(({ execution }) => execution?.workflowId);
const list = async (stage: Stage, query = '', more: Init<ListWorkflowExecutionsRequest> = {}) => ids((await stage.call(ListWorkflowExecutions, { namespace: NAMESPACE, query, ...more })).executions);
const refused = (says: RegExp, code: Code = Code.INVALID_ARGUMENT) => (error: unknown) => error instanceof RpcError && error.code === code && says.test(error.message);
const json = (value: unknown) => ({ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)) });
const attributes = (fields: Record<string, unknown>) => SearchAttributes.encode({ indexedFields: new Map(Object.entries(fields).map(([name, value]) => [name, json(value)])) });
const terminate = (stage: Stage, workflowId: string) => stage.call(TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId } });
const second = (stage: Stage) => stage.clock.advance(1_000);

test('a list shows each answer at once: the start, what a workflow task upserts, the end, the deletion', async () => {
  await using stage = await Stage.open({ searchAttributes: { Customer: 'Keyword' } });
  await stage.start('w', { memo: Memo.encode({ fields: new Map([['note', json('x')]]) }), searchAttributes: attributes({ Customer: 'ann' }) });
  const [info] = (await stage.call(ListWorkflowExecutions, { namespace: NAMESPACE, query: "Customer = 'ann'" })).executions;
  assert.deepEqual([info?.type?.name, info?.taskQueue, info?.status, info?.startTime, info?.closeTime], ['order', 'queue', WorkflowExecutionStatus.RUNNING, stage.clock.now(), undefined]);
  assert.deepEqual([...Memo.decode(info?.memo ?? new Uint8Array(0)).fields.keys()], ['note']);
  const customer = SearchAttributes.decode(info?.searchAttributes ?? new Uint8Array(0)).indexedFields.get('Customer');
  assert.equal(Buffer.from(customer?.metadata['type'] ?? []).toString(), 'Keyword');

  const upserted = { commandType: CommandType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, upsertWorkflowSearchAttributesCommandAttributes: { searchAttributes: attributes({ Customer: 'bob' }) } };
  await stage.complete(await stage.pollWorkflow(), [upserted]);
  assert.deepEqual([await list(stage, "Customer = 'ann'"), await list(stage, "Customer = 'bob' AND CloseTime IS NULL")], [[], ['w']]);
  await stage.signal('w', 'end');
  await second(stage);
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  assert.deepEqual(await list(stage, "ExecutionStatus = 'Completed' AND CloseTime = 'now' AND ExecutionDuration = '1s' AND HistoryLength > 8 AND BuildIds = 'unversioned'"), ['w']);
  await stage.restart();
  assert.deepEqual(await list(stage, "Customer = 'bob' AND ExecutionStatus = 'Completed'"), ['w']);
  await stage.call(DeleteWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'w' } });
  assert.deepEqual(await list(stage), []);
});

test('a search finds a run by parts of its id and type, and by what went wrong in it', async () => {
  await using stage = await Stage.open();
  for (const id of ['invoice-1', 'invoice-2', 'refund-1']) await stage.start(id);
  const failure = Failure.encode({ message: 'Activity task failed', cause: { message: 'Carte refusée: CARD_DECLINED', cause: { message: 'code 51' } } });
  const failed = { commandType: CommandType.FAIL_WORKFLOW_EXECUTION, failWorkflowExecutionCommandAttributes: { failure } };
  await stage.complete(await stage.pollWorkflow(), [failed]);
  await stage.call(TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'refund-1' }, reason: 'Customer asked' });
  const cases: [query: string, expected: string[]][] = [
    ["'INVOICE'", ['invoice-2', 'invoice-1']],
    ["'voice-2 order'", ['invoice-2']],
    ["'refusee card'", ['invoice-1']],
    ["'51' AND ExecutionStatus = 'Failed'", ['invoice-1']],
    ["FailureMessage = 'asked'", ['refund-1']],
    ['FailureMessage IS NULL', ['invoice-2']],
    ["'efusée' OR NOT 'r'", []],
  ];
  for (const when of ['now', 'after a restart']) {
    for (const [query, expected] of cases) assert.deepEqual(await list(stage, query), expected, `${query} ${when}`);
    await stage.restart();
  }
  assert.equal((await stage.call(CountWorkflowExecutions, { namespace: NAMESPACE, query: "'invoice'" })).count, 2);
});

test('an attribute that was added again with another type finds what was written since', async () => {
  await using stage = await Stage.open({ searchAttributes: { Level: 'Keyword' } });
  await stage.start('old', { searchAttributes: attributes({ Level: 'high' }) });
  const add = (type: IndexedValueType) => stage.call(OperatorService.AddSearchAttributes, { namespace: NAMESPACE, searchAttributes: new Map([['Level', type]]) });
  await assert.rejects(add(IndexedValueType.INT), refused(/exists with the type Keyword/));
  await stage.call(OperatorService.RemoveSearchAttributes, { namespace: NAMESPACE, searchAttributes: ['Level'] });
  await assert.rejects(list(stage, "Level = 'high'"), refused(/invalid search attribute: Level/));
  await add(IndexedValueType.INT);
  await stage.start('new', { searchAttributes: attributes({ Level: 7 }) });
  assert.deepEqual([await list(stage, 'Level > 0'), await list(stage, 'Level != 7'), await list(stage, 'Level IS NOT NULL')], [['new'], [], ['new', 'old']]);
  await assert.rejects(list(stage, "Level = 'high'"), refused(/of type Int/));
});

test('what runs comes first, then what closed last; pages go on whatever happens between them; the size is capped', async () => {
  await using stage = await Stage.open();
  for (const id of ['a', 'b', 'c', 'd']) {
    await stage.start(id);
    await second(stage);
  }
  await terminate(stage, 'd');
  await second(stage);
  await terminate(stage, 'b');
  assert.deepEqual(await list(stage), ['c', 'a', 'b', 'd']);
  assert.deepEqual(await list(stage, 'ORDER BY StartTime DESC'), ['d', 'c', 'b', 'a']);
  assert.deepEqual(await list(stage, "NOT WorkflowId = 'a' ORDER BY ExecutionStatus, WorkflowId DESC"), ['c', 'd', 'b']);
  const first = await stage.call(ListWorkflowExecutions, { namespace: NAMESPACE, pageSize: 2 });
  await stage.start('e');
  await terminate(stage, 'c');
  assert.deepEqual(await list(stage, '', { pageSize: 2, nextPageToken: first.nextPageToken }), ['c', 'b'], 'c has moved behind the first page');
  const scanned = await stage.call(ScanWorkflowExecutions, { namespace: NAMESPACE, query: "WorkflowType = 'order'", pageSize: -1 });
  assert.equal(scanned.executions.length, 5);
  assert.equal(scanned.nextPageToken.byteLength, 0);
  for (const nextPageToken of [Buffer.from('x'), first.nextPageToken]) {
    await assert.rejects(list(stage, 'ORDER BY StartTime', { nextPageToken }), refused(/page token/));
  }
});

test('counts, alone and in groups', async () => {
  await using stage = await Stage.open({ searchAttributes: { Customer: 'Keyword', Size: 'Int' } });
  await stage.start('a', { searchAttributes: attributes({ Customer: 'ann', Size: 1 }) });
  await stage.start('b', { searchAttributes: attributes({ Customer: 'ann' }) });
  await stage.start('c');
  await terminate(stage, 'c');
  const count = async (query: string) => {
    const { count: all, groups } = await stage.call(CountWorkflowExecutions, { namespace: NAMESPACE, query });
    return [all, ...groups.map(({ groupValues: [value], count: some }) => `${Buffer.from(value?.data ?? []).toString()}:${Buffer.from(value?.metadata['type'] ?? []).toString()} ${some}`)];
  };
  assert.deepEqual(await count(''), [3]);
  assert.deepEqual(await count("WorkflowId = 'nobody'"), [0]);
  assert.deepEqual(await count('GROUP BY ExecutionStatus'), [3, '"Running":Keyword 2', '"Terminated":Keyword 1']);
  assert.deepEqual(await count('CloseTime IS NULL GROUP BY Customer'), [2, '"ann":Keyword 2']);
  assert.deepEqual(await count("Customer = 'ann' GROUP BY Size"), [2, 'null:Int 1', '1:Int 1']);
  await assert.rejects(count('ORDER BY StartTime'), refused(/'ORDER BY' clause/));
  await assert.rejects(list(stage, 'GROUP BY ExecutionStatus'), refused(/'GROUP BY' clause in a list/));
});

test('open and closed runs by time, type, id and status', async () => {
  await using stage = await Stage.open();
  const began = stage.clock.now();
  await stage.start('a');
  await second(stage);
  const runId = await stage.start('b');
  await stage.start('c', { workflowType: { name: 'other' } });
  await terminate(stage, 'c');
  const open = async (request: object) => ids((await stage.call(ListOpenWorkflowExecutions, { namespace: NAMESPACE, ...request })).executions);
  const closed = async (request: object) => ids((await stage.call(ListClosedWorkflowExecutions, { namespace: NAMESPACE, ...request })).executions);
  assert.deepEqual(await open({}), ['b', 'a']);
  assert.deepEqual(await open({ maximumPageSize: 1 }), ['b']);
  assert.deepEqual(await open({ startTimeFilter: { latestTime: began } }), ['a']);
  assert.deepEqual(await open({ startTimeFilter: { earliestTime: began + 1 } }), ['b']);
  assert.deepEqual(await open({ startTimeFilter: { earliestTime: began, latestTime: began + 999 } }), ['a']);
  assert.deepEqual(await open({ typeFilter: { name: 'other' } }), []);
  assert.deepEqual(await open({ executionFilter: { workflowId: 'b', runId } }), ['b']);
  assert.deepEqual(await closed({}), ['c']);
  assert.deepEqual(await closed({ typeFilter: { name: 'other' }, statusFilter: { status: WorkflowExecutionStatus.TERMINATED } }), ['c']);
  assert.deepEqual(await closed({ statusFilter: { status: WorkflowExecutionStatus.FAILED } }), []);
  await assert.rejects(closed({ statusFilter: { status: WorkflowExecutionStatus.RUNNING } }), refused(/StatusFilter/));
  await assert.rejects(open({ startTimeFilter: { earliestTime: 2, latestTime: 1 } }), refused(/EarliestTime/));
});

test('a namespace lists its own runs by its own attributes', async () => {
  await using stage = await Stage.open({ namespaces: ['elsewhere'] });
  await stage.call(OperatorService.AddSearchAttributes, { namespace: 'elsewhere', searchAttributes: new Map([['Customer', IndexedValueType.KEYWORD]]) });
  await stage.start('w');
  await stage.start('w', { namespace: 'elsewhere', searchAttributes: attributes({ Customer: 'ann' }), requestId: 'other' });
  const elsewhere = await stage.call(ListWorkflowExecutions, { namespace: 'elsewhere', query: "Customer = 'ann'" });
  assert.equal(elsewhere.executions.length, 1);
  assert.equal((await list(stage)).length, 1);
  await assert.rejects(list(stage, "Customer = 'ann'"), refused(/invalid search attribute: Customer/));
  await assert.rejects(list(stage, '', { namespace: 'nowhere' }), refused(/nowhere/, Code.NOT_FOUND));
  await assert.rejects(list(stage, "workflowtype = 'x'"), refused(/at position 1\)\. Did you mean WorkflowType\?/));
  await assert.rejects(stage.call(ListArchivedWorkflowExecutions, { namespace: NAMESPACE }), refused(/archival/));
});
