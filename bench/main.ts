/**
 * `npm run bench -- [options]`: server, worker and client as separate processes, one line per measurement.
 *
 *   --sdk ours,in-process,official   which SDKs (default: ours,in-process, and official where it is installed)
 *   --scenario "no-op,3 activities"  which scenarios (default: all)
 *   --in-flight 1,16,64,256          closed loops (default)
 *   --rate 100                       the open loop's starts per second; 0: none (default 100, for 3 activities)
 *   --seconds 5                      length of one measurement (default 5)
 *   --address host:port              measure a server that runs already (its CPU and memory are then not shown)
 *   --scenario million                       one workflow with a tree of activities below it, only where it is named
 *   --children 1000 --activities 1000        its size: children, and activities of each (default)
 *   --long-history 50000                     events of the scenario long-history (default 50,000)
 *   --quick                          one second each, 1 and 64 in flight: does everything work?
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { journalStatistics } from './journal.js';
import type { LoadResult } from './load.js';
import type { LongHistoryResult, ReplayResult } from './long-history.js';
import { measureTree } from './million.js';
import { root, start, type Child } from './processes.js';
import { SCENARIOS, type Scenario } from './scenarios.js';
import { officialIsInstalled, type SdkName } from './sdk.js';

const { values: options } = parseArgs({
  options: {
    sdk: { type: 'string' },
    scenario: { type: 'string' },
    'in-flight': { type: 'string' },
    rate: { type: 'string' },
    seconds: { type: 'string' },
    address: { type: 'string' },
    'long-history': { type: 'string' },
    children: { type: 'string', default: '1000' },
    activities: { type: 'string', default: '1000' },
    quick: { type: 'boolean', default: false },
  },
});
const seconds = Number(options.seconds ?? (options.quick ? 1 : 5));
const inFlights = (options['in-flight'] ?? (options.quick ? '1,64' : '1,16,64,256')).split(',').map(Number);
const openRate = Number(options.rate ?? (options.quick ? 0 : 100));
const sdks = (options.sdk ?? ['ours', 'in-process', ...(officialIsInstalled() ? ['official'] : [])].join(',')).split(',') as ('in-process' | SdkName)[];
const scenarios = SCENARIOS.filter((scenario) => options.scenario === undefined || options.scenario.split(',').includes(scenario.name));
const longHistoryEvents = Number(options['long-history'] ?? (options.quick ? 5_000 : 50_000));
const scratch = fs.mkdtempSync(path.join(root, '.perdure-bench-'));
/** Runs that continue as new at once are otherwise slowed down to one a second, as in Temporal's server. */
const WITHOUT_THROTTLE = 'history.workflowIdReuseMinimalInterval=0';
const script = (name: string) => path.join(root, 'build/bench', name);

interface Row extends LoadResult {
  readonly cpuSeconds: number;
  readonly serverCpu?: number;
  readonly workerCpu?: number;
  readonly serverMemoryMb?: number;
  readonly workerMemoryMb?: number;
  /** How many workflows a second the bare store carries with the same records. */
  readonly limit?: number;
}

console.log(`${os.cpus().length} x ${os.cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}; CPU in seconds per 1,000 workflows; limit = bare grouped commits of the same bytes`);
console.log(
  ['sdk', 'scenario', 'in flight', 'wf/s', 'p50 ms', 'p90 ms', 'p99 ms', 'server CPU', 'worker CPU', 'client CPU', 'server MiB', 'worker MiB', 'limit wf/s'].join(' | '),
);
try {
  if (options.address === undefined) await printIdle();
  for (const sdk of sdks) {
    for (const scenario of scenarios) {
      for (const inFlight of inFlights) print(sdk, scenario, String(inFlight), await measure(sdk, scenario, `closed:${inFlight}`, inFlight));
      if (openRate > 0 && scenario.name === '3 activities') print(sdk, scenario, `${openRate}/s open`, await measure(sdk, scenario, `open:${openRate}`, 64));
    }
    if (sdk !== 'in-process' && (options.scenario === undefined || options.scenario.split(',').includes('long-history'))) await measureLongHistory(sdk);
    if (sdk !== 'in-process' && options.scenario?.split(',').includes('million')) await measureMillion(sdk);
  }
} finally {
  fs.rmSync(scratch, { recursive: true, force: true });
}

async function measure(sdk: 'in-process' | SdkName, scenario: Scenario, loop: string, group: number): Promise<Row> {
  const filename = path.join(fs.mkdtempSync(path.join(scratch, 'run-')), 'bench.db');
  return sdk === 'in-process' ? measureEmbedded(filename, scenario, loop) : measureOverGrpc(filename, sdk, scenario, loop, group);
}

async function measureEmbedded(filename: string, scenario: Scenario, loop: string): Promise<Row> {
  const child = start(script('embedded.js'), [filename, scenario.name, loop, String(seconds)]);
  return JSON.parse(await child.line((line) => line.startsWith('{'))) as Row;
}

async function measureOverGrpc(filename: string, sdk: SdkName, scenario: Scenario, loop: string, group: number): Promise<Row> {
  const server = options.address === undefined ? await startServer(filename) : undefined;
  const address = options.address ?? (server as Started).address;
  const taskQueue = scenario.needsWorker ? `bench-${process.hrtime.bigint()}` : 'nobody';
  const worker = scenario.needsWorker ? start(script('worker.js'), [sdk, address, taskQueue]) : undefined;
  await worker?.line((line) => line === 'ready');
  const client = start(script('client.js'), [sdk, address, taskQueue, scenario.name, loop, String(seconds)]);
  await client.line((line) => line === 'go');
  const before = [server?.child.cpuSeconds() ?? 0, worker?.cpuSeconds() ?? 0] as const;
  const result = JSON.parse(await client.line((line) => line.startsWith('{'))) as Row;
  const per1000 = 1000 / result.workflows;
  const row: Row = {
    ...result,
    ...(server && { serverCpu: (server.child.cpuSeconds() - before[0]) * per1000, serverMemoryMb: server.child.peakMemoryMb() }),
    ...(worker && { workerCpu: (worker.cpuSeconds() - before[1]) * per1000, workerMemoryMb: worker.peakMemoryMb() }),
  };
  await client.stop();
  await worker?.stop();
  await server?.child.stop();
  return server ? { ...row, limit: await limit(filename, group) } : row;
}

/** Whether a step costs more the longer the history is, and what a cold start costs. Not under load: one execution. */
async function measureLongHistory(sdk: SdkName): Promise<void> {
  const server = options.address === undefined ? await startServer(path.join(scratch, `long-${sdk}.db`)) : undefined;
  const address = options.address ?? (server as Started).address;
  const taskQueue = `bench-long-${process.hrtime.bigint()}`;
  const phase = async <Result>(name: string): Promise<Result> => {
    const worker = start(script('worker.js'), [sdk, address, taskQueue]);
    await worker.line((line) => line === 'ready');
    const client = start(script('long-history.js'), [sdk, address, taskQueue, String(longHistoryEvents), name]);
    const result = JSON.parse(await client.line((line) => line.startsWith('{'))) as Result;
    await client.stop();
    await worker.stop();
    return result;
  };
  const { events, firstMs, lastMs } = await phase<LongHistoryResult>('run');
  const { replayMs, readMs } = await phase<ReplayResult>('replay');
  console.log(
    `${sdk} | long-history, ${events} events | step at the beginning ${firstMs.toFixed(2)} ms, at the end ${lastMs.toFixed(2)} ms (${(lastMs / firstMs).toFixed(2)} x)` +
      ` | replay after a cold start ${replayMs.toFixed(0)} ms, reading the history once ${readMs.toFixed(0)} ms | server ${server?.child.peakMemoryMb().toFixed(0) ?? '-'} MiB`,
  );
  await server?.child.stop();
}

/** Whether a million tasks come to an end, and in how much memory. */
async function measureMillion(sdk: SdkName): Promise<void> {
  const server = options.address === undefined ? await startServer(path.join(scratch, `million-${sdk}.db`)) : undefined;
  const address = options.address ?? (server as Started).address;
  const taskQueue = `bench-million-${process.hrtime.bigint()}`;
  const worker = start(script('worker.js'), [sdk, address, taskQueue]);
  await worker.line((line) => line === 'ready');
  const size = { children: Number(options.children), activities: Number(options.activities) };
  await measureTree(sdk, address, taskQueue, size, server?.child, worker);
  await worker.stop();
  await server?.child.stop();
}

/** What a server costs that nobody talks to. */
async function printIdle(): Promise<void> {
  const from = performance.now();
  const { child } = await startServer(path.join(scratch, 'idle.db'));
  const readyMs = performance.now() - from;
  const before = child.cpuSeconds();
  await new Promise((resolve) => setTimeout(resolve, 5000));
  console.log(`idle server: ready after ${readyMs.toFixed(0)} ms, ${(child.cpuSeconds() - before).toFixed(2)} s CPU in 5 s, ${child.peakMemoryMb().toFixed(0)} MiB`);
  await child.stop();
}

interface Started {
  readonly child: Child;
  readonly address: string;
}

async function startServer(filename: string): Promise<Started> {
  const child = start(path.join(root, 'packages/perdure/bin/perdure.js'), ['server', 'start-dev', '--db-filename', filename, '--port', '0', '--headless', '--log-level', 'warn', '--dynamic-config-value', WITHOUT_THROTTLE]);
  const line = await child.line((candidate) => /127\.0\.0\.1:\d+|localhost:\d+/.test(candidate));
  return { child, address: `127.0.0.1:${/(?:127\.0\.0\.1|localhost):(\d+)/.exec(line)?.[1]}` };
}

/** Counts what the run wrote, then writes the same into a bare store. */
async function limit(filename: string, group: number): Promise<number> {
  const { machines, records, bytes } = await journalStatistics(filename);
  const child = start(script('limit.js'), [`${filename}.limit`, String(records / machines), String(bytes / records), String(Math.min(group, 64)), '1']);
  return (JSON.parse(await child.line((line) => line.startsWith('{'))) as { perSecond: number }).perSecond;
}

function print(sdk: string, scenario: Scenario, load: string, row: Row): void {
  const number = (value: number | undefined, digits: number) => (value === undefined ? '-' : value.toFixed(digits));
  console.log(
    [
      sdk, scenario.name, load, number(row.perSecond, 0), number(row.p50, 1), number(row.p90, 1), number(row.p99, 1),
      number(row.serverCpu, 2), number(row.workerCpu, 2), number((row.cpuSeconds * 1000) / row.workflows, 2),
      number(row.serverMemoryMb, 0), number(row.workerMemoryMb, 0), number(row.limit, 0),
    ].join(' | '),
  );
}
