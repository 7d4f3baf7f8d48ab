/** `AbortController` and the little of events that it needs: for libraries that take a signal. Nothing here has to do with the outside. */

type Listener = ((event: Event) => void) | { handleEvent(event: Event): void };

export class Event {
  target: EventTarget | null = null;

  constructor(readonly type: string) {}
}

export class EventTarget {
  readonly #listeners = new Map<string, Map<Listener, boolean>>();

  addEventListener(type: string, listener: Listener, options?: boolean | { readonly once?: boolean }): void {
    let listeners = this.#listeners.get(type);
    if (listeners === undefined) this.#listeners.set(type, (listeners = new Map()));
    if (!listeners.has(listener)) listeners.set(listener, typeof options === 'object' && options.once === true);
  }

  removeEventListener(type: string, listener: Listener): void {
    this.#listeners.get(type)?.delete(listener);
  }

  dispatchEvent(event: Event): boolean {
    event.target = this;
    const listeners = this.#listeners.get(event.type) ?? new Map<Listener, boolean>();
    // A copy: what listeners add now is for the next event.
    for (const [listener, once] of new Map(listeners)) {
      if (once) listeners.delete(listener);
      if (typeof listener === 'function') listener.call(this, event);
      else listener.handleEvent(event);
    }
    return true;
  }
}

/** An abort that had no reason of its own. */
class AbortError extends Error {
  override readonly name = 'AbortError';
}

export class AbortSignal extends EventTarget {
  aborted = false;
  reason: unknown = undefined;
  onabort: ((event: Event) => void) | null = null;

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  static abort(reason?: unknown): AbortSignal {
    const controller = new AbortController();
    controller.abort(reason);
    return controller.signal;
  }
}

export class AbortController {
  readonly signal = new AbortSignal();

  abort(reason?: unknown): void {
    const { signal } = this;
    if (signal.aborted) return;
    signal.aborted = true;
    signal.reason = reason === undefined ? new AbortError('This operation was aborted') : reason;
    const event = new Event('abort');
    signal.onabort?.(event);
    signal.dispatchEvent(event);
  }
}
