/**
 * What waits to be written. Frames of one turn of the event loop leave in one piece: a write costs more than a small frame.
 */
import type { Duplex } from 'node:stream';

/** Small frames are copied together, large ones are not worth it. */
const MAX_COPIED_BYTES = 64 * 1024;

export class Outbox {
  #waiting: Buffer[] = [];
  #bytes = 0;
  #flushes = false;

  constructor(private readonly socket: Duplex) {}

  /** What the peer has not taken yet. */
  get bytes(): number {
    return this.#bytes + this.socket.writableLength;
  }

  push(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    if (this.#flushes) return;
    this.#flushes = true;
    setImmediate(() => this.flush());
  }

  flush(): void {
    this.#flushes = false;
    const waiting = this.#waiting;
    const bytes = this.#bytes;
    this.#waiting = [];
    this.#bytes = 0;
    if (bytes === 0 || !this.socket.writable) return;
    if (bytes <= MAX_COPIED_BYTES) return void this.socket.write(waiting.length === 1 ? (waiting[0] as Buffer) : Buffer.concat(waiting, bytes));
    this.socket.cork();
    for (const each of waiting) this.socket.write(each);
    this.socket.uncork();
  }
}
