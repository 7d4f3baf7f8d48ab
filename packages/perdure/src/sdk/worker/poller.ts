/**
 * Keeps a number of long polls open on one task queue and hands over what they bring.
 *
 * Each poll holds a slot while it waits, so a task that arrives can start at once. An empty reply means that nothing came in time: poll
 * again. Transient failures are retried for ever, with one pause and one log line for all polls of the group; failures that look final
 * (no such namespace, no permission, not implemented) are tolerated for a minute, because servers restart and permissions spread
 * slowly, and end the worker after that. How many polls are open depends on the load: by what this poller sees (a task that came at once
 * had waited for a poll), or, with `scaling`, by what the server advises. Called by `openPollers` only.
 */
import { setMaxListeners } from 'node:events';
import { Code, RpcError } from '../../protocol/index.js';
import type { Logger } from '../common/index.js';
import { sleepOn, systemTime, type Chance, type WorkerTime } from '../common/worker-time.js';
import { WorkerPollError } from './errors.js';
import { backoffMs, isTransient } from './retry.js';
import type { ScaledPolls } from './poll-behavior.js';
import { PollScaling } from './poll-scaling.js';
import type { Slot, SlotSource } from './slots/slots.js';

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
  /** In place of `maxConcurrency`: by what the server advises. */
  readonly scaling?: ScaledPolls | undefined;
  /** For the slots' supplier. */
  readonly isSticky?: boolean;
  readonly slots: SlotSource;
  readonly logger: Logger;
  /** One long poll. `undefined`: no task came. `advised` is told how many more or fewer polls the reply asks for. */
  readonly poll: (signal: AbortSignal, advised: (delta: number) => void) => Promise<Task | undefined>;
  /** Takes over the task and its slot. Must not throw. */
  readonly start: (task: Task, slot: Slot) => void;
  /** What is measured and waited by. Default: the machine's clock. */
  readonly time?: WorkerTime | undefined;
  readonly chance?: Chance | undefined;
}

export class Poller<Task> {
  readonly #options: PollerOptions<Task>;
  readonly #time: WorkerTime;
  readonly #abort = new AbortController();
  #stopping = false;
  #outstanding = 0;
  /** The further loops that run at the moment. */
  readonly #further = new Set<Promise<void>>();
  readonly #scaling: PollScaling | undefined;
  /** The loops that run, where {@link PollerOptions.scaling} says how many. */
  #scaledLoops = 0;
  #scaledEnd: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;
  /** When a poll last brought a task, milliseconds since the epoch. */
  lastSuccessMs: number | undefined;
  #failures = 0;
  #refusedSince: number | undefined;

  constructor(options: PollerOptions<Task>) {
    this.#options = options;
    // One listener per open poll, which is no leak.
    setMaxListeners(0, this.#abort.signal);
    this.#time = options.time ?? systemTime;
    this.#scaling = options.scaling && new PollScaling(options.scaling);
  }

  /** Open polls. */
  get open(): number {
    return this.#outstanding;
  }

  /** Whether a poll is open. */
  get polling(): boolean {
    return this.#outstanding > 0;
  }

  /** Polls until stopped. @throws WorkerPollError when the server keeps refusing. */
  async run(): Promise<void> {
    try {
      if (this.#scaling !== undefined) return await this.#runScaled();
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
    while (!this.#stopping) {
      const begin = this.#time.monotonic();
      if ((await this.#takeOne()) === 'task' && this.#time.monotonic() - begin < QUICK_TASK_MS) this.#pollMore();
    }
  }

  /** Waits for a slot, polls, and hands over what comes. */
  async #takeOne(): Promise<'task' | 'nothing'> {
    const { slots, start, isSticky } = this.#options;
    const slot = await slots.take(isSticky);
    if (slot === undefined) return 'nothing';
    const task = this.#stopping ? undefined : await this.#pollOnce();
    if (task === undefined) {
      slot.release();
      return 'nothing';
    }
    start(task, slot);
    return 'task';
  }

  #runScaled(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#scaledEnd = { resolve, reject };
      this.#followScale();
    });
  }

  #followScale(): void {
    while (!this.#stopping && this.#scaling !== undefined && this.#scaledLoops < this.#scaling.target) {
      this.#scaledLoops += 1;
      void this.#scaledLoop(this.#scaling);
    }
  }

  /** Never rejects. */
  async #scaledLoop(scaling: PollScaling): Promise<void> {
    try {
      while (!this.#stopping && this.#scaledLoops <= scaling.target) await this.#takeOne();
    } catch (error) {
      this.#scaledEnd?.reject(error);
    } finally {
      this.#scaledLoops -= 1;
      if (this.#scaledLoops === 0) this.#scaledEnd?.resolve();
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
    const { slots, start, isSticky } = this.#options;
    while (!this.#stopping) {
      const slot = slots.tryTake(isSticky);
      if (slot === undefined) return;
      const begin = this.#time.monotonic();
      const task = await this.#pollOnce();
      if (task === undefined) return slot.release();
      start(task, slot);
      if (this.#time.monotonic() - begin > SLOW_TASK_MS) return;
    }
  }

  async #pollOnce(): Promise<Task | undefined> {
    const begin = this.#time.monotonic();
    this.#outstanding += 1;
    let isAdvised = false;
    try {
      const task = await this.#options.poll(this.#abort.signal, (delta) => {
        isAdvised = true;
        this.#scaling?.advised(delta);
        this.#followScale();
      });
      this.#recovered();
      if (task === undefined && !isAdvised) this.#scaling?.empty();
      if (task !== undefined) {
        this.lastSuccessMs = this.#time.now();
        return task;
      }
    } catch (error) {
      if (!this.#stopping) await this.#failed(error, this.#time.monotonic() - begin);
      return undefined;
    } finally {
      this.#outstanding -= 1;
    }
    const early = EMPTY_REPLY_FLOOR_MS - (this.#time.monotonic() - begin);
    if (early > 0 && !this.#stopping) await sleepOn(this.#time, early, this.#abort.signal);
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
    const polls = this.#scaling?.target ?? this.#options.concurrency;
    if (error instanceof RpcError && error.code === Code.RESOURCE_EXHAUSTED) this.#scaling?.overloaded();
    if (openMs >= FOUND_SERVER_MS && isTransient(error)) this.#failures = Math.min(this.#failures, polls);
    this.#failures += 1;
    const message = error instanceof Error ? error.message : String(error);
    if (!isTransient(error)) {
      this.#refusedSince ??= this.#time.monotonic();
      if (this.#time.monotonic() - this.#refusedSince >= TOLERATE_MS) {
        throw new WorkerPollError(`The server refuses to give out ${name}: ${message}`, { cause: error });
      }
    }
    // The whole group meets the same failure: the first poll to meet it speaks for all.
    if (this.#failures === 1) logger.warn(`Polling for ${name} failed, will retry: ${message}`, { error });
    await sleepOn(this.#time, backoffMs(Math.ceil(this.#failures / polls), error, 10_000, this.#options.chance), this.#abort.signal);
  }
}
