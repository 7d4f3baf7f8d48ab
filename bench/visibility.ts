/**
 * List queries over many runs, and what listing costs a commit: `visibility.js [RUNS] [FILE]` (default 1,000,000, in a temporary folder).
 *
 * First, what listings cost the store: runs that start and close, in commits of 50 transitions, with and without listings in turns.
 *
 * Then fills a store with closed and running executions through its port, as the host would, then asks for pages of 100 as the frontend does:
 * text compiled, planned, read. The first ask of each is shown (what a person meets) and the median of later ones. No server is between.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { IndexedValueType, WorkflowExecutionInfo } from '#perdure/protocol/index';
import { listingOf, type ListedValue } from '#perdure/machines/listing';
import { openSqliteStore, type Store, type Transition } from '#perdure/store/index';
import { compileQuery } from '#perdure/visibility/compile';

const runs = Number(process.argv[2] ?? 1_000_000);
const folder = process.argv[3] === undefined ? mkdtempSync(path.join(tmpdir(), 'perdure-visibility-')) : path.dirname(process.argv[3]);
const filename = process.argv[3] ?? path.join(folder, 'bench.db');
const NAMESPACE = '0190aaaa-0000-7000-8000-000000000000';
const FIRST_MS = 1_700_000_000_000;
const STEP_MS = 1_000;
const GROUP = 500;

/** The same numbers at each run. */
function hash(n: number): number {
  let x = (n + 0x9e3779b9) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

const runId = (n: number): string => `${hash(n).toString(16).padStart(8, '0')}-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

/** One in a thousand runs; one in a thousand of the others failed; 20 types, one of which is rare. */
function listing(n: number, isOpen = hash(n) % 1_000 === 0) {
  const startTime = FIRST_MS + n * STEP_MS;
  const closeTime = startTime + 1_000 + (hash(n * 3) % 3_600_000);
  const status = isOpen ? 1 : hash(n * 5) % 1_000 === 0 ? 3 : 2;
  const workflowType = hash(n * 7) % 10_000 === 0 ? 'rare' : `type-${hash(n * 7) % 20}`;
  const taskQueue = `queue-${hash(n * 11) % 10}`;
  const execution = { workflowId: `order-${n}`, runId: runId(n) };
  const attributes = new Map<string, ListedValue>([
    ['WorkflowType', workflowType], ['ExecutionStatus', status], ['TaskQueue', taskQueue], ['StartTime', startTime], ['ExecutionTime', startTime],
    ['Customer', `customer-${hash(n * 13) % (runs / 20)}`],
    ...(isOpen ? [] : ([['CloseTime', closeTime], ['ExecutionDuration', closeTime - startTime], ['HistoryLength', 11], ['HistorySizeBytes', 3_000], ['StateTransitionCount', 5]] as const)),
  ]);
  const shown = WorkflowExecutionInfo.encode({ execution, type: { name: workflowType }, startTime, closeTime: isOpen ? undefined : closeTime, status, taskQueue });
  if (status === 3) attributes.set('#problem', { text: `activity failed\ncard ${hash(n * 17) % 100} was declined` });
  return listingOf({ attributes, shown });
}

const filled = (n: number, lists: boolean): Transition => ({
  machine: runId(n),
  seq: 1,
  create: { kind: 'workflow', namespace: NAMESPACE, key: `order-${n}`, makeCurrent: true },
  history: { firstEventId: 1, lastEventId: 2, bytes: new Uint8Array(400) },
  row: { wakeAt: undefined, open: false, ...(lists && { listing: listing(n) }) },
});

/** Microseconds of processor time for a run. */
async function fill(store: Store, from: number, to: number, lists: boolean): Promise<number> {
  const began = process.cpuUsage();
  for (let n = from; n < to; n += GROUP) {
    await store.commit(Array.from({ length: Math.min(GROUP, to - n) }, (_, index) => filled(n + index, lists)));
  }
  const { user, system } = process.cpuUsage(began);
  return (user + system) / (to - from);
}

const at = (n: number): string => new Date(FIRST_MS + n * STEP_MS).toISOString();
const QUERIES: readonly string[] = [
  '',
  "WorkflowType = 'type-3'",
  "WorkflowType = 'rare'",
  "ExecutionStatus = 'Running'",
  "ExecutionStatus = 'Failed'",
  "ExecutionStatus = 'Completed'",
  `WorkflowId = 'order-${Math.floor(runs / 2)}'`,
  "WorkflowId STARTS_WITH 'order-77'",
  "TaskQueue = 'queue-4'",
  "Customer = 'customer-17'",
  "Customer STARTS_WITH 'customer-1'",
  "Customer IN ('customer-17', 'customer-18')",
  `StartTime > '${at(runs * 0.9)}'`,
  `StartTime BETWEEN '${at(runs * 0.4)}' AND '${at(runs * 0.41)}'`,
  `StartTime < '${at(runs * 0.5)}'`,
  `CloseTime BETWEEN '${at(runs * 0.4)}' AND '${at(runs * 0.41)}'`,
  `CloseTime < '${at(runs * 0.5)}'`,
  "WorkflowType = 'type-3' AND ExecutionStatus = 'Running'",
  "WorkflowType = 'type-3' AND ExecutionStatus = 'Failed'",
  `WorkflowType = 'type-3' AND StartTime > '${at(runs * 0.9)}' AND ExecutionStatus = 'Completed'`,
  "TaskQueue = 'queue-4' AND NOT WorkflowType = 'type-3'",
  'ORDER BY StartTime',
  "'order-7777'",
  "'declined' AND ExecutionStatus = 'Failed'",
  "FailureMessage = 'declined'",
];
const context = { attributes: new Map([['Customer', IndexedValueType.KEYWORD]]), now: FIRST_MS };
const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function timed(work: () => Promise<unknown>): Promise<[firstMs: number, medianMs: number, result: unknown]> {
  const times: number[] = [];
  let result: unknown;
  for (let round = 0; round < 6; round++) {
    const began = performance.now();
    result = await work();
    times.push(performance.now() - began);
  }
  return [times[0] as number, median(times.slice(1)), result];
}

const created = (n: number, lists: boolean): Transition => ({
  machine: runId(n),
  seq: 1,
  create: { kind: 'workflow', namespace: NAMESPACE, key: `order-${n}`, makeCurrent: true },
  history: { firstEventId: 1, lastEventId: 2, bytes: new Uint8Array(400) },
  row: { wakeAt: undefined, open: true, ...(lists && { listing: listing(n, true) }) },
});
const closed = (n: number, lists: boolean): Transition => ({
  machine: runId(n),
  seq: 2,
  history: { firstEventId: 3, lastEventId: 5, bytes: new Uint8Array(250) },
  row: { wakeAt: FIRST_MS * 2, open: false, ...(lists && { listing: listing(n, false) }) },
});

/** Microseconds of processor time for a run that starts and, a hundred runs later, closes. */
async function writeCost(lists: boolean): Promise<number> {
  const folder = mkdtempSync(path.join(tmpdir(), 'perdure-visibility-'));
  const store = await openSqliteStore({ filename: path.join(folder, 'bench.db') });
  const transitions = Array.from({ length: WRITES }, (_, n) => [created(n, lists), ...(n < 100 ? [] : [closed(n - 100, lists)])]).flat();
  const began = process.cpuUsage();
  for (let at = 0; at < transitions.length; at += 50) await store.commit(transitions.slice(at, at + 50));
  const { user, system } = process.cpuUsage(began);
  await store.close();
  rmSync(folder, { recursive: true });
  return (user + system) / WRITES;
}

const WRITES = 5_000;
const costs = { with: [] as number[], without: [] as number[] };
await writeCost(true);
for (let round = 0; round < 7; round++) {
  costs.with.push(await writeCost(true));
  costs.without.push(await writeCost(false));
}
console.log(`write: ${median(costs.with).toFixed(1)} us of processor time for a run with its listings, ${median(costs.without).toFixed(1)} us without`);

let store = await openSqliteStore({ filename });
/** As the host does: a page of the store may hold a part of what was asked for. */
const page = async (query: string, from?: string) => {
  const { condition, order } = compileQuery(query, context);
  const items: unknown[] = [];
  let after = from;
  do {
    const part = await store.list({ kind: 'workflow', namespace: NAMESPACE, condition, order, limit: 100 - items.length, after });
    items.push(...part.items);
    after = part.next;
  } while (after !== undefined && items.length < 100);
  return { items, next: after };
};
if ((await store.count({ kind: 'workflow', namespace: NAMESPACE })).length === 0) {
  const perRun = await fill(store, 0, runs, true);
  const bare = await fill(store, runs, runs + 50_000, false);
  console.log(`fill: ${perRun.toFixed(1)} us of processor time for a run with its listing, ${bare.toFixed(1)} us without; the file has ${Math.round(statSync(filename).size / 2 ** 20)} MiB`);
}
await store.close();
store = await openSqliteStore({ filename });
console.log(`\npages of 100 out of ${runs.toLocaleString('en')} runs            first ms  median ms  rows`);
for (const query of QUERIES) {
  const [first, later, result] = await timed(() => page(query));
  console.log(`${(query || '(everything)').padEnd(100)} ${first.toFixed(2).padStart(8)} ${later.toFixed(2).padStart(8)} ${String((result as { items: unknown[] }).items.length).padStart(5)}`);
}
let next = (await page('')).next;
for (let count = 1; count < 1_000 && next !== undefined; count++) next = (await page('', next)).next;
const [, deep] = await timed(() => page('', next));
console.log(`${'page 1,001 of everything'.padEnd(109)} ${deep.toFixed(2).padStart(8)}`);
for (const [query, groupBy] of [['', undefined], ['', 'ExecutionStatus'], ["WorkflowType = 'type-3'", undefined], ["ExecutionStatus = 'Running'", undefined]] as const) {
  const { condition } = compileQuery(query, context);
  const [first, later] = await timed(() => store.count({ kind: 'workflow', namespace: NAMESPACE, condition, groupBy }));
  console.log(`${`count ${query || '(everything)'}${groupBy === undefined ? '' : ` GROUP BY ${groupBy}`}`.padEnd(100)} ${first.toFixed(2).padStart(8)} ${later.toFixed(2).padStart(8)}`);
}
await store.close();
if (process.argv[3] === undefined) rmSync(folder, { recursive: true });
