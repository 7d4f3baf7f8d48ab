/** The query language: what texts mean, and what is said about texts that mean nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ListedValue } from '../machines/listing.js';
import { IndexedValueType } from '../protocol/index.js';
import { compileQuery, type CompiledQuery } from './compile.js';
import { evaluate } from './evaluate.js';
import { QueryProblem } from './query-problem.js';

const NOW = Date.UTC(2025, 0, 31, 12);
const attributes = new Map([
  ['Keyword', IndexedValueType.KEYWORD],
  ['Text', IndexedValueType.TEXT],
  ['Int', IndexedValueType.INT],
  ['Double', IndexedValueType.DOUBLE],
  ['Bool', IndexedValueType.BOOL],
  ['Datetime', IndexedValueType.DATETIME],
  ['List', IndexedValueType.KEYWORD_LIST],
  ['Order Number', IndexedValueType.KEYWORD],
  ['Order', IndexedValueType.INT],
]);

const compile = (query: string): CompiledQuery => compileQuery(query, { attributes, now: NOW });

const ROW: Readonly<Record<string, ListedValue>> = {
  WorkflowId: 'order-1',
  WorkflowType: 'order',
  ExecutionStatus: 1,
  StartTime: Date.UTC(2025, 0, 31, 11),
  ExecutionDuration: 5_400_000,
  Keyword: "it's",
  Text: { text: 'The quick-silver fox, naïve' },
  Int: -3,
  Double: 1.5,
  Bool: 1,
  Datetime: Date.UTC(2024, 0, 1),
  List: ['x', 'y'],
  'Order Number': 'A1',
  Order: 7,
  '#problem': { text: 'Payment failed\nCard declined: no credit' },
};

/** true, false, or undefined where the row cannot say. */
function holds(query: string, row: Readonly<Record<string, ListedValue>> = ROW): boolean | undefined {
  const { condition } = compile(query);
  return condition === undefined ? true : evaluate(condition, (name) => row[name]);
}

const TRUE = [
  '',
  '  /* nothing */ ',
  "Keyword = 'it''s'",
  "Keyword = 'it\\'s'",
  'Keyword = "it\'s" and Int = -3',
  'Keyword > "a" && Keyword <= "z"',
  "`Order Number` = 'A1' AND `Order` = 7",
  "Keyword IN ('a', 'it''s')",
  "Keyword NOT IN ('a')",
  "Keyword starts_with 'it'",
  "NOT Keyword STARTS_WITH 'x'",
  "Keyword BETWEEN 'a' AND 'z' AND Keyword NOT BETWEEN 'a' AND 'b'",
  'Int <> 4 OR Int = 9',
  'Int = 1 OR Int = -3 AND Bool = true',
  'NOT (Int = 1 OR Bool = FALSE)',
  'not not Int < 0',
  'Int = -3.0 AND Double = 15e-1 AND Double > .5',
  'Bool != false AND Bool > false',
  "Datetime = '2024-01-01T00:00:00Z' AND Datetime = '2023-12-31T22:30:00.000000-01:30'",
  'Datetime = 1704067200000000000',
  "Datetime IN ('2024-01-01T00:00:00Z')",
  "StartTime > '-2h' AND StartTime < 'now' AND StartTime < '+1m30s'",
  "ExecutionStatus = 'Running' AND ExecutionStatus = 1 AND ExecutionStatus = 'WORKFLOW_EXECUTION_STATUS_RUNNING'",
  "ExecutionStatus NOT IN ('TimedOut', 5) AND ExecutionStatus != 'WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW'",
  "ExecutionDuration = '1h30m' AND ExecutionDuration = '01:30:00' AND ExecutionDuration = 5400000000000 AND ExecutionDuration < '1d12h' AND ExecutionDuration > '-1s'",
  "List = 'x' AND List != 'z' AND List IN ('z', 'y') AND List NOT IN ('w', 'z')",
  "Text = 'QUICK' AND Text = 'naive' AND Text = 'slow fox' AND Text = 'silver-fox' AND Text != 'fo' AND Text != 'fox-silver' AND Text != '-'",
  "CloseTime IS NULL AND Keyword IS NOT NULL AND NOT Text is null",
  "ScheduleId = 'order-1'",
  'ScheduledById IS NULL AND SchedulePaused IS NULL',
  "'ORDER-1'",
  "'rder 1 card' AND Int = -3",
  "Int = 4 OR NOT ('elephant') AND \"declin\" ORDER BY StartTime",
  "FailureMessage = 'DECLINED' AND FailureMessage IS NOT NULL AND FailureMessage != 'declin'",
];

test('queries that hold', () => {
  for (const query of TRUE) assert.equal(holds(query), true, query);
});

test('a comparison with what a row does not have is neither true nor false, nor is its opposite; lists and texts that are not there hold nothing', () => {
  const row = { StartTime: 1 };
  for (const query of ["Keyword = 'x'", "Keyword != 'x'", "NOT Keyword = 'x'", 'Int IN (1)', 'Int NOT IN (1)', "Keyword NOT STARTS_WITH 'x'", 'Int NOT BETWEEN 1 AND 2', "Int = 1 OR Keyword = 'x'"]) {
    assert.equal(holds(query, row), undefined, query);
  }
  for (const query of ["List != 'x'", "List NOT IN ('x')", "Text != 'x'", "NOT List = 'x'", 'Int = 1 OR StartTime = 1000000', 'NOT (Int = 1 AND StartTime = 5)']) assert.equal(holds(query, row), true, query);
  assert.equal(holds('Int = 1 AND StartTime = 5', row), false);
});

test('text compares by code point, not by the units of a string', () => {
  assert.equal(holds("Keyword > '\u{ffff}'", { Keyword: '\u{10000}' }), true);
});

test('orders and groups', () => {
  const { order, groupBy } = compile("WorkflowType = 'x' GROUP BY ExecutionStatus ORDER BY StartTime DESC, `Order` asc, Bool");
  assert.deepEqual(order, [{ attribute: 'StartTime', descending: true }, { attribute: 'Order', descending: false }, { attribute: 'Bool', descending: false }]);
  assert.equal(groupBy?.name, 'ExecutionStatus');
  assert.deepEqual(compile('ORDER BY CloseTime').order, [{ attribute: 'CloseTime', descending: false }]);
});

test('the server’s own business is hidden from those who do not ask for it', () => {
  assert.equal(holds('', { TemporalNamespaceDivision: 'd' }), false);
  assert.equal(holds("TemporalNamespaceDivision = 'd'", { TemporalNamespaceDivision: 'd' }), true);
  assert.equal(holds('TemporalNamespaceDivision IS NOT NULL OR Int = 1', { TemporalNamespaceDivision: 'd' }), true);
});

const PROBLEMS: readonly (readonly [query: string, position: number, says: RegExp])[] = [
  ["workflowType = 'x'", 1, /invalid search attribute: workflowType \(at position 1\)\. Did you mean WorkflowType\?/],
  ["Int = 1 AND Keywrod = 'x'", 13, /Did you mean Keyword\?/],
  ["Unheard = 'x'", 1, /have to be added/],
  ['Keyword = apple', 11, /did you forget to quote "apple"\?/],
  ['Keyword = 5', 11, /invalid value type for search attribute Keyword of type Keyword: 5 \(type: int64\)/],
  ["Int = '5'", 7, /of type Int: "5" \(type: string\)/],
  ['Bool = 1', 8, /true or false/],
  ["Bool = 'true'", 8, /without quotes/],
  ['Int = 1.5 AND Datetime > 1.5', 26, /float64/],
  ["Datetime > '2024-01-01'", 12, /unable to parse datetime '2024-01-01'/],
  ["ExecutionDuration > '1 hour'", 21, /invalid duration value/],
  ["ExecutionStatus = 'Cancelled'", 19, /Did you mean Canceled\?/],
  ['ExecutionStatus = 99', 19, /invalid ExecutionStatus value 99/],
  ["Keyword = 'x", 11, /closing ' is missing/],
  ['Keyword =', 10, /syntax error at the end of the query/],
  ["Keyword 'x'", 9, /An operator/],
  ["(Keyword = 'x'", 15, /closing bracket/],
  ["Keyword = 'x' XOR Int = 1", 15, /near 'XOR'/],
  ["Keyword = 'x'; DROP TABLE machine", 14, /near ';'/],
  ["Keyword = 'x' LIMIT 5", 15, /'LIMIT' clause/],
  ["Keyword LIKE 'x%'", 9, /Use STARTS_WITH/],
  ['Keyword = NULL', 11, /IS NULL/],
  ['Keyword IS TRUE', 12, /IS NOT NULL/],
  ['Keyword', 8, /incomplete expression/],
  ["'x' = Keyword", 1, /must stand on the left/],
  ["'x' 'y'", 1, /must stand on the left/],
  ["' '", 1, /nothing to search for/],
  [`'${'w '.repeat(21)}'`, 1, /at most 20 words/],
  ["FailureMessage STARTS_WITH 'x'", 1, /not supported for Text type search attribute 'FailureMessage'/],
  ["FailureMesage = 'x'", 1, /Did you mean FailureMessage/],
  ['Int IN ()', 9, /near '\)'/],
  ['Int = 1 # 2', 9, /near '# 2'/],
  ["List > 'x'", 1, /operator '>' not supported for KeywordList.* A list is asked for what it holds, with =/],
  ["List BETWEEN 'a' AND 'b'", 1, /cannot do range condition/],
  ["Text IN ('x')", 1, /operator 'IN' not supported for Text.* searched for words/],
  ["Text = ' '", 8, /no tokens found/],
  ["Int STARTS_WITH 5", 1, /operator 'STARTS_WITH' not supported for Int.* It is compared with =/],
  ['GROUP BY List', 10, /not supported for search attribute List/],
  ['GROUP BY Int, Bool', 15, /only a single field/],
  ['ORDER StartTime', 7, /BY is expected/],
];

test('a query that means nothing is refused with the place and the way out', () => {
  for (const [query, position, says] of PROBLEMS) {
    assert.throws(() => compile(query), (error) => error instanceof QueryProblem && error.position === position && says.test(error.message) && error.message.startsWith('invalid query: '), `${query}: ${problem(query)}`);
  }
});

function problem(query: string): string {
  try {
    compile(query);
    return 'was accepted';
  } catch (error) {
    return error instanceof QueryProblem ? `${error.position}: ${error.message}` : String(error);
  }
}

test('a search finds parts of ids and types, and beginnings of words of failures, without regard to the case of letters', () => {
  const finds = (query: string, row: Readonly<Record<string, ListedValue>>) => holds(query, { WorkflowId: 'Order-17', WorkflowType: 'chargeCard', ...row });
  for (const query of ["'17'", "'ORDER'", "'gecard'", "'order charge'"]) assert.equal(finds(query, {}), true, query);
  for (const query of ["'order-18'", "'order refund'", "'declined'", "'É'"]) assert.equal(finds(query, {}), false, query);
  const problem = { '#problem': { text: 'Carte refusée (code 51)' } };
  for (const query of ["'refus'", "'REFUSEE carte'", "'51)'", "'order refusée'"]) assert.equal(finds(query, problem), true, query);
  for (const query of ["'fusée'", "'code-5'", "'!'"]) assert.equal(finds(query, problem), query.includes('-'), query);
});

test('a custom attribute named FailureMessage is that of the namespace', () => {
  const { condition } = compileQuery("FailureMessage = 'x'", { attributes: new Map([['FailureMessage', IndexedValueType.KEYWORD]]), now: NOW });
  assert.equal(condition !== undefined && evaluate(condition, (name) => (name === 'FailureMessage' ? 'x' : undefined)), true);
});

test('sizes are bounded', () => {
  const many = (count: number, part: string, between: string): string => Array.from({ length: count }, () => part).join(between);
  assert.throws(() => compile(`Int IN (${many(5_001, '1', ',')})`), QueryProblem);
  assert.throws(() => compile(many(201, 'Int = 1', ' OR ')), QueryProblem);
  assert.throws(() => compile(`${'('.repeat(51)}Int = 1${')'.repeat(51)}`), QueryProblem);
  assert.throws(() => compile(`${'NOT '.repeat(1_000)}Int = 1`), QueryProblem);
  assert.throws(() => compile(`Keyword = '${'x'.repeat(100_000)}'`), QueryProblem);
  assert.equal(holds(`Int IN (${many(4_999, '1', ',')}, -3)`), true);
});
