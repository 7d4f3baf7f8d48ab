/** What the process says of itself. Watching the event loop takes a timer: only a server that serves metrics does it. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { MetricRegistry } from '../../metrics/instruments.js';
import { PROCESS_METRICS as METRICS } from './families.js';

/** How often the loop is asked for its delay. */
const RESOLUTION_MS = 20;
const NANOS = 1e9;

/** @returns what stops watching */
export function addProcessMetrics(registry: MetricRegistry): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const startedAt = Date.now() / 1000 - process.uptime();
  registry.addValue(METRICS.cpu, () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  registry.addValue(METRICS.memory, () => process.memoryUsage.rss());
  registry.addValue(METRICS.startTime, () => startedAt);
  registry.addValue(METRICS.heap, () => process.memoryUsage().heapUsed);
  const seconds = (nanos: number): number => (Number.isFinite(nanos) ? Math.max(0, nanos / NANOS - RESOLUTION_MS / 1000) : 0);
  registry.addValue(METRICS.loopLagMean, () => seconds(delay.mean));
  registry.addValue(METRICS.loopLagP99, () => seconds(delay.percentile(99)));
  registry.addValue(METRICS.loopLagMax, () => {
    const max = seconds(delay.max);
    // The last of the three: the next reading begins anew.
    delay.reset();
    return max;
  });
  return () => void delay.disable();
}
