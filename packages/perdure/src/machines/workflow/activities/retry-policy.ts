/**
 * Retry policies: their defaults, their rules, and the decision whether another attempt follows. Activities and runs share it.
 */
import { Failure, RetryState, TimeoutType } from '../../../protocol/index.js';
import type { Encoded, RetryPolicy } from '../../../protocol/index.js';
import { MAXIMUM_DURATION_MS } from '../limits.js';

const DEFAULT_INITIAL_MS = 1000;
const DEFAULT_COEFFICIENT = 2;
const DEFAULT_MAXIMUM_FACTOR = 100;
const TIMEOUT_PREFIX = 'TemporalTimeout:';

/** Fills what is unset. */
export function withRetryDefaults(policy: RetryPolicy | undefined): RetryPolicy {
  const initialInterval = Math.min(policy?.initialInterval || DEFAULT_INITIAL_MS, MAXIMUM_DURATION_MS);
  return {
    initialInterval,
    backoffCoefficient: policy?.backoffCoefficient || DEFAULT_COEFFICIENT,
    maximumInterval: Math.min(policy?.maximumInterval || initialInterval * DEFAULT_MAXIMUM_FACTOR, MAXIMUM_DURATION_MS),
    maximumAttempts: policy?.maximumAttempts ?? 0,
    nonRetryableErrorTypes: policy?.nonRetryableErrorTypes ?? [],
  };
}

/** What is wrong with a policy, before defaults. */
export function retryPolicyProblem(policy: RetryPolicy | undefined): string | undefined {
  if (policy === undefined || policy.maximumAttempts === 1) return undefined;
  const { initialInterval = 0, backoffCoefficient, maximumInterval = 0, maximumAttempts } = policy;
  if (initialInterval < 0) return 'the initial interval of the retry policy is negative';
  if (backoffCoefficient !== 0 && !(backoffCoefficient >= 1)) return 'the backoff coefficient of the retry policy is less than 1';
  if (maximumInterval < 0) return 'the maximum interval of the retry policy is negative';
  if (maximumInterval > 0 && maximumInterval < initialInterval) return 'the maximum interval of the retry policy is less than its initial interval';
  if (maximumAttempts < 0) return 'the maximum attempts of the retry policy are negative';
  for (const type of policy.nonRetryableErrorTypes) {
    if (type.startsWith(TIMEOUT_PREFIX) && !TIMEOUT_NAMES.has(type.slice(TIMEOUT_PREFIX.length))) {
      return `the retry policy names the unknown timeout type ${type}`;
    }
  }
  return undefined;
}

/** As in `TemporalTimeout:StartToClose` and `activity StartToClose timeout`. */
export const TIMEOUT_NAME: Readonly<Record<TimeoutType, string>> = {
  [TimeoutType.UNSPECIFIED]: 'Unspecified',
  [TimeoutType.START_TO_CLOSE]: 'StartToClose',
  [TimeoutType.SCHEDULE_TO_START]: 'ScheduleToStart',
  [TimeoutType.SCHEDULE_TO_CLOSE]: 'ScheduleToClose',
  [TimeoutType.HEARTBEAT]: 'Heartbeat',
};
const TIMEOUT_NAMES: ReadonlySet<string> = new Set(Object.values(TIMEOUT_NAME));

export interface FailedAttempt {
  readonly policy: RetryPolicy | undefined;
  readonly attempt: number;
  readonly failure: Encoded<Failure> | undefined;
  readonly cancelRequested: boolean;
  readonly now: number;
  /** No attempt may begin later; 0 for no bound. */
  readonly expiresAt: number;
  /** A delay that the failure asks for is not capped by the maximum interval. */
  readonly requestedDelayUncapped: boolean;
}

export type RetryDecision =
  | { readonly state: typeof RetryState.IN_PROGRESS; readonly delayMs: number }
  | { readonly state: Exclude<RetryState, typeof RetryState.IN_PROGRESS> };

/** The conditions are checked in the order in which the field has always checked them: the first one is what the user is told. */
export function decideRetry({ policy, attempt, failure: encoded, cancelRequested, now, expiresAt, requestedDelayUncapped }: FailedAttempt): RetryDecision {
  if (policy === undefined) return { state: RetryState.RETRY_POLICY_NOT_SET };
  if (cancelRequested) return { state: RetryState.CANCEL_REQUESTED };
  const failure = encoded === undefined ? undefined : Failure.decode(encoded);
  const timeoutType = failure?.timeoutFailureInfo?.timeoutType;
  if (timeoutType === TimeoutType.SCHEDULE_TO_START || timeoutType === TimeoutType.SCHEDULE_TO_CLOSE) return { state: RetryState.TIMEOUT };
  if (failure !== undefined && !isRetryable(failure, policy)) return { state: RetryState.NON_RETRYABLE_FAILURE };
  if (policy.maximumAttempts > 0 && attempt >= policy.maximumAttempts) return { state: RetryState.MAXIMUM_ATTEMPTS_REACHED };

  const maximum = policy.maximumInterval ?? 0;
  const requested = failure?.applicationFailureInfo?.nextRetryDelay;
  let delayMs = requested ?? backoffMs(policy, attempt);
  if (requested === undefined && maximum === 0 && !(delayMs > 0)) return { state: RetryState.TIMEOUT };
  if (requested !== undefined && maximum > 0 && !requestedDelayUncapped) delayMs = Math.min(delayMs, maximum);
  delayMs = Math.max(0, Math.min(delayMs, MAXIMUM_DURATION_MS));
  if (expiresAt > 0 && now + delayMs > expiresAt) return { state: RetryState.TIMEOUT };
  return { state: RetryState.IN_PROGRESS, delayMs };
}

/** How long the attempt after this one waits, if the failure does not ask for something else. */
export function backoffMs({ initialInterval = 0, backoffCoefficient, maximumInterval = 0 }: RetryPolicy, attempt: number): number {
  const delayMs = initialInterval * backoffCoefficient ** (attempt - 1);
  return maximumInterval > 0 && !(delayMs <= maximumInterval) ? maximumInterval : delayMs;
}

function isRetryable(failure: Failure, policy: RetryPolicy): boolean {
  if (failure.canceledFailureInfo || failure.terminatedFailureInfo) return false;
  if (failure.timeoutFailureInfo) {
    return !policy.nonRetryableErrorTypes.includes(TIMEOUT_PREFIX + TIMEOUT_NAME[failure.timeoutFailureInfo.timeoutType]);
  }
  if (failure.serverFailureInfo) return !failure.serverFailureInfo.nonRetryable;
  if (failure.applicationFailureInfo) {
    const { nonRetryable, type } = failure.applicationFailureInfo;
    return !nonRetryable && !policy.nonRetryableErrorTypes.includes(type);
  }
  return true;
}
