/**
 * What servers outside may ask of this one by Nexus over HTTP: to complete an operation that a workflow here waits for, and to run an
 * operation that workers here handle. How it is written over HTTP is the business of `server/nexus-site.ts`.
 */
import type { Host } from '../../host/host.js';
import type { NexusReply } from '../../machines/workflow/index.js';
import type { TaskQueueAddress } from '../../machines/machine.js';
import type { Init, NexusRequest } from '../../protocol/index.js';
import type { NamespaceRegistry } from '../namespace-registry.js';
import { invalidArgument, notFound } from '../refusals.js';
import { requiredTaskQueue } from '../validation.js';
import { readCallbackToken } from './callback-token.js';
import { completeNexusOperation, type OperationCompletion } from './completions.js';
import type { EndpointRegistry } from './endpoint-registry.js';
import { replyOf } from './nexus-replies.js';
import type { NexusRequests } from './nexus-requests.js';

/** Where the workers are that handle an operation. */
export type NexusTarget = { readonly endpointId: string } | { readonly namespace: string; readonly taskQueue: string };

export interface NexusDoorOptions {
  readonly host: Pick<Host, 'send'>;
  readonly namespaces: NamespaceRegistry;
  readonly endpoints: EndpointRegistry;
  readonly requests: NexusRequests;
}

export class NexusDoor {
  /** Where handlers outside send completions; undefined as long as no port takes them. */
  callbackUrl: string | undefined;
  readonly #options: NexusDoorOptions;

  constructor(options: NexusDoorOptions) {
    this.#options = options;
  }

  /** @throws RpcError INVALID_ARGUMENT the token is none of this server; NOT_FOUND nobody waits for the operation */
  async complete(token: string, completion: OperationCompletion): Promise<void> {
    const read = readCallbackToken(token);
    if (read === undefined) throw invalidArgument('the request has no token of a Nexus operation of this server');
    await completeNexusOperation(this.#options.host, read, completion);
  }

  /**
   * Asks a worker.
   * @param timeoutMs how long the caller waits; the server does not wait longer than it would for itself
   * @throws RpcError NOT_FOUND there is no such endpoint or namespace; RESOURCE_EXHAUSTED too much waits
   */
  async ask(target: NexusTarget, request: Init<NexusRequest>, timeoutMs = Infinity): Promise<NexusReply> {
    const { namespaces, requests } = this.#options;
    const queue = this.#queueOf(target);
    const { nexusRequestTimeoutMs } = namespaces.getById(queue.namespace).limits;
    const answer = await requests.ask(queue, request, Math.min(timeoutMs, nexusRequestTimeoutMs));
    return replyOf(request.startOperation === undefined ? 'cancel-operation' : 'start-operation', answer);
  }

  #queueOf(target: NexusTarget): TaskQueueAddress {
    const { namespaces, endpoints } = this.#options;
    const worker = 'namespace' in target ? target : endpoints.get(target.endpointId)?.spec.target?.worker;
    if (worker === undefined) throw notFound('nexus endpoint not found');
    const { id, limits } = namespaces.get(worker.namespace);
    const { name } = requiredTaskQueue({ name: worker.taskQueue, kind: 0, normalName: '' }, limits);
    return { namespace: id, name, type: 'nexus' };
  }
}
