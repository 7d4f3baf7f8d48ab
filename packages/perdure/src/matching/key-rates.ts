/**
 * The rates of fairness keys: each key of a queue may have so many tasks dispatched in a second, times its weight.
 *
 * Bounded: beyond the limit the key that was used longest ago is forgotten, which lets it begin with a fresh second's worth.
 */
import { DispatchRate } from './dispatch-rate.js';

export class KeyRates {
  readonly #rates = new Map<string, DispatchRate>();

  constructor(
    readonly perSecond: number,
    readonly limit: number,
  ) {}

  /** How long the next task of this key must wait, in milliseconds. */
  waitMs(key: string, weight: number, monotonic: number): number {
    if (this.perSecond === 0) return Number.POSITIVE_INFINITY;
    const rate = this.#rates.get(key);
    if (rate === undefined) return 0;
    rate.set(this.perSecond * weight, monotonic);
    return rate.waitMs(monotonic);
  }

  /** A task of this key was dispatched. */
  count(key: string, weight: number, monotonic: number): void {
    const rate = this.#rates.get(key) ?? new DispatchRate();
    rate.set(this.perSecond * weight, monotonic);
    rate.count(monotonic);
    this.#rates.delete(key);
    this.#rates.set(key, rate);
    if (this.#rates.size <= this.limit) return;
    for (const oldest of this.#rates.keys()) {
      this.#rates.delete(oldest);
      return;
    }
  }

  /** How many keys are tracked. */
  get size(): number {
    return this.#rates.size;
  }
}
