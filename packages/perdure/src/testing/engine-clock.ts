/**
 * The clock of the engine in a test environment. The time keeper moves it, and is told what it must know for that: when timers come and
 * go, and when somebody looks. Upkeep of the engine is no reason to move it: it runs when time gets there for another reason.
 */
import { VirtualClock, type Timer } from '../ports/index.js';

export class EngineClock extends VirtualClock {
  /** Told when timers come and go. */
  onTimer: (() => void) | undefined;
  /** Set where time always goes by: whoever looks at the clock sees it up to date. */
  onLook: (() => void) | undefined;
  /** What nobody waits for, by its time: it runs when time gets there for another reason. */
  readonly #upkeep: { readonly at: number; readonly run: () => void }[] = [];

  override now(): number {
    this.onLook?.();
    return super.now();
  }

  /** What it showed last, without bringing it up to date. */
  get shown(): number {
    return super.now();
  }

  override monotonic(): number {
    this.onLook?.();
    return super.monotonic();
  }

  override setDelay(delayMs: number, run: () => void): Timer {
    return this.setTimer(this.now() + Math.max(0, delayMs), run);
  }

  setUpkeepTimer(atMs: number, run: () => void): Timer {
    const upkeep = { at: atMs, run };
    this.#upkeep.push(upkeep);
    this.#upkeep.sort((one, other) => one.at - other.at);
    return {
      cancel: () => {
        const index = this.#upkeep.indexOf(upkeep);
        if (index !== -1) this.#upkeep.splice(index, 1);
      },
    };
  }

  /** Runs the upkeep that is due first, at its time, if that is not after this. False if there is none. */
  runUpkeep(untilMs: number): boolean {
    const [first] = this.#upkeep;
    if (first === undefined || first.at > untilMs) return false;
    this.#upkeep.shift();
    this.driftTo(first.at);
    first.run();
    return true;
  }

  override setTimer(atMs: number, run: () => void): Timer {
    const timer = super.setTimer(atMs, run);
    this.onTimer?.();
    return {
      cancel: () => {
        timer.cancel();
        this.onTimer?.();
      },
    };
  }
}
