/**
 * A map that takes no memory to speak of until something is put in.
 *
 * A run has two dozen maps, of which most stay empty; an empty `Map` takes some 180 bytes, and a worker keeps thousands of runs.
 */
export class LateMap<Key, Value> {
  #map: Map<Key, Value> | undefined;

  get size(): number {
    return this.#map?.size ?? 0;
  }

  get(key: Key): Value | undefined {
    return this.#map?.get(key);
  }

  has(key: Key): boolean {
    return this.#map?.has(key) ?? false;
  }

  set(key: Key, value: Value): this {
    (this.#map ??= new Map()).set(key, value);
    return this;
  }

  delete(key: Key): boolean {
    return this.#map?.delete(key) ?? false;
  }

  /** Gives the value and forgets it. */
  take(key: Key): Value | undefined {
    const found = this.#map?.get(key);
    this.#map?.delete(key);
    return found;
  }

  clear(): void {
    this.#map = undefined;
  }

  /** In the order in which they were put in. */
  keys(): Iterable<Key> {
    return this.#map?.keys() ?? [];
  }

  values(): Iterable<Value> {
    return this.#map?.values() ?? [];
  }

  [Symbol.iterator](): Iterator<[Key, Value]> {
    return (this.#map ?? [])[Symbol.iterator]() as Iterator<[Key, Value]>;
  }
}
