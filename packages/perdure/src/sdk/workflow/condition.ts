/** Waiting until the state of the workflow says so. */
import { msToNumber, type Duration } from '../common/duration.js';
import { CancelledFailure } from '../common/failure.js';
import { CancellationScope } from './cancellation-scope.js';
import { currentRun } from './current-run.js';
import { patched } from './patches.js';
import { cancelTimer, startTimer, type TimerOptions } from './timers.js';
import { callSite, type WorkflowRun } from './workflow-run.js';

/** The name is that of the official SDK, so that histories carry over. */
const ZERO_IS_A_TIMEOUT = '__sdk_internal_patch_number:1';

/**
 * Waits until `predicate` is true, or until `timeout` (milliseconds or text) is over.
 *
 * The predicate is evaluated at once and then whenever something happened to the workflow. It must only look: it must not await,
 * start activities or change state. `options` are those of the timer.
 *
 * @returns with a timeout: true if the predicate became true, false if time was over. Without: nothing.
 * @throws CancelledFailure when the scope it was called in is cancelled.
 * @example const approved = await condition(() => decision !== undefined, '3 days');
 */
export function condition(predicate: () => boolean, timeout: Duration, options?: TimerOptions): Promise<boolean>;
export function condition(predicate: () => boolean): Promise<void>;
export function condition(predicate: () => boolean, timeout?: Duration, options?: TimerOptions): Promise<boolean | void> {
  const run = currentRun('condition');
  // Histories that began when zero meant no timeout lack the mark.
  if (timeout === 0 && !patched(ZERO_IS_A_TIMEOUT)) return holds(run, predicate);
  return timeout === undefined ? holds(run, predicate) : holdsInTime(run, predicate, msToNumber(timeout), options);
}

function holds(run: WorkflowRun, predicate: () => boolean, onDispose?: (dispose: () => void) => void): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const scope = CancellationScope.current();
    if (scope.consideredCancelled) {
      scope.cancelRequested.catch(reject);
      return;
    }
    if (predicate()) {
      resolve();
      return;
    }
    let stopListening: (() => void) | undefined;
    const waiting = {
      predicate,
      resolve: () => {
        stopListening?.();
        resolve();
      },
      site: callSite(condition),
    };
    run.conditions.add(waiting);
    onDispose?.(() => {
      stopListening?.();
      run.conditions.delete(waiting);
    });
    if (!scope.cancellable) return;
    stopListening = scope.onCancelRequested((reason) => {
      run.conditions.delete(waiting);
      reject(reason);
    });
  });
}

async function holdsInTime(run: WorkflowRun, predicate: () => boolean, timeoutMs: number, options: TimerOptions | undefined): Promise<boolean> {
  const timer = startTimer(run, timeoutMs, options, condition);
  let dispose: (() => void) | undefined;
  const inTime = holds(run, predicate, (disposeCondition) => (dispose = disposeCondition)).then(() => true);
  try {
    return await Promise.race([timer.elapsed.then(() => false), inTime]);
  } finally {
    dispose?.();
    cancelTimer(run, timer.seq, new CancelledFailure('Condition is over'));
  }
}
