/**
 * The ready tasks of one priority level: keys share the dispatches by their weights, and within a key the oldest task goes first.
 *
 * Self-clocked fair queueing. Each key that has tasks carries a tag: the virtual moment at which its next task would be done if every key
 * were served at the speed of its weight. The smallest tag goes first, and virtual time follows it. So a key with a million tasks
 * does not delay a key with ten by more than a round, and between two keys that both have tasks all the time, what each got by its weight
 * differs by no more than one task of either. A key that ran empty does not save up its share, and a key that comes back does not get a second one:
 * how far it had got ahead is remembered while that matters, for a bounded number of keys.
 *
 * Pure: no clock but the numbers it is given.
 */
import { Heap, type HeapItem } from './heap.js';
import type { KeyRates } from './key-rates.js';
import type { ReadyTask } from './ready-task.js';
import { TaskLine } from './task-line.js';

/** What a queue's configuration says about sharing. */
export interface Sharing {
  /** The weight of a task's key. */
  readonly weightOf: (task: ReadyTask) => number;
  /** Limits how many tasks of a key are dispatched in a second. */
  readonly keyRates: KeyRates | undefined;
  /** How many keys that ran empty are remembered. */
  readonly rememberedKeys: number;
}

/** A key that has tasks. */
interface Share extends HeapItem {
  readonly key: string;
  readonly line: TaskLine;
  /** Up to where, in virtual time, its share is used up. */
  start: number;
  /** `start` and the cost of its next task. */
  tag: number;
  /** Equal tags take turns. */
  turn: number;
  /** Held back by its own rate until then, on the monotonic clock; undefined: it is not. */
  heldUntil: number | undefined;
}

export class FairLevel {
  readonly #shares = new Map<string, Share>();
  readonly #order = new Heap<Share>((one, other) => one.tag < other.tag || (one.tag === other.tag && one.turn < other.turn));
  /** Keys that are held back by their rate, the first to go on in front. */
  readonly #held = new Heap<Share>((one, other) => (one.heldUntil ?? 0) < (other.heldUntil ?? 0));
  /** Where keys that ran empty stand, as long as it is ahead of virtual time; the one that ran empty first in front. */
  readonly #ahead = new Map<string, number>();
  #virtualTime = 0;
  #turns = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(task: ReadyTask, end: 'front' | 'back', sharing: Sharing): void {
    const key = task.priority?.fairnessKey ?? '';
    const share = this.#shares.get(key) ?? this.#open(key, new TaskLine());
    if (end === 'back') share.line.push(task);
    else share.line.unshift(task);
    this.#size += 1;
    if (share.heapIndex < 0) this.#enter(share, sharing);
  }

  /** Takes over a line that has tasks as that of the key. */
  adopt(key: string, line: TaskLine, sharing: Sharing): void {
    this.#size += line.size;
    this.#enter(this.#open(key, line), sharing);
  }

  remove(task: ReadyTask, sharing: Sharing): void {
    const share = this.#shares.get(task.priority?.fairnessKey ?? '');
    if (share === undefined) return;
    share.line.remove(task);
    this.#size -= 1;
    if (share.line.size === 0) this.#leave(share, sharing);
  }

  /** The task whose turn it is; undefined if there is none, or if every key is held back by its rate. */
  next(monotonic: number, sharing: Sharing): ReadyTask | undefined {
    for (let held = this.#held.first; held?.heldUntil !== undefined && held.heldUntil <= monotonic; held = this.#held.first) {
      this.#held.remove(held);
      this.#enter(held, sharing);
    }
    for (let share = this.#order.first; share !== undefined; share = this.#order.first) {
      const task = share.line.first;
      const waitMs = task === undefined || sharing.keyRates === undefined ? 0 : sharing.keyRates.waitMs(share.key, sharing.weightOf(task), monotonic);
      if (waitMs === 0) return task;
      this.#order.remove(share);
      share.heldUntil = monotonic + waitMs;
      this.#held.push(share);
    }
    return undefined;
  }

  /** Takes out the task that `next` named. */
  take(task: ReadyTask, sharing: Sharing): void {
    const share = this.#shares.get(task.priority?.fairnessKey ?? '');
    if (share === undefined) return;
    this.#order.remove(share);
    this.#virtualTime = Math.max(this.#virtualTime, share.tag);
    share.start += 1 / sharing.weightOf(task);
    share.line.remove(task);
    this.#size -= 1;
    if (share.line.size === 0) this.#leave(share, sharing);
    else this.#enter(share, sharing);
  }

  /** When the first key that is held back may go on, on the monotonic clock. */
  get heldUntil(): number {
    return this.#held.first?.heldUntil ?? Number.POSITIVE_INFINITY;
  }

  /** The rules have changed: whoever is held back is looked at again. */
  release(sharing: Sharing): void {
    for (const share of [...this.#held]) {
      this.#held.remove(share);
      this.#enter(share, sharing);
    }
  }

  /** Since when the tasks wait whose turn it is next: by and large the oldest, in constant time. */
  get nextSince(): number {
    const next = this.#order.first ?? this.#held.first;
    return next?.line.first?.since ?? Number.POSITIVE_INFINITY;
  }

  line(key: string): TaskLine | undefined {
    return this.#shares.get(key)?.line;
  }

  *lines(): Generator<TaskLine> {
    for (const { line } of this.#shares.values()) yield line;
  }

  #open(key: string, line: TaskLine): Share {
    const share: Share = { key, line, start: this.#ahead.get(key) ?? 0, tag: 0, turn: 0, heldUntil: undefined, heapIndex: -1 };
    this.#ahead.delete(key);
    this.#shares.set(key, share);
    return share;
  }

  #enter(share: Share, sharing: Sharing): void {
    const task = share.line.first;
    if (task === undefined) return;
    // Time in which it had no tasks, or was held back, is not made up for.
    if (share.turn === 0 || share.heldUntil !== undefined) share.start = Math.max(share.start, this.#virtualTime);
    share.heldUntil = undefined;
    share.tag = share.start + 1 / sharing.weightOf(task);
    share.turn = ++this.#turns;
    this.#order.push(share);
  }

  #leave(share: Share, sharing: Sharing): void {
    (share.heldUntil === undefined ? this.#order : this.#held).remove(share);
    this.#shares.delete(share.key);
    if (this.#shares.size === 0) {
      // Nobody competes any more: whatever was shared so far is forgotten.
      this.#ahead.clear();
      this.#virtualTime = 0;
    } else if (share.start > this.#virtualTime) {
      this.#ahead.set(share.key, share.start);
      if (this.#ahead.size > sharing.rememberedKeys) for (const oldest of this.#ahead.keys()) if (this.#ahead.delete(oldest)) break;
    }
  }
}
