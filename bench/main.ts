/**
 * `npm run bench -- [options]`: server, worker and client as separate processes, one line per measurement.
 *
 *   --sdk ours,in-process,official   which SDKs (default: ours,in-process, and official where it is installed)
 *   --scenario "no-op,3 activities"  which scenarios and measurements (default: all scenarios, and the measurements that take little time)
 *   --help                           the names of all of them
 *   --in-flight 1,16,64,256          closed loops (default)
 *   --rate 100                       the open loop's starts per second; 0: none (default 100, for 3 activities)
 *   --seconds 5                      length of one measurement (default 5)
 *   --address host:port              measure a server that runs already (its CPU and memory are then not shown)
 *   --timers, --children, --activities, --executions, --long-history   sizes of measurements
 *   --quick                          one second each, 1 and 64 in flight: does everything work?
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { journalStatistics } from './journal.js';
import type { LoadResult } from './load.js';
import { MEASUREMENTS, type Bench } from './measurements.js';
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
    timers: { type: 'string', default: '100000' },
    children: { type: 'string', default: '1000' },
    activities: { type: 'string', default: '1000' },
    executions: { type: 'string', default: '10000' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const seconds = Number(options.seconds ?? (options.quick ? 1 : 5));
const inFlights = (options['in-flight'] ?? (options.quick ? '1,64' : '1,16,64,256')).split(',').map(Number);
const openRate = Number(options.rate ?? (options.quick ? 0 : 100));
const sdks = (options.sdk ?? ['ours', 'in-process', ...(officialIsInstalled() ? ['official'] : [])].join(',')).split(',') as ('in-process' | SdkName)[];
const asked = options.scenario?.split(',');
const known = [...SCENARIOS, ...MEASUREMENTS].map(({ name }) => name);
const unknown = asked?.find((name) => !known.includes(name));
if (options.help || unknown !== undefined) {
  if (unknown !== undefined) console.log(`There is no scenario or measurement '${unknown}'.`);
  console.log(`scenarios: ${SCENARIOS.map(({ name }) => name).join(', ')}\nmeasurements (*: also without --scenario):`);
  for (const { name, about, always } of MEASUREMENTS) console.log(`  ${name}${always ? '*' : ''}: ${about}`);
  process.exit(unknown === undefined ? 0 : 1);
}
const scenarios = SCENARIOS.filter(({ name }) => asked?.includes(name) ?? true);
const measurements = MEASUREMENTS.filter(({ name, always, run }) => asked?.includes(name) ?? (always && (options.address === undefined || typeof run !== 'function')));
const scratch = fs.mkdtempSync(path.join(root, '.perdure-bench-'));
/** Runs that continue as new at once are otherwise slowed down to one a second, as in Temporal's server. */
const WITHOUT_THROTTLE = 'history.workflowIdReuseMinimalInterval=0';
const script = (name: string) => path.join(root, 'build/bench', name);
const bench: Bench = {
  scratch,
  quick: options.quick,
  sizes: {
    timers: Number(options.timers),
    children: Number(options.children),
    activities: Number(options.activities),
    executions: Number(options.executions),
    longHistoryEvents: Number(options['long-history'] ?? (options.quick ? 5_000 : 50_000)),
  },
  server: (filename) => (options.address === undefined ? startServer(filename) : Promise.resolve({ child: undefined, address: options.address })),
  limit,
};

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
  for (const { run } of measurements) if (typeof run === 'function') await run(bench);
  for (const sdk of sdks) {
    for (const scenario of scenarios) {
      for (const inFlight of inFlights) print(sdk, scenario, String(inFlight), await measure(sdk, scenario, `closed:${inFlight}`, inFlight));
      if (openRate > 0 && scenario.name === '3 activities') print(sdk, scenario, `${openRate}/s open`, await measure(sdk, scenario, `open:${openRate}`, 64));
    }
    if (sdk !== 'in-process') for (const { run } of measurements) if (typeof run !== 'function') await run.ofSdk(bench, sdk);
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
