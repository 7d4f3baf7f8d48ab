/** Requests to handlers behind an endpoint with an external target: Nexus over HTTP. One call for each; the machine says when to try again. */
import type { NexusMessage, NexusReply } from '../../machines/workflow/index.js';
import type { HttpAnswer, HttpCaller } from '../../ports/index.js';
import { EventType, NexusHandlerErrorRetryBehavior } from '../../protocol/index.js';
import { isObject, parseJson } from '../../protocol/json/index.js';
import { callbackToken, CALLBACK_TOKEN_HEADER } from './callback-token.js';
import { contentOf, HANDLER_ERRORS, linkHeader, payloadOf, readFailure, readLinkHeader, type Headers } from './http-content.js';
import { fromHandlerError, fromOperationError, handlerFailure } from './nexus-failures.js';
import { eventLink, readLinks } from './nexus-links.js';
import { handlerFailed } from './nexus-replies.js';

/** Room for a value of the largest size beside what goes around it. */
const LARGEST_ANSWER_BYTES = 4 * 1024 * 1024;

export interface HttpHandlerOptions {
  readonly caller: HttpCaller;
  /** Of the endpoint. */
  readonly url: string;
  /** Where the handler sends the completion; undefined: this server takes none over HTTP. */
  readonly callbackUrl: string | undefined;
  readonly timeoutMs: number;
  readonly operationTimeout: Headers;
}

export async function askServer(message: NexusMessage, options: HttpHandlerOptions): Promise<NexusReply> {
  const { caller, timeoutMs } = options;
  const isStart = message.type === 'start-operation';
  const request = isStart ? startRequest(message, options) : cancelRequest(message, options);
  let answer: HttpAnswer;
  try {
    answer = await caller.post({ ...request, timeoutMs, readsUpToBytes: LARGEST_ANSWER_BYTES });
  } catch (error) {
    return handlerFailed(handlerFailure('UNAVAILABLE', `the handler could not be reached: ${error instanceof Error ? error.message : String(error)}`));
  }
  const { status } = answer;
  if (!isStart) return status >= 200 && status < 300 ? { kind: 'cancel-taken' } : handlerError(answer);
  if (status === 200) return ended(answer);
  if (status === 201) return started(answer);
  return status === 424 ? unsuccessful(answer) : handlerError(answer);
}

type Start = Extract<NexusMessage, { type: 'start-operation' }>;
type Cancel = Extract<NexusMessage, { type: 'cancel-operation' }>;

function startRequest(message: Start, { url, callbackUrl, timeoutMs, operationTimeout }: HttpHandlerOptions) {
  const { namespace, workflowId, runId, scheduledEventId } = message;
  const { type, body } = contentOf(message.input);
  const target = operationUrl(url, message);
  if (callbackUrl !== undefined) target.searchParams.set('callback', callbackUrl);
  return {
    url: target.href,
    body,
    headers: [
      ...common(message, timeoutMs),
      ...operationTimeout,
      ...(type === undefined ? [] : ([['content-type', type]] as const)),
      ['nexus-request-id', message.requestId],
      ['nexus-link', linkHeader(eventLink(namespace, workflowId, runId, scheduledEventId, EventType.NEXUS_OPERATION_SCHEDULED))],
      ...(callbackUrl === undefined ? [] : ([[`nexus-callback-${CALLBACK_TOKEN_HEADER}`, callbackToken(message)]] as const)),
    ] satisfies Headers,
  };
}

function cancelRequest(message: Cancel, { url, timeoutMs }: HttpHandlerOptions) {
  const target = operationUrl(url, message);
  target.pathname += '/cancel';
  return { url: target.href, body: new Uint8Array(0), headers: [...common(message, timeoutMs), ['nexus-operation-token', message.operationToken]] satisfies Headers };
}

function operationUrl(base: string, { service, operation }: NexusMessage): URL {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${encodeURIComponent(service)}/${encodeURIComponent(operation)}`;
  return url;
}

/** What workflows set, and then what they cannot set. */
function common({ header }: NexusMessage, timeoutMs: number): Headers {
  return [...header, ['user-agent', 'perdure'], ['request-timeout', `${timeoutMs}ms`], ['temporal-nexus-failure-support', 'true']];
}

function ended({ headers, body = new Uint8Array(0) }: HttpAnswer): NexusReply {
  const result = payloadOf({ type: headers?.get('content-type'), body });
  return { kind: 'operation-ended', outcome: { kind: 'succeeded', result }, links: readLinks(readLinkHeader(headers?.get('nexus-link'))) };
}

function started({ headers, body = new Uint8Array(0) }: HttpAnswer): NexusReply {
  const operationToken = tokenOf(body);
  if (operationToken === undefined) return handlerFailed(handlerFailure('INTERNAL', 'the handler has started the operation and does not say its token'));
  return { kind: 'operation-started', operationToken, links: readLinks(readLinkHeader(headers?.get('nexus-link'))) };
}

function tokenOf(body: Uint8Array): string | undefined {
  try {
    const json = parseJson(Buffer.from(body).toString());
    const token = isObject(json) ? json['token'] || json['id'] : undefined;
    return typeof token === 'string' ? token : undefined;
  } catch {
    return undefined;
  }
}

function unsuccessful({ headers, body = new Uint8Array(0) }: HttpAnswer): NexusReply {
  const kind = headers?.get('nexus-operation-state') === 'canceled' ? 'canceled' : 'failed';
  return { kind: 'operation-ended', outcome: { kind, failure: fromOperationError(kind, readFailure(body)) }, links: [] };
}

function handlerError({ status, headers, body = new Uint8Array(0) }: HttpAnswer): NexusReply {
  const errorType = HANDLER_ERRORS.get(status) ?? (status >= 500 ? 'INTERNAL' : 'BAD_REQUEST');
  const { RETRYABLE, NON_RETRYABLE, UNSPECIFIED } = NexusHandlerErrorRetryBehavior;
  const retryable = headers?.get('nexus-request-retryable');
  const retryBehavior = retryable === 'true' ? RETRYABLE : retryable === 'false' ? NON_RETRYABLE : UNSPECIFIED;
  const failure = body.byteLength === 0 ? { ...readFailure(body), message: `the handler answered with the HTTP status ${status}` } : readFailure(body);
  return handlerFailed(fromHandlerError({ errorType, failure, retryBehavior }));
}
