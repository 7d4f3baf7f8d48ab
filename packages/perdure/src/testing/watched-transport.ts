/**
 * The way of clients and workers to the engine in a test environment. Tells the time keeper what goes on: a request is work, a wait for
 * an end is a wait that lets time be skipped, a worker's poll is neither.
 *
 * Limits of calls count real time: a wait for a year on the environment's clock is over in a moment, and whoever limits a call means the
 * time that the test takes.
 */
import { Code, RpcError, type GetWorkflowExecutionHistoryRequest, type Init, type Method, type UpdateWorkflowExecutionRequest } from '../protocol/index.js';
import type { CallOptions, Transport } from '../transport/transport.js';
import { callKind } from './call-kinds.js';
import type { TasksAtWork } from './tasks-at-work.js';
import type { TimeKeeper } from './time-keeper.js';

export class WatchedTransport implements Transport {
  readonly #inner: Transport;
  readonly #keeper: TimeKeeper;
  readonly #tasks: TasksAtWork;

  constructor(inner: Transport, keeper: TimeKeeper, tasks: TasksAtWork) {
    this.#inner = inner;
    this.#keeper = keeper;
    this.#tasks = tasks;
  }

  async call<Request, Response>(method: Method<Request, Response>, request: Init<Request>, options: CallOptions = {}): Promise<Response> {
    // A poll in this process is never lost: it needs no limit.
    const kind = callKind(method, request);
    if (kind === 'poll') return this.#inner.call(method, request, withoutLimit(options));
    const wait = kind === 'wait';
    const end = wait ? this.#keeper.beginWait(workflowOf(request)) : this.#keeper.beginWork('request');
    try {
      // The engine answers a wait before its limit, by its own clock: so it must not know of it.
      return await (wait && options.timeoutMs !== undefined ? this.#limited(method, request, withoutLimit(options), options.timeoutMs) : this.#inner.call(method, request, options));
    } finally {
      this.#tasks.broughtBack(method, request);
      end();
    }
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #limited<Request, Response>(method: Method<Request, Response>, request: Init<Request>, options: CallOptions, timeoutMs: number): Promise<Response> {
    const limit = new AbortController();
    const signal = options.signal === undefined ? limit.signal : AbortSignal.any([options.signal, limit.signal]);
    const timer = setTimeout(() => limit.abort(), Math.min(timeoutMs, 2 ** 31 - 1));
    try {
      return await this.#inner.call(method, request, { ...options, signal });
    } catch (error) {
      if (limit.signal.aborted && options.signal?.aborted !== true) throw new RpcError(Code.DEADLINE_EXCEEDED, 'the deadline of the call has passed');
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

const withoutLimit = ({ signal, metadata }: CallOptions): CallOptions => ({ ...(signal && { signal }), ...(metadata && { metadata }) });

/** Whom the wait is for, as far as the request says it in one of the usual places. */
function workflowOf(request: unknown): string | undefined {
  const { execution, workflowExecution } = request as Init<GetWorkflowExecutionHistoryRequest> & Init<UpdateWorkflowExecutionRequest>;
  return execution?.workflowId ?? workflowExecution?.workflowId;
}
