/**
 * Sends the SDK's metrics to an OpenTelemetry collector, by OTLP over HTTP with JSON.
 *
 * Totals are sent at a fixed interval; a sending that fails is tried again with the next, which holds the same totals and more, so nothing
 * is kept for it. At most one is under way.
 */
import type { Histogram, Sample } from '../../metrics/instruments.js';
import { msToNumber, ValueError, type Duration, type Logger } from '../common/index.js';
import type { MetricAggregation } from './aggregation.js';
import type { Exporter } from './prometheus.js';

export interface OtlpOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly interval: Duration | undefined;
  readonly temporality: 'cumulative' | 'delta';
}

/** OTLP's numbers for the two. */
const TEMPORALITY = { delta: 1, cumulative: 2 } as const;
const SEND_FOR_MS = 10_000;

/** @throws ValueError if the url is not one of HTTP. */
export function exportOtlp(options: OtlpOptions, aggregation: MetricAggregation, logger: Logger): Exporter {
  if (!URL.canParse(options.url) || !/^https?:$/.test(new URL(options.url).protocol)) {
    throw new ValueError(`telemetryOptions.metrics.otel.url must be an http(s) URL, for example 'http://localhost:4318/v1/metrics', got '${options.url}'`);
  }
  const sender = new OtlpSender(options, aggregation, logger);
  const timer = setInterval(() => void sender.send(), msToNumber(options.interval ?? '1s'));
  timer.unref();
  return {
    close: async () => {
      clearInterval(timer);
      await sender.send();
    },
  };
}

interface Point {
  readonly attributes: readonly unknown[];
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
}

class OtlpSender {
  readonly #options: OtlpOptions;
  readonly #aggregation: MetricAggregation;
  readonly #logger: Logger;
  readonly #startedAtMs = Date.now();
  #sentAtMs = this.#startedAtMs;
  /** For deltas: what was sent last, by metric and labels. */
  readonly #sent = new Map<string, number | { readonly counts: readonly number[]; readonly sum: number; readonly count: number }>();
  #sending: Promise<void> | undefined;
  #failing = false;

  constructor(options: OtlpOptions, aggregation: MetricAggregation, logger: Logger) {
    this.#options = options;
    this.#aggregation = aggregation;
    this.#logger = logger;
  }

  send(): Promise<void> {
    return (this.#sending ??= this.#post().finally(() => (this.#sending = undefined)));
  }

  async #post(): Promise<void> {
    const { url, headers } = this.#options;
    const body = JSON.stringify(this.#message());
    try {
      const reply = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body, signal: AbortSignal.timeout(SEND_FOR_MS) });
      await reply.arrayBuffer();
      if (!reply.ok) throw new Error(`the collector answered ${reply.status}`);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#logger.warn(`Metrics cannot be sent to ${url}, will retry: ${String(error)}`, { sdkComponent: 'worker', error });
      this.#failing = true;
    }
  }

  #message(): object {
    this.#aggregation.collect();
    const now = Date.now();
    const metrics: object[] = [];
    for (const [{ name, help, type }, samples] of this.#aggregation.registry.read()) {
      const known = this.#aggregation.metrics.get(name);
      const dataPoints = [...samples].map((sample) => this.#point(name, type, sample, now));
      const aggregationTemporality = TEMPORALITY[this.#options.temporality];
      const data =
        type === 'gauge' ? { gauge: { dataPoints } }
        : type === 'counter' ? { sum: { dataPoints, aggregationTemporality, isMonotonic: true } }
        : { histogram: { dataPoints, aggregationTemporality } };
      metrics.push({ name, description: help, unit: known?.unit ?? '', ...data });
    }
    this.#sentAtMs = now;
    return { resourceMetrics: [{ resource: { attributes: [attribute('service.name', 'temporal-core-sdk')] }, scopeMetrics: [{ scope: { name: 'perdure' }, metrics }] }] };
  }

  #point(name: string, type: string, sample: Sample, now: number): object {
    const isDelta = this.#options.temporality === 'delta' && type !== 'gauge';
    const point: Point = {
      attributes: Object.entries(sample.labels).map(([key, value]) => attribute(key, value)),
      startTimeUnixNano: nanos(isDelta ? this.#sentAtMs : this.#startedAtMs),
      timeUnixNano: nanos(now),
    };
    const key = `${name} ${JSON.stringify(sample.labels)}`;
    if ('histogram' in sample) return { ...point, ...histogramPoint(isDelta ? this.#histogramSince(key, sample.histogram) : sample.histogram, sample.histogram.bounds) };
    return { ...point, asDouble: isDelta ? this.#valueSince(key, sample.value) : sample.value };
  }

  #valueSince(key: string, value: number): number {
    const before = this.#sent.get(key);
    this.#sent.set(key, value);
    return value - (typeof before === 'number' ? before : 0);
  }

  #histogramSince(key: string, { counts, sum, count }: Histogram): Pick<Histogram, 'sum' | 'count'> & { readonly counts: readonly number[] } {
    const before = this.#sent.get(key);
    this.#sent.set(key, { counts: [...counts], sum, count });
    if (typeof before !== 'object') return { counts: [...counts], sum, count };
    return { counts: [...counts].map((total, index) => total - (before.counts[index] ?? 0)), sum: sum - before.sum, count: count - before.count };
  }
}

function histogramPoint({ counts, sum, count }: { readonly counts: Iterable<number>; readonly sum: number; readonly count: number }, bounds: readonly number[]): object {
  return { count: String(count), sum, bucketCounts: [...counts].map(String), explicitBounds: bounds };
}

function attribute(key: string, value: string): object {
  return { key, value: { stringValue: value } };
}

function nanos(ms: number): string {
  return `${Math.floor(ms)}000000`;
}
