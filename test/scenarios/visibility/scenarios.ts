/**
 * Lists, counts and their query language, as clients of both SDKs see them. Another server may show a change later than ours, so each
 * question is asked until the answer is the one that counts.
 */
import assert from 'node:assert/strict';
import { Code, RpcError, WorkflowExecutionStatus, WorkflowService } from '#perdure/protocol/index';
import { eventually, start, type Scenario, type Stage } from '../scenario.js';

/** Only what the scenario made. */
const mine = (stage: Stage, query = ''): string => {
  const own = `WorkflowId STARTS_WITH '${stage.id('')}'`;
  return query === '' ? own : `${own} AND (${query})`;
};

const nameOf = (stage: Stage, workflowId: string): string => workflowId.slice(stage.id('').length);

/** The names of the executions that the query finds, in order. */
async function names(stage: Stage, query?: string, pageSize?: number): Promise<string[]> {
  const found: string[] = [];
  const options = { query: mine(stage, query), ...(pageSize !== undefined && { pageSize }) };
  for await (const { workflowId } of stage.client.workflow.list(options)) found.push(nameOf(stage, workflowId));
  return found;
}

async function finds(stage: Stage, query: string, expected: readonly string[]): Promise<void> {
  let found: string[] = [];
  await eventually(async () => {
    found = (await names(stage, query)).sort();
    return found.join() === [...expected].sort().join();
  }, `"${query}" finding ${expected.join(', ')}`).catch((error: unknown) => assert.fail(`${String(error)}: it found ${found.join(', ') || 'nothing'}`));
}

/** Comes back once the first workflow task is done: what happens then leaves the same history each time, on a slow machine too. */
async function begin(stage: Stage, name: string, type = 'listed', args: unknown[] = [], options: object = {}): ReturnType<typeof start> {
  const handle = await start(stage, type, args, { workflowId: stage.id(name), ...options });
  await eventually(async () => (await stage.history(stage.id(name))).some((event) => event.workflowTaskCompletedEventAttributes), `the first task of ${name}`);
  return handle;
}

const refusedQuery = async (stage: Stage, query: string, says: RegExp): Promise<void> =>
  assert.rejects(
    stage.call(WorkflowService.ListWorkflowExecutions, { namespace: stage.namespace, query }),
    (error) => error instanceof RpcError && error.code === Code.INVALID_ARGUMENT && says.test(error.message),
    query,
  );

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'search attributes of every type are found by every operator of their type',
    covers: ['rpc:ListWorkflowExecutions', 'command:UPSERT_WORKFLOW_SEARCH_ATTRIBUTES'],
    run: async (stage) => {
      const one = {
        ScenarioKeyword: ['apple'], ScenarioInt: [1], ScenarioDouble: [1.5], ScenarioBool: [true], ScenarioKeywordList: ['x', 'y'], ScenarioText: ['The quick brown fox'],
      };
      await begin(stage, 'one', 'listed', [one]);
      await begin(stage, 'two', 'listed', [{ ScenarioKeyword: ["b'c"], ScenarioInt: [-3], ScenarioDouble: [2], ScenarioBool: [false], ScenarioKeywordList: ['y'], ScenarioText: ['quick-silver dog'] }]);
      await begin(stage, 'bare', 'listed', []);
      const cases: [query: string, expected: string[]][] = [
        ['ScenarioInt = 1', ['one']],
        ["ScenarioKeyword = 'apple'", ['one']],
        ["ScenarioKeyword != 'apple'", ['two']],
        ["NOT ScenarioKeyword = 'apple'", ['two']],
        ["ScenarioKeyword = 'b''c' AND ScenarioKeyword = \"b'c\"", ['two']],
        ["ScenarioKeyword IN ('apple', 'zebra')", ['one']],
        ["ScenarioKeyword NOT IN ('apple')", ['two']],
        ["ScenarioKeyword STARTS_WITH 'ap'", ['one']],
        ["ScenarioKeyword NOT STARTS_WITH 'ap'", ['two']],
        ["ScenarioKeyword BETWEEN 'a' AND 'az'", ['one']],
        ['ScenarioKeyword IS NULL', ['bare']],
        ['ScenarioInt IS NOT NULL', ['one', 'two']],
        ['ScenarioInt < 0 OR ScenarioDouble = 1.5', ['one', 'two']],
        ['ScenarioInt NOT BETWEEN -1 AND 9', ['two']],
        ['ScenarioDouble > 1 AND ScenarioDouble <= 1.5', ['one']],
        ['ScenarioBool = true', ['one']],
        ['ScenarioBool != true', ['two']],
        ["ScenarioKeywordList = 'x'", ['one']],
        ["ScenarioKeywordList != 'x'", ['bare', 'two']],
        ["ScenarioKeywordList IN ('y', 'z')", ['one', 'two']],
        ["ScenarioText = 'QUICK'", ['one', 'two']],
        ["ScenarioText = 'silver-quick'", []],
        ["ScenarioText = 'quick-silver'", ['two']],
        ["ScenarioText = 'fox dog'", ['one', 'two']],
        ["ScenarioText != 'fox'", ['bare', 'two']],
        ["ScenarioInt = 1 OR ScenarioInt = -3 AND ScenarioBool = true", ['one']],
        ["(ScenarioInt = 1 OR ScenarioInt = -3) AND NOT (ScenarioBool = true)", ['two']],
        ['`ScenarioInt` = 1 && ScenarioBool = TRUE || ScenarioInt = -3', ['one', 'two']],
      ];
      await eventually(async () => (await names(stage, 'ScenarioInt IS NOT NULL OR ScenarioKeyword IS NULL')).length === 3);
      for (const [query, expected] of cases) await finds(stage, query, expected);
    },
  },
  {
    name: 'executions are found by what the server knows of them',
    covers: ['rpc:ListWorkflowExecutions', 'event:WORKFLOW_EXECUTION_TERMINATED'],
    run: async (stage) => {
      const before = new Date(Date.now() - 3_600_000).toISOString();
      await begin(stage, 'runs');
      await (await begin(stage, 'done', 'quick')).result();
      const terminated = await begin(stage, 'gone');
      await terminated.terminate('enough');
      const { runId } = await terminated.describe();
      await (await begin(stage, 'parent', 'parentOfQuick', [stage.id('child')])).result();
      await eventually(async () => (await names(stage, 'CloseTime IS NOT NULL')).length === 4);
      const cases: [query: string, expected: string[]][] = [
        ["ExecutionStatus = 'Running'", ['runs']],
        ['ExecutionStatus = 1', ['runs']],
        ["ExecutionStatus = 'WORKFLOW_EXECUTION_STATUS_TERMINATED'", ['gone']],
        ["ExecutionStatus IN ('Completed', 'Terminated')", ['child', 'done', 'gone', 'parent']],
        ["ExecutionStatus != 'Completed'", ['gone', 'runs']],
        ["WorkflowType = 'quick'", ['child', 'done']],
        ["WorkflowType STARTS_WITH 'parent' OR WorkflowId = '" + stage.id('done') + "'", ['done', 'parent']],
        [`RunId = '${runId}'`, ['gone']],
        [`TaskQueue = '${stage.taskQueue}' AND CloseTime IS NULL`, ['runs']],
        [`ParentWorkflowId = '${stage.id('parent')}'`, ['child']],
        [`RootWorkflowId = '${stage.id('parent')}'`, ['child', 'parent']],
        [`StartTime > '${before}' AND ExecutionTime > '${before}' AND CloseTime IS NULL`, ['runs']],
        [`StartTime BETWEEN '2001-01-01T00:00:00Z' AND '${before}'`, []],
        [`CloseTime > ${(Date.parse(before) * 1e6).toFixed(0)}`, ['child', 'done', 'gone', 'parent']],
        ["ExecutionDuration < '1h' AND ExecutionDuration < '01:00:00' AND ExecutionDuration < 3600000000000", ['child', 'done', 'gone', 'parent']],
        ['ExecutionDuration IS NULL AND HistoryLength IS NULL', ['runs']],
        ['HistoryLength >= 11', ['parent']],
        ["WorkflowType = 'quick' AND TemporalNamespaceDivision IS NULL", ['child', 'done']],
      ];
      for (const [query, expected] of cases) await finds(stage, query, expected);
    },
  },
  {
    name: 'what runs is listed before what has ended, the latest first, page by page',
    covers: ['rpc:ListWorkflowExecutions', 'rpc:ScanWorkflowExecutions'],
    run: async (stage) => {
      for (const name of ['a', 'b', 'c', 'd']) await begin(stage, name);
      for (const name of ['d', 'b']) await stage.client.workflow.getHandle(stage.id(name)).terminate();
      const inOrder = 'c,a,b,d';
      await eventually(async () => (await names(stage)).join() === inOrder, 'the order');
      assert.equal((await names(stage, undefined, 1)).join(), inOrder);
      assert.equal((await names(stage, undefined, 3)).join(), inOrder);
      const scanned = await stage.call(WorkflowService.ScanWorkflowExecutions, { namespace: stage.namespace, query: mine(stage), pageSize: 10 });
      assert.equal(scanned.executions.length, 4);
    },
  },
  {
    name: 'a listed execution says what it is',
    covers: ['rpc:ListWorkflowExecutions'],
    run: async (stage) => {
      await begin(stage, 'w', 'listed', [], { memo: { note: 'remembered' }, searchAttributes: { ScenarioKeyword: ['k'], ScenarioDatetime: [new Date(Date.UTC(2025, 0, 31))] } });
      const found = await eventually(async () => {
        for await (const execution of stage.client.workflow.list({ query: mine(stage) })) return execution;
        return undefined;
      });
      assert.deepEqual([found.type, found.status.name, found.taskQueue, found.memo], ['listed', 'RUNNING', stage.taskQueue, { note: 'remembered' }]);
      assert.deepEqual(found.searchAttributes['ScenarioKeyword'], ['k']);
      assert.deepEqual(found.searchAttributes['ScenarioDatetime'], [new Date(Date.UTC(2025, 0, 31))]);
      assert.ok(Date.now() - found.startTime.getTime() < 600_000);
      assert.equal(found.closeTime, undefined);
    },
  },
  {
    name: 'counts, alone and by status',
    covers: ['rpc:CountWorkflowExecutions'],
    run: async (stage) => {
      await begin(stage, 'a');
      await begin(stage, 'b');
      await (await begin(stage, 'c', 'quick')).result();
      await eventually(async () => (await names(stage, 'CloseTime IS NOT NULL')).length === 1 && (await stage.client.workflow.count(mine(stage))).count === 3, 'a count of three');
      assert.equal((await stage.client.workflow.count(mine(stage, "ExecutionStatus = 'Running'"))).count, 2);
      assert.equal((await stage.client.workflow.count(mine(stage, "ExecutionStatus = 'Failed'"))).count, 0);
      const { count, groups } = await stage.client.workflow.count(`${mine(stage)} GROUP BY ExecutionStatus`);
      assert.equal(count, 3);
      assert.deepEqual(groups.map((group) => [group.groupValues.flat(), group.count]).sort(), [[['Completed'], 1], [['Running'], 2]]);
    },
  },
  {
    name: 'open and closed executions by their filters',
    covers: ['rpc:ListOpenWorkflowExecutions', 'rpc:ListClosedWorkflowExecutions', 'rpc:ListArchivedWorkflowExecutions'],
    run: async (stage) => {
      await begin(stage, 'runs');
      await (await begin(stage, 'done', 'quick')).result();
      await eventually(async () => (await names(stage, 'CloseTime IS NOT NULL')).length === 1 && (await names(stage)).length === 2);
      const { namespace } = stage;
      const filter = (name: string) => ({ namespace, maximumPageSize: 10, startTimeFilter: { earliestTime: Date.now() - 3_600_000, latestTime: Date.now() + 3_600_000 }, executionFilter: { workflowId: stage.id(name) } });
      const open = async (name: string) => (await stage.call(WorkflowService.ListOpenWorkflowExecutions, filter(name))).executions.length;
      const closed = async (name: string) => (await stage.call(WorkflowService.ListClosedWorkflowExecutions, filter(name))).executions.length;
      assert.deepEqual([await open('runs'), await open('done'), await closed('runs'), await closed('done')], [1, 0, 0, 1]);
      const running = { namespace, statusFilter: { status: WorkflowExecutionStatus.RUNNING } };
      const isInvalid = (error: unknown) => error instanceof RpcError && error.code === Code.INVALID_ARGUMENT;
      await assert.rejects(stage.call(WorkflowService.ListClosedWorkflowExecutions, running), isInvalid);
      await assert.rejects(stage.call(WorkflowService.ListArchivedWorkflowExecutions, { namespace, pageSize: 10, query: mine(stage) }), isInvalid);
    },
  },
  {
    name: 'beyond Temporal’s language: any order, any group, times relative to now, a search',
    covers: ['rpc:ListWorkflowExecutions', 'rpc:CountWorkflowExecutions'],
    run: async (stage) => {
      await begin(stage, 'b', 'listed', [{ ScenarioInt: [1] }]);
      await begin(stage, 'a', 'listed', [{ ScenarioInt: [2] }]);
      await (await begin(stage, 'c', 'quick')).result();
      const gone = await begin(stage, 'd');
      await gone.terminate('the customer changed his mind');
      await eventually(async () => (await names(stage, 'ScenarioInt IS NOT NULL')).length === 2 && (await names(stage, 'CloseTime IS NOT NULL')).length === 2);
      for (const [order, expected] of [['WorkflowId', 'abcd'], ['ScenarioInt DESC, WorkflowId', 'abcd'], ['WorkflowType DESC, WorkflowId DESC', 'cdba']] as const) {
        const { executions } = await stage.call(WorkflowService.ListWorkflowExecutions, { namespace: stage.namespace, query: `${mine(stage, "StartTime > '-1h' AND StartTime < '+1h'")} ORDER BY ${order}` });
        assert.equal(executions.map(({ execution }) => nameOf(stage, execution?.workflowId ?? '')).join(''), expected, order);
      }
      const { groups } = await stage.client.workflow.count(`${mine(stage)} GROUP BY WorkflowType`);
      assert.deepEqual(groups.map((group) => [group.groupValues.flat(), group.count]).sort(), [[['listed'], 3], [['quick'], 1]]);
      await finds(stage, "'QUICK'", ['c']);
      await finds(stage, "'customer mind'", ['d']);
      await finds(stage, "FailureMessage = 'changed' AND ExecutionStatus = 'Terminated'", ['d']);
    },
  },
  {
    name: 'exact where Temporal’s stores differ among themselves: the case of letters, the digits of times, groups in lists',
    covers: ['rpc:ListWorkflowExecutions'],
    run: async (stage) => {
      await begin(stage, 'w', 'listed', [], { searchAttributes: { ScenarioKeyword: ['Apple'], ScenarioKeywordList: ['X'], ScenarioDatetime: [new Date(Date.UTC(2025, 0, 31, 12, 0, 0, 123))] } });
      await finds(stage, "ScenarioKeyword STARTS_WITH 'App' AND ScenarioKeywordList = 'X'", ['w']);
      await finds(stage, "ScenarioKeyword STARTS_WITH 'app'", []);
      await finds(stage, "ScenarioKeywordList = 'x'", []);
      await finds(stage, "ScenarioDatetime = '2025-01-31T12:00:00.123Z' AND ScenarioDatetime != '2025-01-31T12:00:00.1231Z'", ['w']);
      await refusedQuery(stage, `${mine(stage)} GROUP BY ExecutionStatus`, /GROUP BY/);
    },
  },
  {
    name: 'a bad query is refused',
    covers: ['rpc:ListWorkflowExecutions'],
    run: async (stage) => {
      await refusedQuery(stage, "NoSuchAttribute = 'x'", /NoSuchAttribute/);
      await refusedQuery(stage, "workflowtype = 'x'", /workflowtype/);
      await refusedQuery(stage, 'WorkflowType = x', /forget to quote "x"/);
      await refusedQuery(stage, "WorkflowType = 'x", /syntax error/);
      await refusedQuery(stage, "WorkflowType 'x'", /syntax error/);
      await refusedQuery(stage, "ScenarioInt = 'x'", /ScenarioInt of type Int/);
      await refusedQuery(stage, "ScenarioText IN ('x')", /not supported for Text/);
      await refusedQuery(stage, "ScenarioKeywordList > 'x'", /not supported for KeywordList/);
      await refusedQuery(stage, "StartTime > 'tomorrow'", /unable to parse datetime 'tomorrow'/);
      await refusedQuery(stage, "ExecutionStatus = 'Cancelled'", /invalid ExecutionStatus value 'Cancelled'/);
      await refusedQuery(stage, "WorkflowType = 'x' LIMIT 1", /LIMIT/);
    },
  },
];
