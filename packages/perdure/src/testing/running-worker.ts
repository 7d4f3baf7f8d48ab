/** A worker that runs in the background of a test. How it ends is heard where it is stopped. */
import type { Worker } from '../sdk/worker/worker.js';

export class RunningWorker implements AsyncDisposable {
  readonly #running: Promise<void>;
  readonly #onStop: () => void;

  constructor(
    readonly worker: Worker,
    onStop: () => void,
  ) {
    this.#onStop = onStop;
    this.#running = worker.run();
    // Reported by `stop`; until then it is nobody's unhandled rejection.
    this.#running.catch(() => {});
  }

  get taskQueue(): string {
    return this.worker.options.taskQueue;
  }

  /** Shuts down and waits for what is under way. Idempotent. @throws what the worker ended with */
  async stop(): Promise<void> {
    if (this.worker.getState() === 'RUNNING') this.worker.shutdown();
    await this.#running.finally(this.#onStop);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
