/** Metrics from workflow code: silent while history is repeated, so each value counts once. */
import { composeInterceptors } from '../common/interceptors.js';
import { RecordingMeter, type MetricMeter, type MetricTags } from '../common/metrics.js';
import { currentRun } from './current-run.js';
import { realmHost } from './realm-host.js';

/**
 * Makes metrics that the worker exports, tagged with `namespace`, `taskQueue` and `workflowType`. A task that is tried again counts again.
 *
 * @example metricMeter.createCounter('orders').add(1, { kind: 'express' });
 */
export const metricMeter: MetricMeter = new RecordingMeter((metric, value, given) => {
  const { start, isReplaying, interceptors } = currentRun('metricMeter');
  const recordMetric = realmHost()?.recordMetric;
  if (isReplaying || recordMetric === undefined) return;
  const { namespace, taskQueue, workflowType } = start;
  const identity: MetricTags = { namespace, taskQueue, workflowType };
  const { outbound } = interceptors;
  const common = outbound.length === 0 ? identity : composeInterceptors(outbound, 'getMetricTags', (unchanged) => unchanged)(identity);
  recordMetric(metric, value, { ...common, ...given });
});
