/**
 * Metrics of the user's own: counters, histograms and gauges, made by a {@link MetricMeter}.
 *
 * Workflow code, activities and the runtime each have a meter; all of them end at the exporter that `Runtime.install` was given, and cost
 * next to nothing without one. Everything here also runs in the workflow realm. An instrument holds nothing but its name and tags: two of
 * one name and with the same tags are the same metric.
 */
import { ValueError } from './errors.js';

export type MetricTags = Record<string, string | number | boolean>;

/** How exporters show the values; in JavaScript all are numbers. An `int` is rounded down. */
export type NumericMetricValueType = 'int' | 'float';

export type MetricKind = 'counter' | 'histogram' | 'gauge' | 'up-down-counter';

export interface Metric {
  readonly name: string;
  readonly unit?: string | undefined;
  readonly description?: string | undefined;
  readonly kind: MetricKind;
  readonly valueType: NumericMetricValueType;
}

/** A sum that grows. */
export interface MetricCounter extends Metric {
  readonly kind: 'counter';
  readonly valueType: 'int';
  /** @param value at least 0. @throws ValueError for less. */
  add(value: number, extraTags?: MetricTags): void;
  /** The same metric with more tags. */
  withTags(tags: MetricTags): MetricCounter;
}

/** How often which values come. */
export interface MetricHistogram extends Metric {
  readonly kind: 'histogram';
  /** @param value at least 0. @throws ValueError for less. */
  record(value: number, extraTags?: MetricTags): void;
  withTags(tags: MetricTags): MetricHistogram;
}

/** A value that is now this and then that. */
export interface MetricGauge extends Metric {
  readonly kind: 'gauge';
  set(value: number, extraTags?: MetricTags): void;
  withTags(tags: MetricTags): MetricGauge;
}

/** A sum that grows and shrinks. */
export interface MetricUpDownCounter extends Metric {
  readonly kind: 'up-down-counter';
  readonly valueType: 'int';
  add(value: number, extraTags?: MetricTags): void;
  withTags(tags: MetricTags): MetricUpDownCounter;
}

/**
 * Makes metrics.
 *
 * @example
 * const orders = metricMeter.createCounter('orders', undefined, 'Orders that came in');
 * orders.add(1, { kind: 'express' });
 */
export interface MetricMeter {
  createCounter(name: string, unit?: string, description?: string): MetricCounter;
  /** @param valueType Default: `int`. */
  createHistogram(name: string, valueType?: NumericMetricValueType, unit?: string, description?: string): MetricHistogram;
  /** @param valueType Default: `int`. */
  createGauge(name: string, valueType?: NumericMetricValueType, unit?: string, description?: string): MetricGauge;
  createUpDownCounter(name: string, unit?: string, description?: string): MetricUpDownCounter;
  /** A meter whose metrics all have these tags too. */
  withTags(tags: MetricTags): MetricMeter;
}

/** Where values go. The tags are those of the meter, of the instrument and of the call together. */
export type RecordMetric = (metric: Metric, value: number, tags: MetricTags) => void;

/** A meter that hands each value to a function. @internal */
export class RecordingMeter implements MetricMeter {
  readonly #record: RecordMetric;
  readonly #tags: () => MetricTags;

  /** @param tags asked at each value. */
  constructor(record: RecordMetric, tags: () => MetricTags = () => ({})) {
    this.#record = record;
    this.#tags = tags;
  }

  createCounter(name: string, unit?: string, description?: string): MetricCounter {
    return new Instrument({ name, unit, description, kind: 'counter', valueType: 'int' }, this.#receive) as MetricCounter;
  }

  createHistogram(name: string, valueType: NumericMetricValueType = 'int', unit?: string, description?: string): MetricHistogram {
    return new Instrument({ name, unit, description, kind: 'histogram', valueType }, this.#receive) as MetricHistogram;
  }

  createGauge(name: string, valueType: NumericMetricValueType = 'int', unit?: string, description?: string): MetricGauge {
    return new Instrument({ name, unit, description, kind: 'gauge', valueType }, this.#receive) as MetricGauge;
  }

  createUpDownCounter(name: string, unit?: string, description?: string): MetricUpDownCounter {
    return new Instrument({ name, unit, description, kind: 'up-down-counter', valueType: 'int' }, this.#receive) as MetricUpDownCounter;
  }

  withTags(tags: MetricTags): MetricMeter {
    return new RecordingMeter(this.#record, () => ({ ...this.#tags(), ...tags }));
  }

  readonly #receive: RecordMetric = (metric, value, tags) => this.#record(metric, value, { ...this.#tags(), ...tags });
}

/** A meter whose values go nowhere. */
export const noopMetricMeter: MetricMeter = new RecordingMeter(() => undefined);

/** All kinds in one: which of the three methods an interface shows is what tells them apart. */
class Instrument implements Metric {
  readonly name: string;
  readonly unit: string | undefined;
  readonly description: string | undefined;
  readonly kind: MetricKind;
  readonly valueType: NumericMetricValueType;
  readonly #metric: Metric;
  readonly #receive: RecordMetric;
  readonly #tags: MetricTags;

  constructor(metric: Metric, receive: RecordMetric, tags: MetricTags = {}) {
    if (typeof metric.name !== 'string' || metric.name === '') throw new ValueError('A metric needs a name.');
    this.name = metric.name;
    this.unit = metric.unit;
    this.description = metric.description;
    this.kind = metric.kind;
    this.valueType = metric.valueType;
    this.#metric = metric;
    this.#receive = receive;
    this.#tags = tags;
  }

  add(value: number, extraTags?: MetricTags): void {
    this.#take(value, extraTags);
  }

  record(value: number, extraTags?: MetricTags): void {
    this.#take(value, extraTags);
  }

  set(value: number, extraTags?: MetricTags): void {
    this.#take(value, extraTags);
  }

  withTags(tags: MetricTags): Instrument {
    return new Instrument(this.#metric, this.#receive, { ...this.#tags, ...tags });
  }

  #take(value: number, extraTags: MetricTags | undefined): void {
    const mayShrink = this.kind === 'gauge' || this.kind === 'up-down-counter';
    if (!mayShrink && !(value >= 0)) throw new ValueError(`A ${this.kind} takes numbers of at least 0; '${this.name}' got ${value}.`);
    const whole = this.valueType === 'int' ? Math.floor(value) : value;
    this.#receive(this.#metric, whole, extraTags === undefined ? this.#tags : { ...this.#tags, ...extraTags });
  }
}
