/**
 * Sends the heartbeats of one activity attempt, no more often than the throttle allows.
 *
 * The first one goes out at once; of those that come while the throttle waits or a send is under way, only the latest is kept. So an
 * activity may heartbeat in a tight loop. Made at the first heartbeat: activities without any pay nothing.
 */
import { systemTime, type WorkerTime } from '../common/worker-time.js';

interface HeartbeatOptions<Details> {
  readonly intervalMs: number;
  /** One send. Rejects when the details did not arrive and are worth sending again. */
  readonly send: (details: Details) => Promise<void>;
  /** Default: the machine's clock. */
  readonly time?: WorkerTime | undefined;
}

export class Heartbeats<Details> {
  readonly #options: HeartbeatOptions<Details>;
  #pending: { readonly details: Details } | undefined;
  #throttle: { cancel(): void } | undefined;
  #sending: Promise<void> | undefined;
  #closed = false;

  constructor(options: HeartbeatOptions<Details>) {
    this.#options = options;
  }

  record(details: Details): void {
    if (this.#closed) return;
    this.#pending = { details };
    this.#sendIfAllowed();
  }

  /** Ends it; details not sent yet are dropped. */
  close(): void {
    this.#closed = true;
    this.#throttle?.cancel();
  }

  /** Ends it and sends what is pending, so that the next attempt resumes from there. Never rejects. */
  async flush(): Promise<void> {
    this.close();
    await this.#sending;
    if (this.#pending !== undefined) await this.#options.send(this.#pending.details).catch(() => {});
    this.#pending = undefined;
  }

  #sendIfAllowed(): void {
    const pending = this.#pending;
    if (pending === undefined || this.#closed || this.#throttle !== undefined || this.#sending !== undefined) return;
    this.#pending = undefined;
    this.#throttle = (this.#options.time ?? systemTime).setDelay(this.#options.intervalMs, () => {
      this.#throttle = undefined;
      this.#sendIfAllowed();
    });
    this.#sending = this.#options
      .send(pending.details)
      .catch(() => {
        // Newer details, if any came meanwhile, replace those that were lost.
        this.#pending ??= pending;
      })
      .then(() => {
        this.#sending = undefined;
        this.#sendIfAllowed();
      });
  }
}

/**
 * The pause between two heartbeats: 80 % of the timeout, so that one in time is never late; without a timeout the default.
 *
 * @param timeoutMs the activity's heartbeat timeout, 0 for none
 */
export function heartbeatIntervalMs(timeoutMs: number, limits: { readonly maximumMs: number; readonly defaultMs: number }): number {
  return Math.min(timeoutMs > 0 ? timeoutMs * 0.8 : limits.defaultMs, limits.maximumMs);
}
