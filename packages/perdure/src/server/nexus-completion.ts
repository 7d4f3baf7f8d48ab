/**
 * What a completion callback is told: how a chain of runs ended, or an update. Within this server as it is; over HTTP as Nexus completions
 * are written, the state in headers, the result or the failure as the body.
 */
import { EventType, Failure, HistoryEvent, Link, Payloads, type Callback, type Encoded, type Payload } from '../protocol/index.js';
import type { OperationCompletion } from '../frontend/nexus/completions.js';
import { contentOf } from '../frontend/nexus/http-content.js';
import type { CallbackMessage } from '../machines/workflow/index.js';
import { nexusFailure } from './failure-json.js';

export interface CompletionRequest {
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

export function completionRequest(message: CallbackMessage, { url, header }: NonNullable<Callback['nexus']>): CompletionRequest {
  const event = HistoryEvent.decode(message.closeEvent);
  const { state, contentHeaders, body } = written(outcomeOf(event));
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

/** For a run of this server that waits for the operation. */
export function completionOf(message: CallbackMessage, { header }: NonNullable<Callback['nexus']>): OperationCompletion {
  const outcome = outcomeOf(HistoryEvent.decode(message.closeEvent));
  return {
    operationToken: header.get('nexus-operation-token') ?? '',
    links: [Link.encode({ workflowEvent: { ...eventOf(message), namespace: message.namespace, workflowId: message.workflowId, runId: message.runId } })],
    outcome: outcome.state === 'succeeded' ? { kind: 'succeeded', result: outcome.result } : { kind: outcome.state, failure: Failure.encode(outcome.failure) },
  };
}

/** The event that the callback came with. */
function eventOf({ attachedRequestId: requestId, ofAcceptedUpdate }: CallbackMessage) {
  if (requestId === '') return { eventRef: { eventId: 1, eventType: EventType.WORKFLOW_EXECUTION_STARTED } };
  return { requestIdRef: { requestId, eventType: ofAcceptedUpdate ? EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED : EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED } };
}

/** The same as a URL. */
function linkOf({ namespace, workflowId, runId, attachedRequestId, ofAcceptedUpdate }: CallbackMessage): string {
  const path = `temporal:///namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
  return attachedRequestId === ''
    ? `${path}?eventID=1&eventType=WorkflowExecutionStarted&referenceType=EventReference`
    : `${path}?eventType=${ofAcceptedUpdate ? 'WorkflowExecutionUpdateAccepted' : 'WorkflowExecutionOptionsUpdated'}&referenceType=RequestIdReference&requestID=${encodeURIComponent(attachedRequestId)}`;
}

type Outcome = { readonly state: 'succeeded'; readonly result: Payload | undefined } | { readonly state: 'failed' | 'canceled'; readonly failure: Failure };

interface WrittenOutcome {
  readonly state: Outcome['state'];
  readonly contentHeaders: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

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
  return { state: 'succeeded', result: result === undefined ? undefined : Payloads.decode(result).payloads[0] };
}

function unsuccessful(state: 'failed' | 'canceled', failure: Failure): Outcome {
  return { state, failure };
}

function written(outcome: Outcome): WrittenOutcome {
  return outcome.state === 'succeeded' ? writtenResult(outcome.result) : writtenFailure(outcome.state, outcome.failure);
}

function writtenResult(payload: Payload | undefined): WrittenOutcome {
  const { type, body } = contentOf(payload);
  return { state: 'succeeded', contentHeaders: type === undefined ? [] : [['content-type', type]], body };
}

function writtenFailure(state: 'failed' | 'canceled', failure: Failure): WrittenOutcome {
  return { state, contentHeaders: [['content-type', 'application/json']], body: Buffer.from(nexusFailure(failure)) };
}
