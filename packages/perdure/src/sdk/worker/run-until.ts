/** `Worker.runUntil`: a worker for as long as a promise takes. Both are always waited for. */
import { msToNumber, type Duration } from '../common/index.js';
import { CombinedWorkerRunError, PromiseCompletionTimeoutError } from './errors.js';
import type { Worker } from './worker.js';

export interface RunUntilOptions {
  /** How long the promise may take to end after the worker has stopped. Default: no limit. */
  readonly promiseCompletionTimeout?: Duration;
}

export async function runUntil<Result>(
  worker: Pick<Worker, 'run' | 'shutdown' | 'getState'>,
  promiseOrFunction: Promise<Result> | (() => Promise<Result>),
  options: RunUntilOptions,
): Promise<Result> {
  const running = worker.run();
  // Started after `run`, so that the function finds a worker that polls.
  const inner = (async () => (typeof promiseOrFunction === 'function' ? promiseOrFunction() : promiseOrFunction))();
  const innerEnded = inner.then(
    () => {},
    () => {},
  );
  const workerEnded = running.then(
    () => {},
    () => {},
  );
  await Promise.race([innerEnded, workerEnded]);
  if (worker.getState() === 'RUNNING') worker.shutdown();
  await workerEnded;

  const [workerResult, innerResult] = await Promise.allSettled([running, withLimit(inner, options)]);
  if (workerResult.status === 'rejected' && innerResult.status === 'rejected') {
    throw new CombinedWorkerRunError('Both the worker and the promise given to runUntil failed', {
      cause: { workerError: workerResult.reason, innerError: innerResult.reason },
    });
  }
  if (workerResult.status === 'rejected') throw workerResult.reason;
  if (innerResult.status === 'rejected') throw innerResult.reason;
  return innerResult.value;
}

async function withLimit<Result>(promise: Promise<Result>, { promiseCompletionTimeout }: RunUntilOptions): Promise<Result> {
  if (promiseCompletionTimeout === undefined) return promise;
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new PromiseCompletionTimeoutError('The worker has stopped, but the promise given to runUntil is still pending')),
      msToNumber(promiseCompletionTimeout),
    );
  });
  return Promise.race([promise, expired]).finally(() => clearTimeout(timer));
}
