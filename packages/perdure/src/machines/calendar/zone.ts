/**
 * Time zones by their IANA names, with the runtime's own data.
 *
 * A wall clock shows a time once on most days, never if the clock skips it, twice if the clock is put back over it.
 */
import { DAY_MS, dayOf } from './civil.js';

const HOUR_MS = 3_600_000;
/** There are some 600 names, and any spelling of each. */
const MOST_KEPT = 1000;
/** Since 2012 clocks change at quarters of an hour only (before, some did at 00:01): one answer holds for a quarter, of the time before for a minute. */
const QUARTER_MS = 900_000;
const MINUTE_MS = 60_000;
const QUARTERS_SINCE_MS = dayOf({ year: 2012, month: 1, day: 1 }) * DAY_MS;
const MOST_ANSWERS = 500;

export class Zone {
  static readonly utc = new Zone('UTC', undefined);
  /** By the name that was asked for; making one is slow. A name that is none is not kept. */
  static readonly #known = new Map<string, Zone>([['UTC', Zone.utc]]);
  readonly #format: Intl.DateTimeFormat | undefined;
  /** Offsets by the beginning of the quarter of an hour, or of the minute: to ask the runtime takes a thousand times longer. */
  readonly #answers = new Map<number, number>();

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
    const span = at < QUARTERS_SINCE_MS ? MINUTE_MS : QUARTER_MS;
    const beginning = Math.floor(at / span) * span;
    const known = this.#answers.get(beginning);
    if (known !== undefined) return known;
    const offset = this.#askOffset(this.#format, at);
    if (this.#answers.size >= MOST_ANSWERS) this.#answers.clear();
    this.#answers.set(beginning, offset);
    return offset;
  }

  #askOffset(format: Intl.DateTimeFormat, at: number): number {
    const second = Math.floor(at / 1000) * 1000;
    const shown: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(second)) shown[type] = Number(value);
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second: seconds = 0 } = shown;
    return dayOf({ year, month, day }) * DAY_MS + hour * HOUR_MS + minute * 60_000 + seconds * 1000 - second;
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
