/** A failure as JSON, by the rules of protobuf's JSON form: camel case, unset fields left out, 64-bit numbers and bytes as text. */
import { Payloads, TimeoutType, type Failure, type Payload } from '../protocol/index.js';

type Json = { readonly [name: string]: unknown };

/** All of it but the message and the stack trace, which stand beside it. */
export function failureDetails(failure: Failure): Json {
  const { applicationFailureInfo: application, timeoutFailureInfo: timeout, canceledFailureInfo: canceled } = failure;
  return present({
    source: failure.source,
    encodedAttributes: failure.encodedAttributes && payloadJson(failure.encodedAttributes),
    cause: failure.cause && wholeFailure(failure.cause),
    applicationFailureInfo: application && present({
      type: application.type,
      nonRetryable: application.nonRetryable || undefined,
      details: payloadsJson(application.details),
      nextRetryDelay: application.nextRetryDelay === undefined ? undefined : `${application.nextRetryDelay / 1000}s`,
    }),
    timeoutFailureInfo: timeout && present({
      timeoutType: timeoutName(timeout.timeoutType),
      lastHeartbeatDetails: payloadsJson(timeout.lastHeartbeatDetails),
    }),
    canceledFailureInfo: canceled && present({ details: payloadsJson(canceled.details) }),
    terminatedFailureInfo: failure.terminatedFailureInfo && {},
    serverFailureInfo: failure.serverFailureInfo && present({ nonRetryable: failure.serverFailureInfo.nonRetryable || undefined }),
    activityFailureInfo: failure.activityFailureInfo && present({
      ...int64s(failure.activityFailureInfo, 'scheduledEventId', 'startedEventId'),
      identity: failure.activityFailureInfo.identity,
      activityType: failure.activityFailureInfo.activityType,
      activityId: failure.activityFailureInfo.activityId,
    }),
    childWorkflowExecutionFailureInfo: failure.childWorkflowExecutionFailureInfo && present({
      ...int64s(failure.childWorkflowExecutionFailureInfo, 'initiatedEventId', 'startedEventId'),
      namespace: failure.childWorkflowExecutionFailureInfo.namespace,
      workflowExecution: failure.childWorkflowExecutionFailureInfo.workflowExecution,
      workflowType: failure.childWorkflowExecutionFailureInfo.workflowType,
    }),
  });
}

function wholeFailure(failure: Failure): Json {
  return present({ message: failure.message, stackTrace: failure.stackTrace, ...failureDetails(failure) });
}

function present(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''));
}

function int64s<Name extends string>(from: Readonly<Record<Name, number>>, ...names: readonly Name[]): Json {
  return Object.fromEntries(names.flatMap((name) => (from[name] === 0 ? [] : [[name, String(from[name])]])));
}

function timeoutName(type: TimeoutType): string | undefined {
  const name = Object.entries(TimeoutType).find(([, value]) => value === type)?.[0];
  return name === undefined || type === TimeoutType.UNSPECIFIED ? undefined : `TIMEOUT_TYPE_${name}`;
}

function payloadsJson(encoded: Uint8Array | undefined): Json | undefined {
  return encoded && { payloads: Payloads.decode(encoded).payloads.map(payloadJson) };
}

function payloadJson({ metadata, data }: Payload): Json {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return present({
    metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, base64(value)])),
    data: base64(data),
  });
}
