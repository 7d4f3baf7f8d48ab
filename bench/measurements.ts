/**
 * Measurements that are not a scenario under load: each has a process of its own that says what it saw. A new bench file gets a line in
 * {@link MEASUREMENTS}; `main.ts` lists them and runs those that are asked for.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BatchResult } from './batch-result.js';
import type { CachedResult } from './cached.js';
import type { LongHistoryResult, ReplayResult } from './long-history.js';
import { measureTree } from './million.js';
import { root, start, type Child } from './processes.js';
import { writeProject } from './project.js';
import type { ReplaySpeed } from './replay.js';
import type { SdkName } from './sdk.js';
import type { WorkerStart } from './worker-start.js';

/** What a measurement may use. */
export interface Bench {
  /** A folder that is removed afterwards. */
  readonly scratch: string;
  readonly quick: boolean;
  readonly sizes: { readonly timers: number; readonly children: number; readonly activities: number; readonly executions: number; readonly longHistoryEvents: number };
  /** A server of one's own, or the one that runs already: that has no process to look at, and is not stopped. */
  server(filename: string): Promise<{ readonly child: Child | undefined; readonly address: string }>;
  /** Workflows a second that the bare store carries with the same records as this file has. */
  limit(filename: string, group: number): Promise<number>;
}

export interface Measurement {
  readonly name: string;
  readonly about: string;
  /** Measured when no scenario is named. Default: only where it is named. */
  readonly always?: boolean;
  readonly run: ((bench: Bench) => Promise<void>) | { readonly ofSdk: (bench: Bench, sdk: SdkName) => Promise<void> };
}

export const MEASUREMENTS: readonly Measurement[] = [
  { name: 'idle', about: 'what a server costs that nobody talks to', always: true, run: measureIdle },
  { name: 'testing', about: 'what a test environment costs', always: true, run: measureTesting },
  { name: 'long-history', about: 'whether a step costs more the longer the history is, and what a cold start costs (--long-history events)', always: true, run: { ofSdk: measureLongHistory } },
  { name: 'worker start', about: 'from nothing to a worker, on a project of 20 TypeScript workflows without a build step', run: { ofSdk: measureWorkerStart } },
  { name: 'replay', about: 'events a second that the replayer takes, on a history of 10,000', run: { ofSdk: measureReplay } },
  { name: 'million', about: 'one workflow with a tree of activities below it (--children, --activities of each)', run: { ofSdk: measureMillion } },
  { name: 'cached', about: 'what runs cost that a worker keeps in memory (--executions)', run: { ofSdk: measureCached } },
  { name: 'schedules', about: '10,000 schedules that are due in the same second', run: measureSchedules },
  { name: 'due timers', about: 'timers that are due at the same moment (--timers)', run: measureTimers },
  { name: 'dispatch', about: 'what priorities and fairness keys cost a task, in matching alone', run: measureDispatch },
  { name: 'batch', about: 'one batch operation that terminates executions (--executions), and what others feel of it', run: measureBatch },
  { name: 'retention', about: '100,000 expired runs beside work that goes on', run: measureRetention },
  { name: 'visibility', about: 'list queries over a million runs, and what listings cost the store', run: measureVisibility },
];

const script = (name: string): string => path.join(root, 'build/bench', name);

/** A script that has said its result ends by itself, mostly. */
const ENDS_WITHIN_MS = 2_000;

/** Runs a script that prints its result as one line of JSON. */
async function resultOf<Result>(name: string, args: readonly (string | number)[], flags: readonly string[] = []): Promise<Result> {
  const child = start(script(name), args.map(String), flags);
  const ended = once(child.process, 'exit');
  const result = JSON.parse(await child.line((line) => line.startsWith('{') || line.startsWith('['))) as Result;
  await Promise.race([ended, delay(ENDS_WITHIN_MS)]);
  await child.stop();
  return result;
}

async function measureIdle({ server, scratch }: Bench): Promise<void> {
  const from = performance.now();
  const { child } = await server(path.join(scratch, 'idle.db'));
  if (child === undefined) return;
  const readyMs = performance.now() - from;
  const before = child.cpuSeconds();
  await delay(5_000);
  console.log(`idle server: ready after ${readyMs.toFixed(0)} ms, ${(child.cpuSeconds() - before).toFixed(2)} s CPU in 5 s, ${child.peakMemoryMb().toFixed(0)} MiB`);
  await child.stop();
}

async function measureTesting(): Promise<void> {
  const child = spawn(process.execPath, [script('testing.js')], { stdio: ['ignore', 'inherit', 'inherit'] });
  await once(child, 'exit');
}

/** Not under load: one execution. */
async function measureLongHistory({ server, scratch, sizes }: Bench, sdk: SdkName): Promise<void> {
  const { child, address } = await server(path.join(scratch, `long-${sdk}.db`));
  const taskQueue = `bench-long-${process.hrtime.bigint()}`;
  const phase = async <Result>(name: string): Promise<Result> => {
    const worker = await startWorker(sdk, address, taskQueue);
    const result = await resultOf<Result>('long-history.js', [sdk, address, taskQueue, sizes.longHistoryEvents, name]);
    await worker.stop();
    return result;
  };
  const { events, firstMs, lastMs } = await phase<LongHistoryResult>('run');
  const { replayMs, readMs } = await phase<ReplayResult>('replay');
  console.log(
    `${sdk} | long-history, ${events} events | step at the beginning ${firstMs.toFixed(2)} ms, at the end ${lastMs.toFixed(2)} ms (${(lastMs / firstMs).toFixed(2)} x)` +
      ` | replay after a cold start ${replayMs.toFixed(0)} ms, reading the history once ${readMs.toFixed(0)} ms | server ${child?.peakMemoryMb().toFixed(0) ?? '-'} MiB`,
  );
  await child?.stop();
}

/** Whether a million tasks come to an end, and in how much memory. */
async function measureMillion({ server, scratch, sizes }: Bench, sdk: SdkName): Promise<void> {
  const { child, address } = await server(path.join(scratch, `million-${sdk}.db`));
  const taskQueue = `bench-million-${process.hrtime.bigint()}`;
  const worker = await startWorker(sdk, address, taskQueue);
  await measureTree(sdk, address, taskQueue, sizes, child, worker);
  await worker.stop();
  await child?.stop();
}

async function startWorker(sdk: SdkName, address: string, taskQueue: string): Promise<Child> {
  const worker = start(script('worker.js'), [sdk, address, taskQueue]);
  await worker.line((line) => line === 'ready');
  return worker;
}

/** Five starts after one that warms the disk; the median counts, the worst is told. */
async function measureWorkerStart({ server, scratch }: Bench, sdk: SdkName): Promise<void> {
  const { child, address } = await server(path.join(scratch, `start-${sdk}.db`));
  const workflows = writeProject(sdk);
  const starts: WorkerStart[] = [];
  for (let count = 0; count < 6; count++) starts.push(await resultOf<WorkerStart>('worker-start.js', [sdk, address, workflows]));
  const [median, , worst] = starts.slice(1).sort((a, b) => a.createdMs - b.createdMs).slice(2) as [WorkerStart, WorkerStart, WorkerStart];
  console.log(
    `${sdk} | worker start, 20 workflows in TypeScript, median of 5 | ready ${median.createdMs.toFixed(0)} ms after the process began (worst ${worst.createdMs.toFixed(0)} ms)` +
      ` | of them loading ${median.loadedMs.toFixed(0)}, connecting ${(median.connectedMs - median.loadedMs).toFixed(0)}, creating ${(median.createdMs - median.connectedMs).toFixed(0)} ms` +
      ` | first workflow ${median.firstRunMs.toFixed(0)} ms | ${median.residentMb.toFixed(0)} MiB`,
  );
  await child?.stop();
}

async function measureReplay({ server, scratch }: Bench, sdk: SdkName): Promise<void> {
  const { child, address } = await server(path.join(scratch, `replay-${sdk}.db`));
  const { events, replays, perSecond, perCpuSecond, startMs } = await resultOf<ReplaySpeed>('replay.js', [sdk, address, 10_000]);
  console.log(`${sdk} | replay of a history of ${events} events, the best of ${replays} | ${perSecond.toFixed(0)} events/s, ${perCpuSecond.toFixed(0)} per second of CPU | a worker is created in ${startMs.toFixed(0)} ms`);
  await child?.stop();
}

async function measureCached({ server, scratch, sizes }: Bench, sdk: SdkName): Promise<void> {
  const { child, address } = await server(path.join(scratch, `cached-${sdk}.db`));
  const { cached, residentMb, addedMb, addedHeapMb } = await resultOf<CachedResult>('cached.js', [sdk, address, sizes.executions], ['--expose-gc']);
  console.log(`${sdk} | ${cached} runs in the worker's cache | ${addedMb.toFixed(0)} MiB more, ${addedHeapMb.toFixed(0)} MiB of them heap | ${((addedMb * 1024) / cached).toFixed(1)} KiB a run | ${residentMb.toFixed(0)} MiB in all`);
  await child?.stop();
}

/** Each firing is a record of the schedule, a start, and a record with its answer: the limit is the bare store with as many commits of that size. */
async function measureSchedules({ scratch, quick, limit }: Bench): Promise<void> {
  const count = quick ? 1_000 : 10_000;
  for (const cold of [false, true]) {
    const filename = path.join(scratch, `schedules-${cold}.db`);
    const { startedMs, loopMs, peakMemoryMb } = await resultOf<{ startedMs: number; loopMs: number; peakMemoryMb: number }>('schedules.js', [filename, count, String(cold)]);
    const perSecond = await limit(filename, 64);
    console.log(
      `${count} schedules due in the same second, ${cold ? 'after a restart' : 'in memory'} | all have started their workflow ${startedMs} ms later, ${((count * 1000) / startedMs).toFixed(0)}/s` +
        ` | longest turn of the engine ${loopMs.toFixed(0)} ms | ${peakMemoryMb.toFixed(0)} MiB | limit ${((count * 1000) / perSecond).toFixed(0)} ms`,
    );
  }
}

async function measureTimers({ scratch, sizes: { timers } }: Bench): Promise<void> {
  const row = await resultOf<{ firedMs: number; loopMs: number; p50: number; p99: number; peakMemoryMb: number }>('timers.js', [path.join(scratch, 'timers.db'), timers]);
  console.log(
    `${timers} timers due in the same millisecond | all fired ${row.firedMs} ms later, ${((timers * 1000) / row.firedMs).toFixed(0)}/s | longest turn of the engine ${row.loopMs.toFixed(0)} ms` +
      ` | a start meanwhile takes p50 ${row.p50.toFixed(1)} ms, p99 ${row.p99.toFixed(1)} ms | ${row.peakMemoryMb.toFixed(0)} MiB`,
  );
}

async function measureDispatch({ quick }: Bench): Promise<void> {
  const count = quick ? 10_000 : 100_000;
  for (const { keys, cpuMicroseconds, ratio } of await resultOf<readonly { keys: number; cpuMicroseconds: number; ratio: number }[]>('dispatch.js', [count])) {
    console.log(`dispatch of ${count} tasks | ${keys === 0 ? 'first in, first out' : `${keys} fairness keys`} | ${cpuMicroseconds.toFixed(2)} us CPU a task | ${ratio.toFixed(2)} x`);
  }
}

/** As fast as it can, and at a rate. */
async function measureBatch({ scratch, sizes }: Bench): Promise<void> {
  for (const perSecond of ['0', '1000']) {
    const result = await resultOf<BatchResult>('batch.js', [path.join(scratch, `batch-${perSecond}.db`), sizes.executions, perSecond]);
    console.log(
      `batch | ${result.count} executions terminated, ${perSecond === '0' ? 'no rate' : `at most ${perSecond}/s`} | ${result.perSecond}/s | ${result.cpuMsPer1000} ms CPU per 1,000` +
        ` | longest pause ${result.longestDelayMs} ms | a start meanwhile p50 ${result.startP50Ms} ms, p99 ${result.startP99Ms} ms`,
    );
  }
}

async function measureRetention({ scratch, quick }: Bench): Promise<void> {
  type Worked = Readonly<Record<'perSecond' | 'p50' | 'p99', number>>;
  const row = await resultOf<Record<'count' | 'sweptSeconds' | 'ratio' | 'loopP99Ms' | 'loopMaxMs', number> & Record<'plain' | 'during' | 'again', Worked>>('retention.js', [
    path.join(scratch, 'retention.db'),
    quick ? 5_000 : 100_000,
  ]);
  const told = ({ perSecond, p50, p99 }: Worked): string => `${perSecond.toFixed(0)}/s, p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`;
  console.log(
    `retention | ${row.count} runs forgotten in ${row.sweptSeconds.toFixed(1)} s | workflows meanwhile ${told(row.during)} (${row.ratio.toFixed(2)} x); before ${told(row.plain)}, after ${told(row.again)}` +
      ` | turn of the engine p99 ${row.loopP99Ms.toFixed(1)} ms, longest ${row.loopMaxMs.toFixed(0)} ms`,
  );
}

async function measureVisibility({ scratch, quick }: Bench): Promise<void> {
  const child = start(script('visibility.js'), [String(quick ? 50_000 : 1_000_000), path.join(scratch, 'visibility.db')]);
  for (let line = ''; !line.startsWith('count ExecutionStatus'); console.log(line)) line = await child.line(() => true);
  await child.stop();
}
