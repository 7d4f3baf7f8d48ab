/**
 * Machines whose commit the store refused although the store itself is well: one of them holds something that no store accepts.
 *
 * The refusal of a commit does not say whose fault it was. So all machines of a refused commit are suspects, and the next commit of each
 * is one of its own: those that are in order are cleared by it, and the one that is not is found, alone. It then rests, longer each time,
 * so that it cannot take down what is decided behind it again and again. `decisions.ts` refuses bad records before they get here; this
 * is for what only the store can tell.
 */
import type { Clock } from '../ports/clock.js';

const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;
/** Beyond this many the oldest is forgotten: it would be found again. */
const REMEMBERED = 10_000;

interface Rest {
  readonly until: number;
  readonly lengthMs: number;
}

export class Suspects {
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** Undefined: it has not been found guilty. */
  readonly #suspects = new Map<string, Rest | undefined>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  has(machine: string): boolean {
    return this.#suspects.size > 0 && this.#suspects.has(machine);
  }

  /** It was found guilty a moment ago: it decides nothing now. */
  rests(machine: string): boolean {
    if (this.#suspects.size === 0) return false;
    const rest = this.#suspects.get(machine);
    return rest !== undefined && this.#clock.monotonic() < rest.until;
  }

  /** The store refused a commit of these machines. True: there is one, so it is the guilty one. */
  blame(machines: ReadonlySet<string>): boolean {
    for (const machine of machines) {
      const before = this.#suspects.get(machine);
      const lengthMs = before === undefined ? FIRST_REST_MS : Math.min(before.lengthMs * 2, LONGEST_REST_MS);
      this.#suspects.delete(machine);
      this.#suspects.set(machine, machines.size === 1 ? { until: this.#clock.monotonic() + lengthMs, lengthMs } : before);
    }
    for (const oldest of this.#suspects.keys()) {
      if (this.#suspects.size <= REMEMBERED) break;
      this.#suspects.delete(oldest);
    }
    return machines.size === 1;
  }

  /** A commit of it went well. */
  clear(machine: string): void {
    if (this.#suspects.size > 0) this.#suspects.delete(machine);
  }
}
