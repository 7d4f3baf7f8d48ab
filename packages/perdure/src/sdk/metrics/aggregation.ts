/**
 * Adds values up, series by series, for exporters that send totals: Prometheus and OTLP.
 *
 * The totals stand in the same registry that the server's metrics use, so both are written as text by the same code. The number of series
 * is bounded: tags that take ever new values (ids, say) would fill memory, so what comes beyond the bound is dropped, and said once.
 */
import { Histogram, MetricRegistry, type MetricFamily, type Sample } from '../../metrics/instruments.js';
import type { Logger } from '../common/index.js';
import type { Metric, MetricTags } from '../common/metrics.js';
import { keyOfTags, type MetricReceiver, type MetricSeries, type Observation } from './receiver.js';
import { DEFAULT_BUCKETS, isSdkMetric } from './sdk-metrics.js';

const MOST_SERIES = 10_000;

export interface AggregationOptions {
  /** Before the names of the SDK's own metrics. */
  readonly prefix: string;
  /** On all metrics. */
  readonly globalTags: Readonly<Record<string, string>>;
  /** On the SDK's own metrics, as `service_name`; undefined: without. */
  readonly serviceName: string | undefined;
  readonly useSecondsForDurations: boolean;
  /** By name, with or without the prefix. */
  readonly bucketOverrides: Readonly<Record<string, readonly number[]>>;
  /** What a metric is called for the exporter, after the prefix. */
  readonly suffix?: (metric: Metric, unit: string | undefined) => string;
  readonly logger: Logger;
}

interface Series extends MetricSeries {
  readonly sample: Sample;
}

interface Family {
  readonly kind: Metric['kind'];
  readonly series: Map<string, Series>;
}

const NOWHERE: MetricSeries = { record: () => undefined };

export class MetricAggregation implements MetricReceiver {
  readonly registry = new MetricRegistry();
  /** Beside the families: what exporters other than Prometheus must know of them. */
  readonly metrics = new Map<string, { readonly metric: Metric; readonly unit: string | undefined }>();
  readonly #options: AggregationOptions;
  readonly #families = new Map<string, Family>();
  readonly #sources = new Set<() => Iterable<Observation>>();
  readonly #warned = new Set<string>();
  #count = 0;

  constructor(options: AggregationOptions) {
    this.#options = options;
  }

  seriesOf(metric: Metric, tags: MetricTags): MetricSeries {
    const family = this.#familyOf(metric);
    if (family.kind !== metric.kind) {
      this.#warn(metric.name, `The metric '${metric.name}' is a ${family.kind} elsewhere; values of the ${metric.kind} are dropped. Give one of them another name.`);
      return NOWHERE;
    }
    const key = keyOfTags(tags);
    let series = family.series.get(key);
    if (series === undefined) {
      if (this.#count >= MOST_SERIES) {
        this.#warn('', `More than ${MOST_SERIES} metric series: further ones are dropped. Which tag takes ever new values? '${metric.name}' was the first to be dropped.`);
        return NOWHERE;
      }
      this.#count += 1;
      family.series.set(key, (series = this.#newSeries(metric, tags)));
    }
    return series;
  }

  observe(source: () => Iterable<Observation>): () => void {
    this.#sources.add(source);
    return () => {
      this.#sources.delete(source);
      // What nobody tells any more is gone, not unchanged.
      for (const { metric, tags } of source()) this.seriesOf(metric, tags).record(0);
    };
  }

  /** Brings observed gauges up to date. Exporters call it before they read. */
  collect(): void {
    for (const source of this.#sources) for (const { metric, tags, value } of source()) this.seriesOf(metric, tags).record(value);
  }

  #familyOf(metric: Metric): Family {
    const known = this.#families.get(metric.name);
    if (known !== undefined) return known;
    const family: Family = { kind: metric.kind, series: new Map() };
    this.#families.set(metric.name, family);
    const unit = this.#isScaled(metric) ? 's' : isSdkMetric(metric) && metric.isDuration ? 'ms' : metric.unit;
    const name = `${isSdkMetric(metric) ? this.#options.prefix : ''}${metric.name}${this.#options.suffix?.(metric, unit) ?? ''}`;
    this.metrics.set(name, { metric, unit });
    const exposed: MetricFamily = {
      name,
      type: metric.kind === 'up-down-counter' ? 'gauge' : metric.kind,
      help: metric.description ?? metric.name,
      labels: [],
    };
    this.registry.add(exposed, function* () {
      for (const { sample } of family.series.values()) yield sample;
    });
    return family;
  }

  #newSeries(metric: Metric, tags: MetricTags): Series {
    const labels = this.#labels(metric, tags);
    if (metric.kind === 'histogram') {
      const histogram = new Histogram(this.#bounds(metric));
      const scale = this.#isScaled(metric) ? 0.001 : 1;
      return { sample: { labels, histogram }, record: (value) => histogram.observe(value * scale) };
    }
    const sample = { labels, value: 0 };
    const sums = metric.kind !== 'gauge';
    return { sample, record: (value) => void (sample.value = sums ? sample.value + value : value) };
  }

  #labels(metric: Metric, tags: MetricTags): Record<string, string> {
    const { globalTags, serviceName } = this.#options;
    const all: MetricTags = { ...globalTags, ...(isSdkMetric(metric) && serviceName !== undefined && { service_name: serviceName }), ...tags };
    return Object.fromEntries(Object.keys(all).sort().map((name) => [name, String(all[name])]));
  }

  #bounds(metric: Metric): readonly number[] {
    const { bucketOverrides, prefix } = this.#options;
    const given = bucketOverrides[metric.name] ?? (isSdkMetric(metric) ? bucketOverrides[prefix + metric.name] : undefined);
    if (given !== undefined) return [...given].sort((a, b) => a - b);
    const bounds = (isSdkMetric(metric) ? metric.buckets : undefined) ?? DEFAULT_BUCKETS;
    return this.#isScaled(metric) ? bounds.map((bound) => bound / 1_000) : bounds;
  }

  #isScaled(metric: Metric): boolean {
    return this.#options.useSecondsForDurations && isSdkMetric(metric) && metric.isDuration === true;
  }

  #warn(about: string, message: string): void {
    if (this.#warned.has(about) || this.#warned.size > 100) return;
    this.#warned.add(about);
    this.#options.logger.warn(message, { sdkComponent: 'worker' });
  }
}
