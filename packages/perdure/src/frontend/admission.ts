/**
 * Which calls may enter: how many requests a second and how many long waits at once a namespace may have, and all of them together.
 *
 * A rate is a bucket that fills by so many tokens a second and holds two seconds' worth, so that a burst passes. A rate of zero is no
 * limit, and costs nothing. What is refused here has not been looked at, so sending it again is always safe.
 */
import type { Clock } from '../ports/index.js';
import {
  ResourceExhaustedCause,
  ResourceExhaustedFailure,
  ResourceExhaustedScope,
  RpcError,
  Code,
  WorkflowService,
} from '../protocol/index.js';
import type { NamespaceRegistry } from './namespace-registry.js';
import type { NamespaceLimits } from './request-limits.js';

/** What these calls wait for may take up to a minute. */
const LONG_WAITS: ReadonlySet<string> = new Set(
  [
    WorkflowService.PollWorkflowTaskQueue,
    WorkflowService.PollActivityTaskQueue,
    WorkflowService.PollNexusTaskQueue,
    WorkflowService.QueryWorkflow,
    WorkflowService.UpdateWorkflowExecution,
    WorkflowService.PollWorkflowExecutionUpdate,
    WorkflowService.ExecuteMultiOperation,
    WorkflowService.PollActivityExecution,
  ].map((method) => method.path),
);
/** These wait only if the request says so. */
const HISTORY = WorkflowService.GetWorkflowExecutionHistory.path;
const DESCRIBE_ACTIVITY = WorkflowService.DescribeActivityExecution.path;
/** Asked by every client before anything else, also by those that find out whether the server is alive. */
const ALWAYS: ReadonlySet<string> = new Set([WorkflowService.GetSystemInfo.path]);
const BURST_SECONDS = 2;

const NOTHING = (): void => {};

/** What kind of call a method makes, for admission. */
export type CallKind = 'always' | 'short' | 'long' | 'as-asked';

export function callKind(path: string): CallKind {
  if (ALWAYS.has(path)) return 'always';
  if (path === HISTORY || path === DESCRIBE_ACTIVITY) return 'as-asked';
  return LONG_WAITS.has(path) ? 'long' : 'short';
}

export class Admission {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #namespaces: Pick<NamespaceRegistry, 'find'>;
  readonly #server: NamespaceLimits;
  readonly #total: Bucket;
  /** By the id of the namespace: as many as there are namespaces. */
  readonly #guests = new Map<string, Guest>();

  constructor(clock: Pick<Clock, 'monotonic'>, namespaces: Pick<NamespaceRegistry, 'find'>, server: NamespaceLimits) {
    this.#clock = clock;
    this.#namespaces = namespaces;
    this.#server = server;
    this.#total = new Bucket(clock.monotonic());
  }

  /**
   * Lets a call in. Call what is returned when the call is over.
   * @throws RpcError RESOURCE_EXHAUSTED with its cause and scope
   */
  enter(kind: CallKind, request: unknown): () => void {
    if (kind === 'always') return NOTHING;
    const { totalRequestsPerSecond } = this.#server;
    if (totalRequestsPerSecond > 0 && !this.#total.take(totalRequestsPerSecond, this.#clock.monotonic())) {
      throw exhausted('RPS_LIMIT', 'SYSTEM', `The server takes ${totalRequestsPerSecond} requests a second. Send the request again later.`);
    }
    const name = namespaceOf(request);
    const namespace = name === undefined ? undefined : this.#namespaces.find(name);
    if (namespace === undefined) return NOTHING;
    const { requestsPerSecond, longPolls } = namespace.limits;
    const isLong = kind === 'long' || (kind === 'as-asked' && asksToWait(request));
    if (!isLong && requestsPerSecond === 0) return NOTHING;

    const guest = this.#guest(namespace.id);
    if (requestsPerSecond > 0 && !guest.bucket.take(requestsPerSecond, this.#clock.monotonic())) {
      throw exhausted('RPS_LIMIT', 'NAMESPACE', `The namespace ${name} may send ${requestsPerSecond} requests a second. Send the request again later.`);
    }
    if (!isLong) return NOTHING;
    if (guest.longWaits >= longPolls) {
      throw exhausted('CONCURRENT_LIMIT', 'NAMESPACE', `${longPolls} calls of the namespace ${name} are waiting, which is the limit. Run fewer pollers, or send the request again later.`);
    }
    guest.longWaits += 1;
    return guest.leave;
  }

  #guest(id: string): Guest {
    let guest = this.#guests.get(id);
    if (guest === undefined) this.#guests.set(id, (guest = new Guest(this.#clock.monotonic())));
    return guest;
  }
}

class Guest {
  readonly bucket: Bucket;
  longWaits = 0;
  readonly leave = (): void => {
    this.longWaits -= 1;
  };

  constructor(now: number) {
    this.bucket = new Bucket(now);
  }
}

class Bucket {
  #tokens = Number.POSITIVE_INFINITY;
  #filledAt: number;

  constructor(now: number) {
    this.#filledAt = now;
  }

  take(perSecond: number, now: number): boolean {
    this.#tokens = Math.min(perSecond * BURST_SECONDS, this.#tokens + ((now - this.#filledAt) / 1000) * perSecond);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

function namespaceOf(request: unknown): string | undefined {
  return typeof request === 'object' && request !== null && 'namespace' in request && typeof request.namespace === 'string' ? request.namespace : undefined;
}

function asksToWait(request: unknown): boolean {
  if (typeof request !== 'object' || request === null) return false;
  if ('waitNewEvent' in request) return request.waitNewEvent === true;
  return 'longPollToken' in request && request.longPollToken instanceof Uint8Array && request.longPollToken.byteLength > 0;
}

function exhausted(cause: 'RPS_LIMIT' | 'CONCURRENT_LIMIT', scope: 'NAMESPACE' | 'SYSTEM', message: string): RpcError {
  return RpcError.with(Code.RESOURCE_EXHAUSTED, message, ResourceExhaustedFailure, {
    cause: ResourceExhaustedCause[cause],
    scope: ResourceExhaustedScope[scope],
  });
}
