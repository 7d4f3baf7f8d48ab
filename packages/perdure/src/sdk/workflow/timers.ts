/** Durable timers: `sleep`, and `setTimeout` as the realm knows it. They survive restarts; a timer of a month costs nothing while it waits. */
import { msToNumber, type Duration } from '../common/duration.js';
import type { CancelledFailure } from '../common/failure.js';
import { ValueError } from '../common/errors.js';
import { composeInterceptors } from '../common/interceptors.js';
import { CancellationScope, installSleep } from './cancellation-scope.js';
import { currentRun } from './current-run.js';
import type { TimerInput } from './interceptors.js';
import { callSite, type WorkflowRun } from './workflow-run.js';

export interface TimerOptions {
  /** One line for people who look at the history. */
  readonly summary?: string;
}

/**
 * Waits. Milliseconds, or text such as `'30 days'`. Less than 1 ms counts as 1 ms.
 *
 * @throws CancelledFailure when the scope it was called in is cancelled.
 * @throws ValueError for a text that is no duration.
 * @example await sleep('1 day')
 */
export function sleep(duration: Duration, options?: TimerOptions): Promise<void> {
  return startTimer(currentRun('sleep'), msToNumber(duration), options, sleep).elapsed;
}

export interface StartedTimer {
  readonly seq: number;
  /** Resolves when the timer fires, rejects when the scope is cancelled. */
  readonly elapsed: Promise<void>;
}

/** `below`: the API function whose caller the timer is reported to belong to. */
export function startTimer(
  run: WorkflowRun,
  durationMs: number,
  options: TimerOptions | undefined,
  below: (...args: never[]) => unknown,
): StartedTimer {
  if (Number.isNaN(durationMs)) throw new ValueError('A timer needs a number of milliseconds, or text such as "5 minutes"; it was given NaN.');
  run.assertMayAct('start-timer');
  const seq = run.nextSeq.timer++;
  const input: TimerInput = { durationMs, seq, ...(options !== undefined && { options }) };
  const { outbound } = run.interceptors;
  if (outbound.length === 0) return { seq, elapsed: pushTimer(run, input, below) };
  return { seq, elapsed: composeInterceptors(outbound, 'startTimer', (changed) => pushTimer(run, changed, below))(input) };
}

function pushTimer(run: WorkflowRun, { durationMs, seq, options }: TimerInput, below: (...args: never[]) => unknown): Promise<void> {
  const scope = CancellationScope.current();
  return new Promise<void>((resolve, reject) => {
    if (scope.consideredCancelled) {
      scope.cancelRequested.catch(reject);
      return;
    }
    const site = callSite(below);
    run.push({
      kind: 'start-timer',
      seq,
      site,
      durationMs: Math.max(1, Math.round(durationMs)),
      summary: options?.summary === undefined ? undefined : run.payloadConverter.toPayload(options.summary),
    });
    run.timers.set(seq, scope.whileWaiting({ resolve: () => resolve(), reject, site }, (reason) => cancelTimer(run, seq, reason)));
  });
}

/** Takes a timer back. Nothing happens if it has fired. */
export function cancelTimer(run: WorkflowRun, seq: number, reason: CancelledFailure): void {
  const completion = run.timers.get(seq);
  if (completion === undefined) return;
  run.timers.delete(seq);
  run.push({ kind: 'cancel-timer', seq });
  completion.reject(reason);
}

installSleep((durationMs) => startTimer(currentRun('sleep'), durationMs, undefined, sleep).elapsed);

/** The realm's `setTimeout`: a durable timer that calls back in the scope of its caller. Gives a number, as browsers do. */
export function setDurableTimeout(callback: (...args: unknown[]) => void, delayMs?: number, ...args: unknown[]): number {
  const run = currentRun('setTimeout');
  if (typeof callback !== 'function') throw new TypeError('setTimeout needs a function as its first argument.');
  const delay = Number(delayMs ?? 0);
  const scope = new CancellationScope();
  let seq = 0;
  // Not an async function: it would call back a microtask later than Temporal's workers, in whose histories the order may count.
  scope.run(() => {
    const timer = startTimer(run, Number.isNaN(delay) ? 1 : delay, undefined, setDurableTimeout);
    seq = timer.seq;
    return timer.elapsed;
  }).then(
    () => callbackOf(run, seq, callback, args),
    () => run.timeouts.delete(seq),
  );
  run.timeouts.set(seq, scope);
  return seq;
}

function callbackOf(run: WorkflowRun, seq: number, callback: (...args: unknown[]) => void, args: unknown[]): void {
  run.timeouts.delete(seq);
  try {
    callback(...args);
  } catch (error) {
    // Nobody awaits a timeout callback: its error is the workflow's.
    run.handleFailure(error);
  }
}

export function clearDurableTimeout(handle: unknown): void {
  const run = currentRun('clearTimeout');
  const seq = Number(handle);
  const scope = run.timeouts.get(seq);
  run.timeouts.delete(seq);
  scope?.cancel();
}
