/** The errors that `Worker` throws to the program that runs it. */

/** Running tasks did not end within `shutdownForceTime`. Exit the process: they still run. */
export class GracefulShutdownPeriodExpiredError extends Error {
  override readonly name = 'GracefulShutdownPeriodExpiredError';
}

/** The promise given to `runUntil` was still pending after the worker had stopped and `promiseCompletionTimeout` had passed. */
export class PromiseCompletionTimeoutError extends Error {
  override readonly name = 'PromiseCompletionTimeoutError';
}

export interface CombinedWorkerRunErrorCause {
  readonly workerError: unknown;
  readonly innerError: unknown;
}

/** Both the worker and the promise given to `runUntil` failed. */
export class CombinedWorkerRunError extends Error {
  override readonly name = 'CombinedWorkerRunError';
  override readonly cause: CombinedWorkerRunErrorCause;

  constructor(message: string, { cause }: { cause: CombinedWorkerRunErrorCause }) {
    super(message);
    this.cause = cause;
  }
}

/** The server refused this worker's polls for so long that trying on makes no sense. */
export class WorkerPollError extends Error {
  override readonly name = 'WorkerPollError';
}

/** A simulation ended this worker as a crash would. Nobody sees it. */
export class WorkerAbandonedError extends Error {
  override readonly name = 'WorkerAbandonedError';
}
