/**
 * A first-in, first-out queue from whose middle an item can leave in constant time.
 *
 * A poller that hangs up and a task that is withdrawn must not search through 100,000 others. Whoever adds an item keeps the
 * {@link Place} it got; the place knows its neighbours.
 */

/** Where an item stands. Belongs to the queue; others only hold it. */
export class Place<Item> {
  /** @internal */
  previous: Place<Item> | undefined = undefined;
  /** @internal */
  next: Place<Item> | undefined = undefined;
  /** @internal */
  queue: Fifo<Item> | undefined = undefined;

  constructor(readonly item: Item) {}
}

export class Fifo<Item> {
  #first: Place<Item> | undefined;
  #last: Place<Item> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The item that has waited longest. */
  get first(): Item | undefined {
    return this.#first?.item;
  }

  /** The item that stands behind all others. */
  get last(): Item | undefined {
    return this.#last?.item;
  }

  /** Adds behind all others. */
  push(item: Item): Place<Item> {
    const place = new Place(item);
    this.#link(place, this.#last, undefined);
    return place;
  }

  /** Adds in front of all others: for an item that was taken out and has to come back. */
  unshift(item: Item): Place<Item> {
    const place = new Place(item);
    this.#link(place, undefined, this.#first);
    return place;
  }

  /** Takes out the item that has waited longest. */
  shift(): Item | undefined {
    const place = this.#first;
    if (place === undefined) return undefined;
    this.remove(place);
    return place.item;
  }

  /** Takes an item out of the middle. False if it had left already. */
  remove(place: Place<Item>): boolean {
    if (place.queue !== this) return false;
    if (place.previous === undefined) this.#first = place.next;
    else place.previous.next = place.next;
    if (place.next === undefined) this.#last = place.previous;
    else place.next.previous = place.previous;
    place.previous = place.next = place.queue = undefined;
    this.#size -= 1;
    return true;
  }

  /** Moves an item behind all others, or adds it again if it had left. */
  moveToBack(place: Place<Item>): void {
    if (place === this.#last) return;
    this.remove(place);
    this.#link(place, this.#last, undefined);
  }

  *[Symbol.iterator](): Generator<Item> {
    for (let place = this.#first; place !== undefined; ) {
      const next = place.next;
      yield place.item;
      place = next;
    }
  }

  #link(place: Place<Item>, previous: Place<Item> | undefined, next: Place<Item> | undefined): void {
    place.queue = this;
    place.previous = previous;
    place.next = next;
    if (previous === undefined) this.#first = place;
    else previous.next = place;
    if (next === undefined) this.#last = place;
    else next.previous = place;
    this.#size += 1;
  }
}
