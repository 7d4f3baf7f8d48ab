/**
 * How a client or worker reaches a server, and what a server offers to be reached.
 *
 * A {@link Transport} is one connection. Over gRPC it encodes; in process it calls the {@link Router} of an embedded engine directly,
 * without sockets and without encoding. Both give the same replies and the same errors.
 */
import type { Init } from '../protocol/codec.js';
import type { Method } from '../protocol/method.js';

export interface CallOptions {
  /** How long to wait, in milliseconds. Default: no limit. Exceeded: `RpcError` DEADLINE_EXCEEDED. */
  readonly timeoutMs?: number;
  /** Extra request metadata; keys in lower case. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Aborting it cancels the call on the server too: `RpcError` CANCELLED. */
  readonly signal?: AbortSignal;
}

export interface Transport {
  /** Makes one attempt. @throws RpcError and nothing else. */
  call<Request, Response>(method: Method<Request, Response>, request: Init<Request>, options?: CallOptions): Promise<Response>;
  /** Ends the connection. Calls under way end with CANCELLED or UNAVAILABLE. */
  close(): Promise<void>;
}

/** What a handler knows of its call. */
export interface CallContext {
  /** Aborted when the caller went away or the deadline passed: long waits must end then and give up their place. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, in milliseconds since the epoch; absent: it waits forever. */
  readonly deadline?: number;
  /** Request metadata; keys in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

export type Handler<Request, Response> = (request: Request, context: CallContext) => Promise<Init<Response>> | Init<Response>;

/** The methods that a server serves, by path. A path that is absent answers UNIMPLEMENTED and names itself. */
export class Router {
  readonly #routes = new Map<string, Route>();

  add<Request, Response>(method: Method<Request, Response>, handler: Handler<Request, Response>): this {
    this.#routes.set(method.path, { method, handler } as unknown as Route);
    return this;
  }

  find(path: string): Route | undefined {
    return this.#routes.get(path);
  }

  paths(): string[] {
    return [...this.#routes.keys()];
  }
}

export interface Route {
  readonly method: Method<unknown, unknown>;
  readonly handler: Handler<unknown, unknown>;
}
