/** What a handler's answer means to the run that asked. */
import type { NexusMessage, NexusReply } from '../../machines/workflow/index.js';
import { Failure, type NexusResponse, type StartOperationResponse } from '../../protocol/index.js';
import { fromOperationError, handlerFailure, isRetryable } from './nexus-failures.js';
import { readLinks } from './nexus-links.js';
import type { HandlerAnswer } from './nexus-requests.js';

/** @param answer `undefined`: there was none in time */
export function replyOf(asked: NexusMessage['type'], answer: HandlerAnswer | undefined): NexusReply {
  if (answer === undefined) return handlerFailed(handlerFailure('UPSTREAM_TIMEOUT', 'upstream timeout'));
  if (answer.kind === 'failed') return handlerFailed(answer.failure);
  return asked === 'cancel-operation' ? toCancel(answer.response) : toStart(answer.response?.startOperation);
}

export function handlerFailed(failure: Failure): NexusReply {
  return { kind: 'handler-failed', failure: Failure.encode(failure), retryable: isRetryable(failure) };
}

function toCancel(response: NexusResponse | undefined): NexusReply {
  return response?.cancelOperation === undefined ? nothing() : { kind: 'cancel-taken' };
}

function toStart(response: StartOperationResponse | undefined): NexusReply {
  const { syncSuccess, asyncSuccess, operationError, failure } = response ?? {};
  if (syncSuccess !== undefined) {
    return { kind: 'operation-ended', outcome: { kind: 'succeeded', result: syncSuccess.payload }, links: readLinks(syncSuccess.links) };
  }
  if (asyncSuccess !== undefined) {
    const operationToken = asyncSuccess.operationToken || asyncSuccess.operationId;
    if (operationToken === '') return handlerFailed(handlerFailure('INTERNAL', 'empty operation token'));
    return { kind: 'operation-started', operationToken, links: readLinks(asyncSuccess.links) };
  }
  if (operationError !== undefined) {
    const kind = operationError.operationState === 'canceled' ? 'canceled' : 'failed';
    return { kind: 'operation-ended', outcome: { kind, failure: fromOperationError(kind, operationError.failure) }, links: [] };
  }
  if (failure === undefined) return nothing();
  const kind = Failure.decode(failure).canceledFailureInfo === undefined ? 'failed' : 'canceled';
  return { kind: 'operation-ended', outcome: { kind, failure }, links: [] };
}

function nothing(): NexusReply {
  return handlerFailed(handlerFailure('INTERNAL', 'empty outcome'));
}
