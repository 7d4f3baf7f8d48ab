/** Failures that the server makes itself. */
import { Failure } from '../../protocol/index.js';
import type { Encoded, Payloads , TimeoutType } from '../../protocol/index.js';
import { TIMEOUT_NAME } from './activities/retry-policy.js';

const SERVER = 'Server';

export function serverFailure(message: string, nonRetryable: boolean): Encoded<Failure> {
  return Failure.encode({ message, source: SERVER, serverFailureInfo: { nonRetryable } });
}

export interface TimeoutDetails {
  readonly message?: string;
  readonly lastHeartbeatDetails?: Encoded<Payloads> | undefined;
  /** What the attempt before failed with. */
  readonly cause?: Encoded<Failure> | undefined;
}

export function timeoutFailure(timeoutType: TimeoutType, { message, lastHeartbeatDetails, cause }: TimeoutDetails = {}): Encoded<Failure> {
  return Failure.encode({
    message: message ?? `activity ${TIMEOUT_NAME[timeoutType]} timeout`,
    source: SERVER,
    timeoutFailureInfo: { timeoutType, lastHeartbeatDetails },
    cause: cause === undefined ? undefined : Failure.decode(cause),
  });
}

/** A failure that fits, or one that says so and has the beginning of the original as its cause. @param nonRetryable if it did not fit */
export function boundFailure(failure: Encoded<Failure> | undefined, limitBytes: number, nonRetryable = false): Encoded<Failure> | undefined {
  if (failure === undefined || failure.byteLength <= limitBytes) return failure;
  const original = Failure.decode(failure);
  const text = (value: string, bytes: number): string => Buffer.from(value).subarray(0, Math.max(0, bytes)).toString('utf8').replace(/\uFFFD$/, '');
  const message = text(original.message, limitBytes / 2);
  const stackTrace = text(original.stackTrace, limitBytes / 2 - 100);
  const info = original.applicationFailureInfo;
  return Failure.encode({
    message: 'Failure exceeds size limit.',
    source: SERVER,
    serverFailureInfo: { nonRetryable: nonRetryable || (info?.nonRetryable ?? false) },
    cause: {
      message,
      source: original.source,
      stackTrace,
      applicationFailureInfo: info && { type: text(info.type, 200), nonRetryable: info.nonRetryable },
    },
  });
}
