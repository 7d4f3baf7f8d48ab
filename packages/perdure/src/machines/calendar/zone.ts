/**
 * Time zones by their IANA names, with the runtime's own data.
 *
 * A wall clock shows a time once on most days, never if the clock skips it, twice if the clock is put back over it.
 */
import { DAY_MS, dayOf } from './civil.js';

const HOUR_MS = 3_600_000;
/** There are some 600 names, and any spelling of each. */
const MOST_KEPT = 1000;
/** Four years of days. */
const MOST_DAYS = 1500;

/** What is known of a day in UTC. No zone has ever changed its clock twice in one. */
interface Day {
  readonly offsetMs: number;
  /** From this moment on it is the other one; infinite: the clock is not changed. */
  readonly changesAt: number;
  readonly laterOffsetMs: number;
}

export class Zone {
  static readonly utc = new Zone('UTC', undefined);
  /** By the name that was asked for; making one is slow. A name that is none is not kept. */
  static readonly #known = new Map<string, Zone>([['UTC', Zone.utc]]);
  readonly #format: Intl.DateTimeFormat | undefined;
  /** To ask the runtime takes a thousand times longer. */
  readonly #days = new Map<number, Day>();

  private constructor(
    readonly name: string,
    format: Intl.DateTimeFormat | undefined,
  ) {
    this.#format = format;
  }

  /** The zone of this name; undefined if there is none. */
  static find(name: string): Zone | undefined {
    const known = Zone.#known.get(name);
    if (known !== undefined) return known;
    try {
      const zone = new Zone(name, wallClock(name));
      if (Zone.#known.size < MOST_KEPT) Zone.#known.set(name, zone);
      return zone;
    } catch {
      return undefined;
    }
  }

  /** How far the wall clock is ahead of UTC at this moment, in milliseconds. @param at milliseconds since the epoch */
  offsetMs(at: number): number {
    if (this.#format === undefined) return 0;
    const number = Math.floor(at / DAY_MS);
    const { offsetMs, changesAt, laterOffsetMs } = this.#days.get(number) ?? this.#learn(this.#format, number);
    return at < changesAt ? offsetMs : laterOffsetMs;
  }

  #learn(format: Intl.DateTimeFormat, number: number): Day {
    const offsetMs = this.#days.get(number - 1)?.laterOffsetMs ?? this.#askOffset(format, number * DAY_MS);
    const laterOffsetMs = this.#days.get(number + 1)?.offsetMs ?? this.#askOffset(format, (number + 1) * DAY_MS);
    const changesAt = offsetMs === laterOffsetMs ? Number.POSITIVE_INFINITY : this.#findChange(format, number * DAY_MS, offsetMs);
    const day = { offsetMs, changesAt, laterOffsetMs };
    if (this.#days.size >= MOST_DAYS) this.#days.clear();
    this.#days.set(number, day);
    return day;
  }

  /** By halves, to the second. */
  #findChange(format: Intl.DateTimeFormat, fromMs: number, offsetMs: number): number {
    let [before, after] = [0, DAY_MS / 1000];
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.#askOffset(format, fromMs + middle * 1000) === offsetMs) before = middle;
      else after = middle;
    }
    return fromMs + after * 1000;
  }

  /** @param at a whole second */
  #askOffset(format: Intl.DateTimeFormat, at: number): number {
    const shown: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(at)) shown[type] = Number(value);
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second: seconds = 0 } = shown;
    return dayOf({ year, month, day }) * DAY_MS + hour * HOUR_MS + minute * 60_000 + seconds * 1000 - at;
  }

  /**
   * The offsets that hold at some time of a local day, in the order in which they begin.
   * @param day days since the epoch, as the wall clock counts them
   */
  offsetsOn(day: number): readonly number[] {
    if (this.#format === undefined) return [0];
    const noon = this.offsetMs(day * DAY_MS + DAY_MS / 2);
    // The local day, with more than an hour's margin: a clock may be put back over midnight.
    const from = this.offsetMs(day * DAY_MS - noon - 2 * HOUR_MS);
    const to = this.offsetMs(day * DAY_MS - noon + DAY_MS + 2 * HOUR_MS);
    return from === to && from === noon ? [from] : [...new Set([from, noon, to])];
  }
}

function wallClock(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
}
