/**
 * Keeps a number of long polls open on one task queue and hands over what they bring.
 *
 * Each poll holds a slot while it waits, so a task that arrives can start at once. An empty reply means that nothing came in time: poll
 * again. Transient failures are retried for ever, with one pause and one log line for all polls of the group; failures that look final
 * (no such namespace, no permission, not implemented) are tolerated for a minute, because servers restart and permissions spread
 * slowly, and end the worker after that. Called by `Worker` only.
 */
import { setMaxListeners } from 'node:events';
import { Code, RpcError } from '../../protocol/index.js';
import { sleep } from '../client/retry.js';
import type { Logger } from '../common/index.js';
import { WorkerPollError } from './errors.js';
import { backoffMs, isTransient } from './retry.js';
import type { Slots } from './slots.js';

/** How long failures that look final are tolerated. */
const TOLERATE_MS = 60_000;
/** A server that answers sooner than this with nothing would make a hot loop: wait for the rest of it. */
const EMPTY_REPLY_FLOOR_MS = 20;

/** A poll that was open for this long before it broke had found the server: what broke it is no reason to stay away for longer each time. */
const FOUND_SERVER_MS = 100;

/** A task that came this soon had waited for a poll: open one more. */
const QUICK_TASK_MS = 10;
/** A further poll that waited this long for its task is not needed. */
const SLOW_TASK_MS = 500;

export interface PollerOptions<Task> {
  /** For logs and errors, for example `activity tasks on "orders"`. */
  readonly name: string;
  /** Polls that are always open, while there are slots. */
  readonly concurrency: number;
  /** Under load further polls are opened, up to this many. Default: `concurrency`. */
  readonly maxConcurrency?: number;
  readonly slots: Slots;
  readonly logger: Logger;
  /** One long poll. `undefined`: no task came. */
  readonly poll: (signal: AbortSignal) => Promise<Task | undefined>;
  /** Takes over the task and its slot. Must not throw. */
  readonly start: (task: Task) => void;
  /** A monotonic clock in milliseconds. Default: that of the process. */
  readonly now?: () => number;
}

export class Poller<Task> {
  readonly #options: PollerOptions<Task>;
  readonly #now: () => number;
  readonly #abort = new AbortController();
  #stopping = false;
  #outstanding = 0;
  /** The further loops that run at the moment. */
  readonly #further = new Set<Promise<void>>();
  #failures = 0;
  #refusedSince: number | undefined;

  constructor(options: PollerOptions<Task>) {
    this.#options = options;
    // One listener per open poll, which is no leak.
    setMaxListeners(0, this.#abort.signal);
    this.#now = options.now ?? (() => performance.now());
  }

  /** Whether a poll is open. */
  get polling(): boolean {
    return this.#outstanding > 0;
  }

  /** Polls until stopped. @throws WorkerPollError when the server keeps refusing. */
  async run(): Promise<void> {
    try {
      await Promise.all(Array.from({ length: this.#options.concurrency }, () => this.#loop()));
      await Promise.all(this.#further);
    } finally {
      // One loop failed for good: the others end with their polls.
      this.abort();
    }
  }

  /** Starts no further poll. Open ones may still bring a task. */
  stop(): void {
    this.#stopping = true;
  }

  /** Ends open polls as well. */
  abort(): void {
    this.#stopping = true;
    this.#abort.abort();
  }

  async #loop(): Promise<void> {
    const { slots, start } = this.#options;
    while (!this.#stopping) {
      if (!(await slots.take())) return;
      const begin = this.#now();
      const task = this.#stopping ? undefined : await this.#pollOnce();
      if (task === undefined) slots.release();
      else {
        if (this.#now() - begin < QUICK_TASK_MS) this.#pollMore();
        start(task);
      }
    }
  }

  /** Tasks wait for polls: adds a loop that lasts while that is so. */
  #pollMore(): void {
    const { concurrency, maxConcurrency = concurrency } = this.#options;
    if (this.#further.size >= maxConcurrency - concurrency) return;
    // What fails here for good fails in the permanent loops too, and they report it.
    const loop = this.#furtherLoop().catch(() => {});
    this.#further.add(loop);
    void loop.then(() => this.#further.delete(loop));
  }

  async #furtherLoop(): Promise<void> {
    const { slots, start } = this.#options;
    while (!this.#stopping && slots.tryTake()) {
      const begin = this.#now();
      const task = await this.#pollOnce();
      if (task === undefined) return slots.release();
      start(task);
      if (this.#now() - begin > SLOW_TASK_MS) return;
    }
  }

  async #pollOnce(): Promise<Task | undefined> {
    const begin = this.#now();
    this.#outstanding += 1;
    try {
      const task = await this.#options.poll(this.#abort.signal);
      this.#recovered();
      if (task !== undefined) return task;
    } catch (error) {
      if (!this.#stopping) await this.#failed(error, this.#now() - begin);
      return undefined;
    } finally {
      this.#outstanding -= 1;
    }
    const early = EMPTY_REPLY_FLOOR_MS - (this.#now() - begin);
    if (early > 0 && !this.#stopping) await sleep(early, this.#abort.signal);
    return undefined;
  }

  #recovered(): void {
    if (this.#failures === 0) return;
    this.#options.logger.info(`Polling for ${this.#options.name} works again`);
    this.#failures = 0;
    this.#refusedSince = undefined;
  }

  async #failed(error: unknown, openMs: number): Promise<void> {
    // The client's own deadline passed: as good as an empty reply.
    if (error instanceof RpcError && error.code === Code.DEADLINE_EXCEEDED) return;
    const { name, logger } = this.#options;
    if (openMs >= FOUND_SERVER_MS && isTransient(error)) this.#failures = Math.min(this.#failures, this.#options.concurrency);
    this.#failures += 1;
    const message = error instanceof Error ? error.message : String(error);
    if (!isTransient(error)) {
      this.#refusedSince ??= this.#now();
      if (this.#now() - this.#refusedSince >= TOLERATE_MS) {
        throw new WorkerPollError(`The server refuses to give out ${name}: ${message}`, { cause: error });
      }
    }
    // The whole group meets the same failure: the first poll to meet it speaks for all.
    if (this.#failures === 1) logger.warn(`Polling for ${name} failed, will retry: ${message}`, { error });
    await sleep(backoffMs(Math.ceil(this.#failures / this.#options.concurrency), error, 10_000), this.#abort.signal);
  }
}
