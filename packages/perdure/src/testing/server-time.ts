/**
 * Time on a server elsewhere that has the RPCs of Temporal's TestService: unlocked while this process waits for something, as time in an
 * engine of one's own is. One environment at a time: locks are counted by the server, and the last one decides.
 */
import { Code, RpcError, TestService, type Init, type Method } from '../protocol/index.js';
import type { CallOptions, Transport } from '../transport/transport.js';
import { callKind } from './call-kinds.js';

export class ServerTime {
  readonly #transport: Transport;
  #waits = 0;
  /** Locks and unlocks go out one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** How far the server's clock is ahead of ours. */
  #aheadMs: number;

  /** Absent: the server has no TestService; time is real. */
  static async of(transport: Transport): Promise<ServerTime | undefined> {
    try {
      const { time = 0 } = await transport.call(TestService.GetCurrentTime, {});
      return new ServerTime(transport, time - Date.now());
    } catch (error) {
      if (error instanceof RpcError && error.code === Code.UNIMPLEMENTED) return undefined;
      throw error;
    }
  }

  private constructor(transport: Transport, aheadMs: number) {
    this.#transport = transport;
    this.#aheadMs = aheadMs;
  }

  /** What the server's clock showed when it was asked last, and what has gone by since. */
  now(): number {
    return Date.now() + this.#aheadMs;
  }

  async ask(): Promise<number> {
    const { time = 0 } = await this.#transport.call(TestService.GetCurrentTime, {});
    this.#aheadMs = time - Date.now();
    return time;
  }

  async sleep(durationMs: number): Promise<void> {
    await this.#next(() => this.#transport.call(this.#waits === 0 ? TestService.UnlockTimeSkippingWithSleep : TestService.Sleep, { duration: durationMs }));
    await this.ask();
  }

  /** Time may be skipped until the wait is over. */
  async during<T>(wait: () => Promise<T>): Promise<T> {
    void this.#next(() => ((this.#waits += 1) === 1 ? this.#transport.call(TestService.UnlockTimeSkipping, {}) : undefined)).catch(() => {});
    try {
      return await wait();
    } finally {
      // A server that is gone has nothing to lock: how the wait ended is what counts.
      await this.#next(() => ((this.#waits -= 1) === 0 ? this.#transport.call(TestService.LockTimeSkipping, {}) : undefined))
        .then(() => this.ask())
        .catch(() => {});
    }
  }

  #next<T>(step: () => T | Promise<T>): Promise<T> {
    const done = this.#last.then(step);
    this.#last = done.catch(() => {});
    return done;
  }
}

/** Lets time be skipped during the waits of clients. Workers use the connection as it is. */
export function unlocking(inner: Transport, time: ServerTime): Transport {
  return {
    call: <Request, Response>(method: Method<Request, Response>, request: Init<Request>, options?: CallOptions): Promise<Response> => {
      const call = (): Promise<Response> => inner.call(method, request, options);
      return callKind(method, request) === 'wait' ? time.during(call) : call();
    },
    close: () => inner.close(),
  };
}
