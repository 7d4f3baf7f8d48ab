/** Where the values of metrics go: what the SDK and user code measure with, and what an exporter implements. */
import type { Metric, MetricTags } from '../common/metrics.js';

/** One metric with one set of tags. */
export interface MetricSeries {
  record(value: number): void;
}

/** A value that is known at any time and need not be counted: read when the exporter exports. */
export interface Observation {
  readonly metric: Metric;
  readonly tags: MetricTags;
  readonly value: number;
}

export interface MetricReceiver {
  /** The series of a metric with these tags: the same at each call. Keep it where values come often. */
  seriesOf(metric: Metric, tags: MetricTags): MetricSeries;
  /** Asks `source` at each export, until the returned function is called. */
  observe(source: () => Iterable<Observation>): () => void;
}

/** Identifies the tags of a series, in whatever order they were given. */
export function keyOfTags(tags: MetricTags): string {
  let key = '';
  for (const name of Object.keys(tags).sort()) key += `${name}\u0000${String(tags[name])}\u0001`;
  return key;
}
