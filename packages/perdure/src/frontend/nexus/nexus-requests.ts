/**
 * Requests to Nexus handlers that are workers of this server, on their way: offered to whoever polls the task queue of the endpoint, and
 * awaited until they are answered or their time is over.
 *
 * In memory only. Who asks (`nexus-courier.ts`) asks again after a crash, with the same request id; a worker that answers to a request of
 * before is told that nobody waits. Bounded: beyond the limit a request is refused, and asked again later.
 */
import type { TaskQueueAddress } from '../../machines/machine.js';
import type { Matching } from '../../matching/matching.js';
import type { Clock, Random } from '../../ports/index.js';
import { Failure, type HandlerError, type Init, type NexusRequest, type NexusResponse, type PollNexusTaskQueueResponse } from '../../protocol/index.js';
import type { Closing } from '../closing.js';
import { overloaded } from '../refusals.js';
import { nexusTaskToken } from '../task-token.js';
import { within } from '../waiting.js';
import { fromHandlerError } from './nexus-failures.js';

/** What a worker answered. */
export type HandlerAnswer = { readonly kind: 'completed'; readonly response: NexusResponse | undefined } | { readonly kind: 'failed'; readonly failure: Failure };

/** What matching carries to the poll. */
export class NexusTask {
  constructor(
    readonly id: string,
    readonly request: Init<NexusRequest>,
    /** When the answer is of no use any more, in milliseconds since the epoch. */
    readonly deadline: number,
  ) {}

  /** @param now in milliseconds since the epoch */
  response(namespaceId: string, now: number): Init<PollNexusTaskQueueResponse> {
    const timeout = `${Math.max(1, Math.floor(this.deadline - now))}ms`;
    // Some SDKs look for the one, some for the other.
    const header = new Map([...(this.request.header ?? []), ['Request-Timeout', timeout], ['request-timeout', timeout]] as const);
    return { taskToken: nexusTaskToken(namespaceId, this.id), request: { ...this.request, header } };
  }
}

export interface NexusRequestsOptions {
  readonly matching: Pick<Matching, 'offerQuery'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly closing: Closing;
  /** How many may be under way. */
  readonly limit: number;
}

interface Pending {
  readonly namespaceId: string;
  readonly settle: (answer: HandlerAnswer) => void;
}

export class NexusRequests {
  readonly #options: NexusRequestsOptions;
  readonly #pending = new Map<string, Pending>();

  constructor(options: NexusRequestsOptions) {
    this.#options = options;
  }

  /**
   * The answer of a worker that polls the queue; `undefined` if there was none in time.
   * @throws RpcError RESOURCE_EXHAUSTED too much waits
   */
  async ask(queue: TaskQueueAddress, request: Init<NexusRequest>, timeoutMs: number): Promise<HandlerAnswer | undefined> {
    const { matching, clock, random, limit } = this.#options;
    if (this.#pending.size >= limit) throw overloaded(`${limit} Nexus requests are waiting for workers, which is the limit.`);
    const task = new NexusTask(random.uuid(), request, clock.now() + timeoutMs);
    const answered = new Promise<HandlerAnswer>((settle) => this.#pending.set(task.id, { namespaceId: queue.namespace, settle }));
    const withdraw = new AbortController();
    try {
      matching.offerQuery(queue, task, withdraw.signal);
      return await within(answered, timeoutMs, this.#options, withdraw.signal);
    } finally {
      this.#pending.delete(task.id);
      withdraw.abort(OVER);
    }
  }

  /** False if nobody waits for the answer any more. */
  answer(namespaceId: string, id: string, answer: HandlerAnswer): boolean {
    const pending = this.#pending.get(id);
    if (pending === undefined || pending.namespaceId !== namespaceId) return false;
    pending.settle(answer);
    return true;
  }
}

/** Without a reason a signal makes an exception with a stack for each. */
const OVER = 'over';

/** A failure as workers send it, in the newer or the older form; `undefined` if it is none. */
export function failureOf(error: HandlerError | undefined, failure: Uint8Array | undefined): Failure | undefined {
  if (failure === undefined) return error && fromHandlerError(error);
  const decoded = Failure.decode(failure);
  return decoded.nexusHandlerFailureInfo === undefined ? undefined : decoded;
}
