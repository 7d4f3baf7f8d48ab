/**
 * Brings the requests of runs to the handlers of their Nexus operations: to the workers of a task queue, or to another server over HTTP.
 *
 * A request may come twice (the process died before the answer was durable); handlers deduplicate by its id. How often to try again is the
 * machine's care (`machines/workflow/nexus`): here each request is made once.
 */
import type { Courier } from '../../host/host.js';
import { NEXUS_KIND, type NexusMessage, type NexusReply } from '../../machines/workflow/index.js';
import { Code, EventType, NamespaceState, NexusHandlerErrorRetryBehavior, RpcError, type EndpointTarget_Worker, type Init, type NexusRequest, type Payload } from '../../protocol/index.js';
import { readUrl } from '../callback-addresses.js';
import type { Rooms } from '../rooms.js';
import { callbackToken, CALLBACK_TOKEN_HEADER, SYSTEM_CALLBACK_URL } from './callback-token.js';
import { askServer } from './http-handlers.js';
import { handlerFailure } from './nexus-failures.js';
import { eventLink } from './nexus-links.js';
import { handlerFailed, replyOf } from './nexus-replies.js';

/** A handler that has less than this left cannot do anything with it. */
const SHORTEST_MS = 10;

export class NexusCourier implements Courier {
  readonly kind = NEXUS_KIND;
  #rooms: Rooms | undefined;

  /** Until then nothing is reached: the host needs its couriers before there is anything to reach. */
  open(rooms: Rooms): void {
    this.#rooms = rooms;
  }

  async deliver(input: unknown): Promise<NexusReply> {
    if (this.#rooms === undefined) throw new RpcError(Code.UNAVAILABLE, 'The server is starting.');
    const message = input as NexusMessage;
    const target = this.#rooms.nexusEndpoints.get(message.endpointId)?.spec.target;
    if (target?.worker !== undefined) return askWorkers(this.#rooms, message, target.worker);
    if (target?.external !== undefined) return askOutside(this.#rooms, message, target.external.url);
    return handlerFailed(handlerFailure('NOT_FOUND', 'nexus endpoint not found', NexusHandlerErrorRetryBehavior.NON_RETRYABLE));
  }
}

async function askWorkers(rooms: Rooms, message: NexusMessage, { namespace, taskQueue }: EndpointTarget_Worker): Promise<NexusReply> {
  const served = rooms.namespaces.find(namespace);
  if (served === undefined || served.state === NamespaceState.DELETED) return handlerFailed(handlerFailure('NOT_FOUND', `Namespace ${namespace} is not found.`));
  const timeoutMs = requestTimeoutMs(rooms, message);
  const answer = await rooms.nexusRequests.ask({ namespace: served.id, name: taskQueue, type: 'nexus' }, requestTo(rooms, message), timeoutMs);
  if (answer === undefined && rooms.closing.begun) throw new RpcError(Code.UNAVAILABLE, 'The server is shutting down.');
  return replyOf(message.type, answer);
}

async function askOutside(rooms: Rooms, message: NexusMessage, url: string): Promise<NexusReply> {
  // The operator lists what the server may call: an endpoint must not reach what only the server reaches.
  const parsed = readUrl(url);
  if (parsed === undefined || !rooms.callbackAddresses.allows(parsed)) {
    return handlerFailed(handlerFailure('UNAUTHORIZED', `the target of the endpoint is none of the addresses that this server may call (--callback-address): ${url}`));
  }
  const timeoutMs = requestTimeoutMs(rooms, message);
  const times = message.type === 'start-operation' ? operationTimeout(rooms, message) : [];
  return askServer(message, { caller: rooms.httpCaller, url, callbackUrl: rooms.nexusDoor.callbackUrl, timeoutMs, operationTimeout: times });
}

function requestTimeoutMs({ clock, namespaces }: Rooms, message: NexusMessage): number {
  const { nexusRequestTimeoutMs } = namespaces.getById(message.namespaceId).limits;
  if (message.type === 'cancel-operation' || message.expiresAtMs === 0) return nexusRequestTimeoutMs;
  return Math.max(SHORTEST_MS, Math.min(nexusRequestTimeoutMs, message.expiresAtMs - clock.now()));
}

function requestTo(rooms: Rooms, message: NexusMessage): Init<NexusRequest> {
  const { service, operation, endpoint } = message;
  const common = { scheduledTime: rooms.clock.now(), endpoint };
  if (message.type === 'cancel-operation') {
    const { operationToken } = message;
    return { ...common, header: new Map(message.header), cancelOperation: { service, operation, operationToken, operationId: operationToken } };
  }
  return {
    ...common,
    header: new Map([...message.header, ...operationTimeout(rooms, message)]),
    capabilities: { temporalFailureResponses: true },
    startOperation: {
      service,
      operation,
      requestId: message.requestId,
      callback: SYSTEM_CALLBACK_URL,
      callbackHeader: new Map([[CALLBACK_TOKEN_HEADER, callbackToken(message)]]),
      payload: message.input ?? NO_INPUT,
      links: [eventLink(message.namespace, message.workflowId, message.runId, message.scheduledEventId, EventType.NEXUS_OPERATION_SCHEDULED)],
    },
  };
}

const NO_INPUT: Init<Payload> = { metadata: { encoding: Buffer.from('binary/null') } };

/** How long the operation may take, whatever the request may take. */
function operationTimeout({ clock }: Rooms, { closesAtMs, startToCloseTimeoutMs }: Extract<NexusMessage, { type: 'start-operation' }>): [string, string][] {
  const times = [startToCloseTimeoutMs, closesAtMs === 0 ? 0 : closesAtMs - clock.now()].filter((time) => time > 0);
  return times.length === 0 ? [] : [['operation-timeout', `${Math.floor(Math.min(...times))}ms`]];
}
