/**
 * The moments at which a run must be woken: a binary heap with one entry a debt key.
 *
 * Derived from the state (never stored), so that a wake touches only what is due: O(due · log n), whatever waits. Ties fire in the
 * order of `order`, an event id, so that a run that was loaded again fires them in the same order.
 */
import type { DebtKey } from '../machine.js';

interface Entry {
  readonly key: DebtKey;
  at: number;
  readonly order: number;
  index: number;
}

export class Deadlines {
  readonly #heap: Entry[] = [];
  readonly #entries = new Map<DebtKey, Entry>();

  /** Sets, moves or (with `undefined`) removes the deadline of a key. */
  set(key: DebtKey, at: number | undefined, order: number): void {
    const entry = this.#entries.get(key);
    if (at === undefined) {
      if (entry) this.#remove(entry);
    } else if (entry) {
      if (entry.at === at) return;
      entry.at = at;
      this.#rise(entry);
      this.#sink(entry);
    } else {
      const added = { key, at, order, index: this.#heap.length };
      this.#heap.push(added);
      this.#entries.set(key, added);
      this.#rise(added);
    }
  }

  /** The earliest deadline. */
  get earliest(): number | undefined {
    return this.#heap[0]?.at;
  }

  /** Takes out the earliest key whose deadline has come. */
  popDue(now: number): DebtKey | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#remove(first);
    return first.key;
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key);
    const last = this.#heap.pop();
    if (last === undefined || last === entry) return;
    this.#put(last, entry.index);
    this.#rise(last);
    this.#sink(last);
  }

  #put(entry: Entry, index: number): void {
    entry.index = index;
    this.#heap[index] = entry;
  }

  #rise(entry: Entry): void {
    let { index } = entry;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#heap[parentIndex];
      if (parent === undefined || !before(entry, parent)) break;
      this.#put(parent, index);
      index = parentIndex;
    }
    this.#put(entry, index);
  }

  #sink(entry: Entry): void {
    let { index } = entry;
    for (;;) {
      let child = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      if (child !== undefined && right !== undefined && before(right, child)) child = right;
      if (child === undefined || !before(child, entry)) break;
      const next = child.index;
      this.#put(child, index);
      index = next;
    }
    this.#put(entry, index);
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
