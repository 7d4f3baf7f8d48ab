/**
 * A clock that stands still until it is told to advance: for tests, simulations and time skipping.
 *
 * Order is defined: timers run by their time and, at the same time, in the order in which they were set. Before a timer
 * runs, everything that the one before it caused (promise reactions and deferred work) has settled, so that what it
 * causes can set timers that are themselves due within the same advance. Work that waits for real I/O is not waited for.
 */
import type { Clock, Timer } from './clock.js';

interface Waiting extends Timer {
  at: number;
  /** Counts from when it was set, whatever the wall clock shows. */
  readonly isDelay: boolean;
  readonly run: () => void;
}

/** Waits this long, or half as long, are for ever: virtual time does not go there, and they are no timers. */
export const FOREVER_MS = 1_000 * 365 * 86_400_000;
const NEVER: Timer = { cancel() {} };
const EPOCH_OF_TESTS = Date.UTC(2030, 0, 1);

export class VirtualClock implements Clock {
  #now: number;
  /** What `monotonic` counts from. Moves when the wall clock is set. */
  #startedAt: number;
  /** Sorted by time, then by the order in which they were set. Few timers wait at once in a test: a list will do. */
  readonly #waiting: Waiting[] = [];
  #deferred: (() => void)[] = [];
  #advancing = false;

  /** Starts at `nowMs`; default 2030-01-01, so that no test depends on the day on which it runs. */
  constructor(nowMs: number = EPOCH_OF_TESTS) {
    this.#now = nowMs;
    this.#startedAt = nowMs;
  }

  /** Whole milliseconds, as a machine's clock shows them. */
  now(): number {
    return Math.floor(this.#now);
  }

  monotonic(): number {
    return this.#now - this.#startedAt;
  }

  setTimer(atMs: number, run: () => void): Timer {
    return this.#wait(Math.ceil(atMs), false, run);
  }

  setDelay(delayMs: number, run: () => void): Timer {
    return this.#wait(this.#now + Math.max(0, delayMs), true, run);
  }

  /** Sets the wall clock forward, or back, as someone does who sets the machine's clock: timers for a date move, delays do not. */
  step(byMs: number): void {
    this.#now += byMs;
    this.#startedAt += byMs;
    for (const timer of this.#waiting) if (timer.isDelay) timer.at += byMs;
    this.#waiting.sort((one, other) => one.at - other.at);
  }

  /** Runs by itself, without an advance: work that is ready now needs no time to pass. */
  defer(run: () => void): void {
    this.#deferred.push(run);
    if (this.#deferred.length === 1) setImmediate(() => this.#runDeferred());
  }

  /** When the next timer is due; `undefined` if none is set. */
  get nextTimerAt(): number | undefined {
    return this.#waiting[0]?.at;
  }

  /** Lets `ms` pass and runs what becomes due, timers set on the way included. Resolves when all of it has settled. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`A clock advances by 0 or more milliseconds, not by ${ms}.`);
    await this.advanceTo(this.#now + ms);
  }

  /** Like `advance`, to a date. A date in the past runs what is due and moves nothing. */
  async advanceTo(atMs: number): Promise<void> {
    if (this.#advancing) throw new Error('The clock is already advancing: await one advance before the next.');
    this.#advancing = true;
    try {
      const until = Math.max(atMs, this.#now);
      await this.settle();
      while (this.nextTimerAt !== undefined && this.nextTimerAt <= until) {
        this.runNext();
        await this.settle();
      }
      this.#now = until;
    } finally {
      this.#advancing = false;
    }
  }

  /** Runs the timer that is due next, at its time; what it causes has not settled when this returns. False if none is set. */
  runNext(): boolean {
    const next = this.#waiting.shift();
    if (next === undefined) return false;
    this.#now = Math.max(this.#now, next.at);
    next.run();
    return true;
  }

  /** Lets time pass without running anything, so at most until the next timer is due. Never goes back. */
  driftTo(atMs: number): void {
    this.#now = Math.max(this.#now, Math.min(atMs, this.nextTimerAt ?? atMs));
  }

  /** True while deferred work waits for its turn. */
  get hasDeferred(): boolean {
    return this.#deferred.length > 0;
  }

  /** Resolves when promise reactions and deferred work have run out, without letting time pass. */
  async settle(): Promise<void> {
    do await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#deferred.length > 0);
  }

  #runDeferred(): void {
    const ready = this.#deferred;
    this.#deferred = [];
    for (const run of ready) run();
  }

  #wait(at: number, isDelay: boolean, run: () => void): Timer {
    if (at - this.#now >= FOREVER_MS / 2) return NEVER;
    const timer: Waiting = { at, isDelay, run, cancel: () => this.#remove(timer) };
    const index = this.#waiting.findIndex((other) => other.at > at);
    this.#waiting.splice(index === -1 ? this.#waiting.length : index, 0, timer);
    return timer;
  }

  #remove(timer: Waiting): void {
    const index = this.#waiting.indexOf(timer);
    if (index !== -1) this.#waiting.splice(index, 1);
  }
}
