/**
 * How many tasks a queue got and gave in the last half minute, by priority level. For operators, and for autoscalers that read them.
 *
 * Every task is counted twice, so counting is an addition to a slot of five seconds and asks no clock: an addition goes by the moment at which
 * the task became ready, a dispatch by the moment at which it met its poll.
 */
import { DEFAULT_PRIORITY_LEVEL } from '../machines/machine.js';
import type { ReadyTask } from './ready-task.js';

const SLOT_MS = 5_000;
const SLOTS = 7;
const WINDOW_MS = (SLOTS - 1) * SLOT_MS;

class Window {
  /** Of the slots before the one that is counted now. */
  readonly #counts = Array.from({ length: SLOTS }, () => 0);
  /** The number of the slot that is counted now. */
  #slot: number;
  #slotEndsAt: number;
  #count = 0;
  readonly #since: number;

  constructor(at: number) {
    this.#since = at;
    this.#slot = Math.floor(at / SLOT_MS);
    this.#slotEndsAt = (this.#slot + 1) * SLOT_MS;
  }

  /** What is older than the slot counts in it. */
  count(at: number): void {
    if (at >= this.#slotEndsAt) this.#advance(at);
    this.#count += 1;
  }

  /** It counts a slot that has not begun by then. */
  isAheadOf(at: number): boolean {
    return at < this.#slotEndsAt - SLOT_MS;
  }

  /** @param ageMs for how long there would have been something to count, if it is known */
  perSecond(at: number, ageMs = at - this.#since): number {
    if (at >= this.#slotEndsAt) this.#advance(at);
    const total = this.#counts.reduce((sum, count) => sum + count, this.#count);
    const windowMs = Math.min(at - this.#slot * SLOT_MS + WINDOW_MS, ageMs);
    // In the first second of a queue its tasks are its rate.
    return total / Math.max(1, windowMs / 1000);
  }

  ageMs(at: number): number {
    return at - this.#since;
  }

  #advance(at: number): void {
    const slot = Math.floor(at / SLOT_MS);
    this.#counts[this.#slot % SLOTS] = this.#count;
    for (let passed = Math.max(this.#slot + 1, slot - SLOTS + 1); passed <= slot; passed++) this.#counts[passed % SLOTS] = 0;
    this.#slot = slot;
    this.#slotEndsAt = (slot + 1) * SLOT_MS;
    this.#count = 0;
  }
}

interface Level {
  /** On the wall clock, because that is what a task's moment is told in. */
  added: Window;
  /** On the monotonic clock. Undefined until there is a dispatch. */
  dispatched: Window | undefined;
}

export class TaskRates {
  readonly #levels = new Map<number, Level>();
  /** Of the usual priority, which most tasks have. */
  #usual: Level | undefined;
  #heldBackAt = Number.NEGATIVE_INFINITY;

  added(task: ReadyTask): void {
    if (task.isTask) this.#level(task).added.count(task.since);
  }

  dispatched(task: ReadyTask, monotonic: number): void {
    if (!task.isTask) return;
    const level = this.#level(task);
    (level.dispatched ??= new Window(monotonic)).count(monotonic);
  }

  /** A rate held tasks back although polls wait. */
  heldBack(monotonic: number): void {
    this.#heldBackAt = monotonic;
  }

  /** A rate held tasks back lately. */
  isHeldBack(monotonic: number): boolean {
    return monotonic - this.#heldBackAt < WINDOW_MS;
  }

  /** The levels on which there were tasks since the queue is known. @param now milliseconds since the epoch */
  *levels(now: number, monotonic: number): Generator<[level: number, rates: { readonly addRate: number; readonly dispatchRate: number }]> {
    for (const [number, level] of this.#levels) {
      // The clock was set back: nobody knows any more when the tasks came that were counted.
      if (level.added.isAheadOf(now)) level.added = new Window(now);
      yield [number, { addRate: level.added.perSecond(now), dispatchRate: level.dispatched?.perSecond(monotonic, level.added.ageMs(now)) ?? 0 }];
    }
  }

  #level(task: ReadyTask): Level {
    if (task.priority === undefined && this.#usual !== undefined) return this.#usual;
    const number = task.priority?.level ?? DEFAULT_PRIORITY_LEVEL;
    let level = this.#levels.get(number);
    if (level === undefined) this.#levels.set(number, (level = { added: new Window(task.since), dispatched: undefined }));
    if (number === DEFAULT_PRIORITY_LEVEL) this.#usual = level;
    return level;
  }
}
