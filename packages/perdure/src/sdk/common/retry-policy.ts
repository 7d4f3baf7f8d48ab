/** Retry policies: what users write, checked and turned into what the wire carries. */
import type { Init, RetryPolicy as WireRetryPolicy } from '../../protocol/index.js';
import { msOptionalToNumber, type Duration } from './duration.js';
import { ValueError } from './errors.js';

/** How failed attempts are repeated. What is left out takes the server's default. */
export interface RetryPolicy {
  /** Factor from one interval to the next, at least 1. Default 2. */
  backoffCoefficient?: number;
  /** Wait before the second attempt. Default 1 second. */
  initialInterval?: Duration;
  /** Attempts in all; 1 means no retry. Default: no limit. */
  maximumAttempts?: number;
  /** Cap of the interval. Default 100 times the initial interval. */
  maximumInterval?: Duration;
  /** Types of ApplicationFailure that are not retried. */
  nonRetryableErrorTypes?: string[];
}

/** The policy as the wire carries it. @throws ValueError naming the option that is out of range. */
export function compileRetryPolicy(policy: RetryPolicy): Init<WireRetryPolicy> {
  const { backoffCoefficient, maximumAttempts, nonRetryableErrorTypes } = policy;
  const initialInterval = msOptionalToNumber(policy.initialInterval);
  const maximumInterval = msOptionalToNumber(policy.maximumInterval);
  if (backoffCoefficient !== undefined && !(backoffCoefficient >= 1 && Number.isFinite(backoffCoefficient))) {
    throw new ValueError(`RetryPolicy.backoffCoefficient must be a number of at least 1, got ${backoffCoefficient}.`);
  }
  const limited = maximumAttempts !== undefined && maximumAttempts !== Number.POSITIVE_INFINITY;
  if (limited && !(Number.isSafeInteger(maximumAttempts) && maximumAttempts > 0)) {
    throw new ValueError(`RetryPolicy.maximumAttempts must be a whole number above 0, got ${maximumAttempts}. Leave it out for no limit.`);
  }
  if (initialInterval !== undefined && initialInterval <= 0) {
    throw new ValueError(`RetryPolicy.initialInterval must be above 0, got ${initialInterval} ms.`);
  }
  if (maximumInterval !== undefined && maximumInterval <= 0) {
    throw new ValueError(`RetryPolicy.maximumInterval must be above 0, got ${maximumInterval} ms.`);
  }
  if (initialInterval !== undefined && maximumInterval !== undefined && maximumInterval < initialInterval) {
    throw new ValueError(`RetryPolicy.maximumInterval (${maximumInterval} ms) must not be below initialInterval (${initialInterval} ms).`);
  }
  return {
    backoffCoefficient,
    initialInterval,
    maximumInterval,
    maximumAttempts: limited ? maximumAttempts : undefined,
    nonRetryableErrorTypes: nonRetryableErrorTypes && [...nonRetryableErrorTypes],
  };
}

/** The reverse, for descriptions and activity info; undefined stays undefined. */
export function decompileRetryPolicy(policy: WireRetryPolicy | undefined): RetryPolicy | undefined {
  if (policy === undefined) return undefined;
  return {
    backoffCoefficient: policy.backoffCoefficient || 2,
    maximumAttempts: policy.maximumAttempts === 0 ? Number.POSITIVE_INFINITY : policy.maximumAttempts,
    nonRetryableErrorTypes: [...policy.nonRetryableErrorTypes],
    ...(policy.initialInterval === undefined ? {} : { initialInterval: policy.initialInterval }),
    ...(policy.maximumInterval === undefined ? {} : { maximumInterval: policy.maximumInterval }),
  };
}
