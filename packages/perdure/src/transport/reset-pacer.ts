/**
 * Cancels streams no faster than servers bear it.
 *
 * HTTP/2 servers end a whole connection when too many streams are reset on it (a defence against the "rapid reset" attack): those built
 * on nghttp2, Node's included, allow a burst of 1000 and then 33 in a second. A worker that drops a thousand polls at once must not lose
 * the calls beside them. Resets beyond the burst wait here; a stream that the server ends meanwhile needs none. The session, see there, takes
 * care that they do not wait long.
 */
import type { Http2Stream } from './http2/stream.js';

const BURST = 900;
const PER_SECOND = 30;

export class ResetPacer {
  #allowance = BURST;
  /** In order of arrival; streams leave it when they close, so it holds no more than are open. */
  readonly #waiting = new Set<Http2Stream>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly cancel: (stream: Http2Stream) => void) {}

  reset(stream: Http2Stream): void {
    if (stream.closed) return;
    if (this.#allowance > 0) {
      this.#allowance -= 1;
      this.cancel(stream);
    } else this.#waiting.add(stream);
    this.#timer ??= setInterval(() => this.#refill(), 1000).unref();
  }

  closed(stream: Http2Stream): void {
    if (this.#waiting.size > 0) this.#waiting.delete(stream);
  }

  /** How many streams wait to be reset. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The connection has ended. */
  stop(): void {
    clearInterval(this.#timer);
    this.#waiting.clear();
  }

  #refill(): void {
    this.#allowance = Math.min(BURST, this.#allowance + PER_SECOND);
    for (const stream of this.#waiting) {
      if (this.#allowance === 0) return;
      this.#allowance -= 1;
      this.#waiting.delete(stream);
      this.cancel(stream);
    }
    if (this.#allowance < BURST) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
