/** Ends every wait when the engine closes. Like an abort signal, but leaving it costs the same however many wait. */
export class Closing {
  readonly #callbacks = new Set<() => void>();
  #begun = false;

  get begun(): boolean {
    return this.#begun;
  }

  add(callback: () => void): void {
    this.#callbacks.add(callback);
  }

  remove(callback: () => void): void {
    this.#callbacks.delete(callback);
  }

  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    for (const callback of this.#callbacks) callback();
    this.#callbacks.clear();
  }
}
