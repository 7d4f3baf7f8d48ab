/**
 * One long poll of a worker, from its arrival to its one answer.
 *
 * A poll *waits* (it has a place in a queue), or is *held* by a task that is being dispatched to it, or has *ended*. It ends once:
 * with a task, with an error, or with `undefined` (nothing came, the worker went away, the server closes). A poll whose worker went
 * away ends at once, also while it is held, so that a task which is not yet dispatched can see it and look for another poll. Once a task
 * is dispatched to it, it waits for that: a worker that says goodbye at this moment still gets the task, which nobody else would.
 */
import type { PollerWorker } from '../machines/machine.js';
import type { RpcError, WorkerDeploymentOptions, WorkerVersionCapabilities } from '../protocol/index.js';
import type { Timer } from '../ports/clock.js';
import type { Place } from './fifo.js';
import type { TaskQueue } from './task-queue.js';

/** An abort signal, or something lighter: a poll needs no more of it, and real ones cost as much as the rest of the poll. */
export interface EndSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What a poller says about its build, as operators see it. */
export interface PollerAbout {
  readonly workerVersionCapabilities?: WorkerVersionCapabilities | undefined;
  readonly deploymentOptions?: WorkerDeploymentOptions | undefined;
}

export interface PollRequest {
  /** Who polls. */
  readonly identity: string;
  /** Unique for each poll. */
  readonly requestId: string;
  /** Passed on to the machine whose task the poll takes. */
  readonly worker?: PollerWorker | undefined;
  /** The version of a worker deployment that the worker runs and gets tasks by, `deployment:build`: machines are told. */
  readonly version?: string | undefined;
  /** Aborted when the worker went away. */
  readonly signal: EndSignal;
  /** Limits how many tasks of the queue are handed out in a second, to whichever worker: the latest poll counts. Left out: no limit. */
  readonly maxTasksPerSecond?: number | undefined;
  /** The queue belongs to one worker. */
  readonly sticky?: boolean;
  /** Shown to operators. */
  readonly about?: PollerAbout | undefined;
  /** After this long without a task the poll ends with `undefined`, in milliseconds. */
  readonly timeoutMs: number;
}

export class WaitingPoll {
  readonly identity: string;
  readonly requestId: string;
  readonly worker: PollerWorker | undefined;
  readonly version: string | undefined;
  readonly maxTasksPerSecond: number | undefined;
  readonly about: PollerAbout | undefined;
  /** Set by {@link Matching} while the poll waits. */
  place: Place<WaitingPoll> | undefined = undefined;
  /** The poll ran out of time while a task held it: if the task gives it back, it ends. */
  expired = false;
  /** The worker went away. */
  vanished = false;
  timer: Timer | undefined = undefined;

  readonly #resolve: (reply: unknown) => void;
  readonly #reject: (error: RpcError) => void;
  readonly #signal: EndSignal;
  readonly #onAbort: () => void;
  readonly #onEnd: (poll: WaitingPoll) => void;
  #ended = false;
  #dispatched = false;

  constructor(
    public queue: TaskQueue,
    request: PollRequest,
    resolve: (reply: unknown) => void,
    reject: (error: RpcError) => void,
    onEnd: (poll: WaitingPoll) => void,
  ) {
    this.identity = request.identity;
    this.requestId = request.requestId;
    this.worker = request.worker;
    this.version = request.version;
    this.maxTasksPerSecond = request.maxTasksPerSecond;
    this.about = request.about;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onEnd = onEnd;
    this.#signal = request.signal;
    this.#onAbort = () => {
      this.vanished = true;
      if (!this.#dispatched) this.resolve(undefined);
    };
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Nobody waits for the answer any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** A task is this poll's, and is on its way: whoever calls this answers or rejects it. */
  dispatched(): void {
    this.#dispatched = true;
  }

  /** Answers with a task, or with `undefined`: nothing came. Harmless once ended. */
  resolve(reply: unknown): void {
    if (this.#end()) this.#resolve(reply);
  }

  reject(error: RpcError): void {
    if (this.#end()) this.#reject(error);
  }

  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.timer?.cancel();
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#onEnd(this);
    return true;
  }
}
