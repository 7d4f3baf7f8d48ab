/**
 * A binary heap from whose middle an item can leave: each item knows where it stands.
 *
 * Every operation takes logarithmic time, `first` constant. An item is in one heap at a time.
 */

export interface HeapItem {
  /** Belongs to the heap; -1 outside. */
  heapIndex: number;
}

export class Heap<Item extends HeapItem> {
  readonly #items: Item[] = [];
  readonly #isBefore: (one: Item, other: Item) => boolean;

  /** @param isBefore a total order: two different items are never equal */
  constructor(isBefore: (one: Item, other: Item) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): Item | undefined {
    return this.#items[0];
  }

  push(item: Item): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  /** False if it is in no heap. It must not be in another one. */
  remove(item: Item): boolean {
    const at = item.heapIndex;
    if (at < 0) return false;
    item.heapIndex = -1;
    const last = this.#items.pop();
    if (last !== undefined && last !== item) {
      this.#rise(last, at);
      this.#sink(last, last.heapIndex);
    }
    return true;
  }

  /** In no order. */
  [Symbol.iterator](): IterableIterator<Item> {
    return this.#items[Symbol.iterator]();
  }

  #rise(item: Item, from: number): void {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#items[above] as Item;
      if (!this.#isBefore(item, parent)) break;
      this.#place(parent, at);
      at = above;
    }
    this.#place(item, at);
  }

  #sink(item: Item, from: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      let child = this.#items[left];
      if (child === undefined) break;
      const right = this.#items[left + 1];
      if (right !== undefined && this.#isBefore(right, child)) child = right;
      if (!this.#isBefore(child, item)) break;
      const below = child.heapIndex;
      this.#place(child, at);
      at = below;
    }
    this.#place(item, at);
  }

  #place(item: Item, at: number): void {
    this.#items[at] = item;
    item.heapIndex = at;
  }
}
