/**
 * Counters, gauges and histograms: plain numbers that the engine adds to, read when somebody asks.
 *
 * An instrument belongs to one family (a name, a help text, a type) and has a fixed set of labels. Families are declared in tables, so
 * that the reference page lists every metric there is, and the number of series is known: a label's values come from a closed set (RPC
 * names, status codes, kinds), never from what users name. Adding to an instrument is one addition to a number.
 */

export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface MetricFamily {
  /** Prometheus' conventions: a unit at the end, counters end in `_total`. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds, ascending; for histograms. */
  readonly buckets?: readonly number[];
}

export type Labels = Readonly<Record<string, string>>;

/** One value of a family at the moment of asking. */
export type Sample =
  | { readonly labels: Labels; readonly value: number }
  | { readonly labels: Labels; readonly histogram: Histogram };

export class Histogram {
  /** How many observations fell into each bucket, not summed up; the last one takes what is above all bounds. */
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  /** @param bounds upper bounds, ascending */
  constructor(readonly bounds: readonly number[]) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
    this.count += 1;
  }
}

/** Where the values of a family come from: called at each reading. */
export type Source = () => Iterable<Sample>;

export class MetricRegistry {
  readonly #families = new Map<string, { readonly family: MetricFamily; readonly source: Source }>();

  /** @throws TypeError the name is taken: two sources for one family would contradict each other */
  add(family: MetricFamily, source: Source): void {
    if (this.#families.has(family.name)) throw new TypeError(`The metric ${family.name} exists already.`);
    this.#families.set(family.name, { family, source });
  }

  /** A value without labels. */
  addValue(family: MetricFamily, value: () => number): void {
    this.add(family, () => [{ labels: {}, value: value() }]);
  }

  addHistogram(family: MetricFamily, histogram: Histogram): void {
    this.add(family, () => [{ labels: {}, histogram }]);
  }

  *read(): Generator<readonly [MetricFamily, Iterable<Sample>]> {
    for (const { family, source } of this.#families.values()) yield [family, source()];
  }
}
