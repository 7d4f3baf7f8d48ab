/** Metrics for programs that export them on their own: values wait here until they are fetched. */
import { ValueError } from '../common/index.js';
import type { Metric, MetricTags } from '../common/metrics.js';
import { keyOfTags, type MetricReceiver, type MetricSeries, type Observation } from './receiver.js';
import { isSdkMetric } from './sdk-metrics.js';

export interface MetricsBufferOptions {
  /** Values that wait; what comes beyond is dropped. Default: 10,000. */
  readonly maxBufferSize?: number;
  /** Durations of the SDK's own metrics in seconds. Default: false, milliseconds. */
  readonly useSecondsForDurations?: boolean;
}

export interface BufferedMetricUpdate {
  /** The same object for the same metric, so it can be the key of a map. */
  readonly metric: Metric;
  /** Of counters what is added; of others the value itself. */
  readonly value: number;
  /** The same object for the same tags of a metric. */
  readonly attributes: MetricTags;
}

/**
 * Give it as `telemetryOptions.metrics.buffer` and call {@link retrieveUpdates} regularly.
 *
 * @example
 * const buffer = new MetricsBuffer();
 * Runtime.install({ telemetryOptions: { metrics: { buffer } } });
 * setInterval(() => { for (const { metric, value, attributes } of buffer.retrieveUpdates()) statsd.send(metric.name, value, attributes); }, 1_000);
 */
export class MetricsBuffer implements MetricReceiver {
  readonly maxBufferSize: number;
  readonly useSecondsForDurations: boolean;
  readonly #series = new Map<string, MetricSeries>();
  readonly #sources = new Set<() => Iterable<Observation>>();
  #updates: BufferedMetricUpdate[] = [];
  #dropped = 0;

  constructor(options: MetricsBufferOptions = {}) {
    this.maxBufferSize = options.maxBufferSize ?? 10_000;
    if (!Number.isInteger(this.maxBufferSize) || this.maxBufferSize < 1) throw new ValueError(`maxBufferSize must be an integer of at least 1, got ${this.maxBufferSize}`);
    this.useSecondsForDurations = options.useSecondsForDurations ?? false;
  }

  /** Values that were dropped so far because nobody fetched. */
  get dropped(): number {
    return this.#dropped;
  }

  /** What has come since the last call. */
  retrieveUpdates(): ArrayIterator<BufferedMetricUpdate> {
    for (const source of this.#sources) for (const { metric, tags, value } of source()) this.seriesOf(metric, tags).record(value);
    const updates = this.#updates;
    this.#updates = [];
    return updates.values();
  }

  seriesOf(metric: Metric, attributes: MetricTags): MetricSeries {
    const key = `${metric.kind}\u0000${metric.name}\u0000${keyOfTags(attributes)}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      const { name, unit, description, kind, valueType } = metric;
      const isDuration = isSdkMetric(metric) && metric.isDuration === true;
      const seconds = isDuration && this.useSecondsForDurations;
      const shown: Metric = { name: isSdkMetric(metric) ? `temporal_${name}` : name, unit: isDuration ? (seconds ? 's' : 'ms') : unit, description, kind, valueType };
      const tags = Object.freeze({ ...attributes });
      series = { record: (value) => this.#push({ metric: shown, value: seconds ? value / 1_000 : value, attributes: tags }) };
      // Forgotten all at once: only the identity of objects is lost.
      if (this.#series.size >= this.maxBufferSize) this.#series.clear();
      this.#series.set(key, series);
    }
    return series;
  }

  observe(source: () => Iterable<Observation>): () => void {
    this.#sources.add(source);
    return () => this.#sources.delete(source);
  }

  #push(update: BufferedMetricUpdate): void {
    if (this.#updates.length >= this.maxBufferSize) this.#dropped += 1;
    else this.#updates.push(update);
  }
}
