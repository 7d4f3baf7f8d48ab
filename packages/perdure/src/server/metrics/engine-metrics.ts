/** The engine's metrics: reads what the rooms count, and says what it means. Nothing here runs until somebody asks. */
import type { Host } from '../../host/host.js';
import type { Matching } from '../../matching/matching.js';
import type { CallMeters } from '../../metrics/call-meters.js';
import { MetricRegistry, type Labels, type Sample } from '../../metrics/instruments.js';
import type { Clock } from '../../ports/index.js';
import { Code } from '../../protocol/errors.js';
import { ENGINE_METRICS as METRICS } from './families.js';

export interface EngineMetricsOptions {
  readonly host: Host;
  readonly matching: Matching;
  readonly calls: CallMeters;
  readonly clock: Clock;
}

export function engineMetrics({ host, matching, calls, clock }: EngineMetricsOptions): MetricRegistry {
  const registry = new MetricRegistry();
  addCalls(registry, calls);
  addQueues(registry, matching, clock);
  addHost(registry, host);
  return registry;
}

const CODE_NAMES = new Map<number, string>(Object.entries(Code).map(([name, code]) => [code, name]));

/** A method has series from its first call on. */
function addCalls(registry: MetricRegistry, calls: CallMeters): void {
  registry.add(METRICS.requests, function* () {
    for (const [method, { ended }] of calls.entries()) {
      for (const [code, value] of ended.entries()) if (value > 0) yield { labels: { method, code: CODE_NAMES.get(code) ?? String(code) }, value };
    }
  });
  registry.add(METRICS.requestSeconds, function* () {
    for (const [method, { seconds }] of calls.entries()) if (seconds.count > 0) yield { labels: { method }, histogram: seconds };
  });
  registry.add(METRICS.requestsInFlight, function* () {
    for (const [method, { inFlight, seconds }] of calls.entries()) if (seconds.count > 0 || inFlight > 0) yield { labels: { method }, value: inFlight };
  });
}

const SERIES = [
  { type: 'workflow', kind: 'normal' },
  { type: 'workflow', kind: 'sticky' },
  { type: 'activity', kind: 'normal' },
  { type: 'activity', kind: 'sticky' },
  { type: 'nexus', kind: 'normal' },
] as const;

interface QueueTotals {
  polls: number;
  tasks: number;
  queues: number;
  waitMs: number;
}

function addQueues(registry: MetricRegistry, matching: Matching, clock: Clock): void {
  // One walk over the queues serves all families of one reading: the first family takes it, the others follow at once.
  let totals = new Map<string, QueueTotals>();
  const refresh = (): void => {
    totals = new Map(SERIES.map(({ type, kind }) => [`${type}/${kind}`, { polls: 0, tasks: 0, queues: 0, waitMs: 0 }]));
    const now = clock.now();
    for (const { type, isSticky, polls, tasks, oldestSince = now } of matching.loads()) {
      const total = totals.get(`${type}/${isSticky ? 'sticky' : 'normal'}`);
      if (total === undefined) continue;
      total.polls += polls;
      total.tasks += tasks;
      total.queues += 1;
      total.waitMs = Math.max(total.waitMs, now - oldestSince);
    }
  };
  const samples = (value: (total: QueueTotals) => number): Sample[] =>
    SERIES.map(({ type, kind }) => ({ labels: { type, kind } satisfies Labels, value: value(totals.get(`${type}/${kind}`) ?? { polls: 0, tasks: 0, queues: 0, waitMs: 0 }) }));
  registry.add(METRICS.pollsWaiting, () => {
    refresh();
    return samples(({ polls }) => polls);
  });
  registry.add(METRICS.tasksReady, () => samples(({ tasks }) => tasks));
  registry.add(METRICS.oldestTask, () => samples(({ waitMs }) => waitMs / 1000));
  registry.add(METRICS.queues, () => samples(({ queues }) => queues));
}

function addHost(registry: MetricRegistry, host: Host): void {
  const { stats } = host;
  registry.addHistogram(METRICS.commitSeconds, stats.commitSeconds);
  registry.addHistogram(METRICS.commitRecords, stats.commitRecords);
  registry.addValue(METRICS.failedCommits, () => stats.failedCommits);
  registry.addValue(METRICS.pendingRecords, () => host.load.pendingRecords);
  registry.addValue(METRICS.journalBytes, () => stats.journalBytes);
  registry.addValue(METRICS.machines, () => host.load.machines);
  registry.addValue(METRICS.cachedBytes, () => host.load.cachedBytes);
  registry.addValue(METRICS.cacheHits, () => stats.cacheHits);
  registry.addValue(METRICS.loads, () => stats.loads);
  registry.addHistogram(METRICS.wakeSeconds, stats.wakeSeconds);
}
