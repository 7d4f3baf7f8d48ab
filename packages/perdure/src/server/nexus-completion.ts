/**
 * The request that tells a completion callback how a chain of runs ended, as Nexus completions are written: the state in headers, the
 * result or the failure as the body.
 */
import { EventType, Failure, HistoryEvent, Payload, Payloads, type Callback, type Encoded } from '../protocol/index.js';
import type { CallbackMessage } from '../machines/workflow/index.js';
import { failureDetails } from './failure-json.js';

export interface CompletionRequest {
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

export function completionRequest(message: CallbackMessage, { url, header }: NonNullable<Callback['nexus']>): CompletionRequest {
  const event = HistoryEvent.decode(message.closeEvent);
  const { state, contentHeaders, body } = outcomeOf(event);
  return {
    url,
    headers: [
      ...header,
      ['user-agent', 'perdure'],
      ['nexus-operation-state', state],
      ['nexus-operation-start-time', new Date(message.startTimeMs).toUTCString()],
      ['nexus-operation-close-time', new Date(event.eventTime ?? 0).toISOString()],
      ['nexus-link', `<${linkOf(message)}>; type="temporal.api.common.v1.Link.WorkflowEvent"`],
      ...contentHeaders,
    ],
    body,
  };
}

/** The event that the callback came with. */
function linkOf({ namespace, workflowId, runId, attachedRequestId, ofAcceptedUpdate }: CallbackMessage): string {
  const path = `temporal:///namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
  return attachedRequestId === ''
    ? `${path}?eventID=1&eventType=WorkflowExecutionStarted&referenceType=EventReference`
    : `${path}?eventType=${ofAcceptedUpdate ? 'WorkflowExecutionUpdateAccepted' : 'WorkflowExecutionOptionsUpdated'}&referenceType=RequestIdReference&requestID=${encodeURIComponent(attachedRequestId)}`;
}

interface Outcome {
  readonly state: 'succeeded' | 'failed' | 'canceled';
  readonly contentHeaders: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

const NOTHING = new Uint8Array(0);

function outcomeOf(event: HistoryEvent): Outcome {
  switch (event.eventType) {
    case EventType.WORKFLOW_EXECUTION_COMPLETED:
      return succeeded(event.workflowExecutionCompletedEventAttributes?.result);
    case EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED: {
      const { success, failure } = event.workflowExecutionUpdateCompletedEventAttributes?.outcome ?? {};
      return failure === undefined ? succeeded(success) : unsuccessful('failed', Failure.decode(failure));
    }
    case EventType.WORKFLOW_EXECUTION_FAILED: {
      const { failure } = event.workflowExecutionFailedEventAttributes ?? {};
      return unsuccessful('failed', failure === undefined ? Failure.create({}) : Failure.decode(failure));
    }
    case EventType.WORKFLOW_EXECUTION_CANCELED: {
      const { details } = event.workflowExecutionCanceledEventAttributes ?? {};
      return unsuccessful('canceled', Failure.create({ message: 'operation canceled', canceledFailureInfo: { details } }));
    }
    case EventType.WORKFLOW_EXECUTION_TERMINATED:
      return unsuccessful('failed', Failure.create({ message: 'operation terminated', terminatedFailureInfo: {} }));
    default:
      return unsuccessful('failed', Failure.create({ message: 'operation exceeded internal timeout', timeoutFailureInfo: {} }));
  }
}

/** A result is one value. Of several the first is sent. */
function succeeded(result: Encoded<Payloads> | undefined): Outcome {
  const payload = result === undefined ? undefined : Payloads.decode(result).payloads[0];
  if (payload === undefined) return { state: 'succeeded', contentHeaders: [], body: NOTHING };
  const { type, body } = content(payload);
  return { state: 'succeeded', contentHeaders: type === undefined ? [] : [['content-type', type]], body };
}

function unsuccessful(state: 'failed' | 'canceled', failure: Failure): Outcome {
  const json = {
    message: failure.message,
    ...(failure.stackTrace === '' ? {} : { stackTrace: failure.stackTrace }),
    metadata: { type: 'temporal.api.failure.v1.Failure' },
    details: failureDetails(failure),
  };
  return { state, contentHeaders: [['content-type', 'application/json']], body: Buffer.from(JSON.stringify(json)) };
}

/** Well known encodings travel as what they are; every other payload travels whole. */
function content(payload: Payload): { readonly type: string | undefined; readonly body: Uint8Array } {
  const text = (name: string): string => Buffer.from(payload.metadata[name] ?? NOTHING).toString('latin1');
  const names = Object.keys(payload.metadata).sort().join();
  const [encoding, messageType] = [text('encoding'), text('messageType')];
  if (names === 'encoding') {
    if (encoding === 'json/plain') return { type: 'application/json', body: payload.data };
    if (encoding === 'binary/plain') return { type: 'application/octet-stream', body: payload.data };
    if (encoding === 'binary/null') return { type: undefined, body: NOTHING };
  }
  if (names === 'encoding,messageType' && /^[\w.]+$/.test(messageType)) {
    if (encoding === 'json/protobuf') return { type: `application/json; format=protobuf; message-type="${messageType}"`, body: payload.data };
    if (encoding === 'binary/protobuf') return { type: `application/x-protobuf; message-type="${messageType}"`, body: payload.data };
  }
  return { type: 'application/x-temporal-payload', body: Payload.encode(payload) };
}
