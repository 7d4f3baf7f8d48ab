/**
 * How many polls there should be, by what the server advises.
 *
 * A server that has a backlog advises more, one whose polls wait for long advises fewer; a poll that ends with nothing and no advice is one
 * too many. A server that is overloaded gets half of them. Pure: the poller asks and tells.
 */
import type { ScaledPolls } from './poll-behavior.js';

export class PollScaling {
  readonly #limits: ScaledPolls;
  #target: number;

  constructor(limits: ScaledPolls) {
    this.#limits = limits;
    this.#target = limits.initial;
  }

  get target(): number {
    return this.#target;
  }

  /** A reply said how many more, or with a negative number fewer, polls there should be. */
  advised(delta: number): void {
    this.#set(this.#target + delta);
  }

  /** A reply brought neither a task nor advice. */
  empty(): void {
    this.#set(this.#target - 1);
  }

  overloaded(): void {
    this.#set(Math.floor(this.#target / 2));
  }

  #set(target: number): void {
    this.#target = Math.max(this.#limits.minimum, Math.min(this.#limits.maximum, target));
  }
}
