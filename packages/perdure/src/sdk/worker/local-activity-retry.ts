/** When a failed local activity is tried again: the server's rules for activities, applied by the worker. */
import type { ApplicationFailureInfo } from '../../protocol/index.js';
import type { WireRetryPolicy } from '../workflow/activation.js';

const DEFAULT_INITIAL_INTERVAL_MS = 1_000;
const DEFAULT_COEFFICIENT = 2;
/** The cap of the interval, in initial intervals. */
const DEFAULT_MAXIMUM_FACTOR = 100;

/** Whole milliseconds until the next attempt; undefined for no further attempt. `failure` is absent for a timeout. */
export function retryDelayMs(policy: WireRetryPolicy | undefined, attempt: number, failure: ApplicationFailureInfo | undefined): number | undefined {
  const { maximumAttempts = 0, nonRetryableErrorTypes = [] } = policy ?? {};
  if (maximumAttempts > 0 && attempt >= maximumAttempts) return undefined;
  if (failure?.nonRetryable === true) return undefined;
  const type = (failure?.type ?? '').toLowerCase();
  if (nonRetryableErrorTypes.some((pattern) => pattern.toLowerCase() === type)) return undefined;
  if (failure?.nextRetryDelay !== undefined) return Math.ceil(failure.nextRetryDelay);
  const initialMs = policy?.initialInterval || DEFAULT_INITIAL_INTERVAL_MS;
  const maximumMs = policy?.maximumInterval || initialMs * DEFAULT_MAXIMUM_FACTOR;
  return Math.ceil(Math.min(initialMs * (policy?.backoffCoefficient || DEFAULT_COEFFICIENT) ** (attempt - 1), maximumMs));
}
