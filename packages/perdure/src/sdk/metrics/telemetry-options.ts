/** The option `telemetryOptions` of the runtime: where metrics go. */
import { ValueError, type Duration, type Logger, type LogLevel } from '../common/index.js';
import type { Metric } from '../common/metrics.js';
import { MetricAggregation } from './aggregation.js';
import type { MetricsBuffer } from './buffer.js';
import { exportOtlp } from './otlp.js';
import { servePrometheus, type Exporter } from './prometheus.js';
import type { MetricReceiver } from './receiver.js';

/** What the exporters that send totals have in common. */
interface TotalsOptions {
  /** Latencies of the SDK's own metrics in seconds. Default: false, milliseconds. */
  readonly useSecondsForDurations?: boolean;
  /** Upper bounds of the buckets, by name of the histogram. In the unit in which it is exported. */
  readonly histogramBucketOverrides?: Readonly<Record<string, readonly number[]>>;
}

export interface PrometheusMetricsExporter {
  readonly prometheus: TotalsOptions & {
    /** `host:port`. The metrics are at `/metrics`. */
    readonly bindAddress: string;
    /** Names of counters end in `_total`. Default: false. */
    readonly countersTotalSuffix?: boolean;
    /** Names of histograms end in their unit, such as `_milliseconds`. Default: false. */
    readonly unitSuffix?: boolean;
  };
}

export interface OtelCollectorExporter {
  readonly otel: TotalsOptions & {
    /** Where the collector takes metrics by OTLP over HTTP: usually `http://host:4318/v1/metrics`. */
    readonly url: string;
    /** Must be true: OTLP over gRPC is not spoken. */
    readonly http?: boolean;
    readonly headers?: Readonly<Record<string, string>>;
    /** Default: 1 second. */
    readonly metricsExportInterval?: Duration;
    /** Default: `cumulative`. */
    readonly temporality?: 'cumulative' | 'delta';
  };
}

export interface BufferedMetricsExporter {
  /** Fetch from it yourself. */
  readonly buffer: MetricsBuffer;
}

export type MetricsExporterConfig = {
  /** Before the names of the SDK's own metrics. Default: `temporal_`. */
  readonly metricPrefix?: string;
  /** On all metrics. Not with `buffer`. */
  readonly globalTags?: Readonly<Record<string, string>>;
  /** Whether the SDK's own metrics carry the tag `service_name`. Default: true. */
  readonly attachServiceName?: boolean;
} & (PrometheusMetricsExporter | OtelCollectorExporter | BufferedMetricsExporter);

export interface TelemetryOptions {
  /** Default: metrics are not kept. */
  readonly metrics?: MetricsExporterConfig;
  /** Accepted so that code moves over: all lines go to the runtime's `logger`, which has the level. */
  readonly logging?: { readonly filter?: unknown; readonly console?: unknown; readonly forward?: { readonly level?: LogLevel } };
}

/** What Temporal's SDK filters the lines of its native part by. */
export interface CoreLogFilterOptions {
  readonly core?: LogLevel;
  readonly other?: LogLevel;
}

/** A filter for `telemetryOptions.logging`, for code that moves over: there is no native part whose lines it could filter. */
export function makeTelemetryFilterString({ core = 'WARN', other = 'ERROR' }: CoreLogFilterOptions): string {
  return `${other},temporalio_sdk_core=${core},temporalio_client=${core},temporalio_sdk=${core}`;
}

export interface Telemetry {
  readonly receiver: MetricReceiver;
  readonly exporter?: Exporter;
}

/** @throws ValueError for an option that cannot be. */
export function startTelemetry(config: MetricsExporterConfig, logger: Logger): Telemetry {
  if ('buffer' in config) return { receiver: config.buffer };
  const { metricPrefix: prefix = 'temporal_', globalTags = {}, attachServiceName = true } = config;
  const common = { prefix, globalTags, serviceName: attachServiceName ? 'temporal-core-sdk' : undefined, logger };
  const totals = ({ useSecondsForDurations = false, histogramBucketOverrides: bucketOverrides = {} }: TotalsOptions) => ({ useSecondsForDurations, bucketOverrides });
  if ('prometheus' in config) {
    const { bindAddress, countersTotalSuffix = false, unitSuffix = false } = config.prometheus;
    const suffix = (metric: Metric, unit: string | undefined): string =>
      `${unitSuffix && metric.kind === 'histogram' && unit ? `_${UNIT_NAMES[unit] ?? unit}` : ''}${countersTotalSuffix && metric.kind === 'counter' ? '_total' : ''}`;
    const aggregation = new MetricAggregation({ ...common, ...totals(config.prometheus), suffix });
    return { receiver: aggregation, exporter: servePrometheus(bindAddress, aggregation, logger) };
  }
  const { url, http = false, headers = {}, metricsExportInterval: interval, temporality = 'cumulative' } = config.otel;
  if (!http) {
    throw new ValueError("telemetryOptions.metrics.otel needs http: true and the collector's HTTP address, such as http://localhost:4318/v1/metrics: OTLP over gRPC is not spoken.");
  }
  const aggregation = new MetricAggregation({ ...common, ...totals(config.otel) });
  return { receiver: aggregation, exporter: exportOtlp({ url, headers, interval, temporality }, aggregation, logger) };
}

const UNIT_NAMES: Readonly<Record<string, string>> = { ms: 'milliseconds', s: 'seconds' };
