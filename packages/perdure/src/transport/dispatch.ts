/**
 * The server's side of one call, the same for the gRPC door and the in-process transport: the context that a handler sees, and what a
 * handler's outcome means to the caller.
 *
 * A call ends exactly once: by the handler's reply or error, by its deadline, or because the caller went away. The first of them wins;
 * whatever the handler does later is dropped. The abort signal is made only if somebody asks for it: most handlers never do.
 */
import { Code, RpcError } from '../protocol/errors.js';
import { DecodeError } from '../protocol/reader.js';
import type { CallContext, Route, Router } from './transport.js';
import { MAX_TIMER_MS } from './grpc-timeout.js';

/** Told of every failure that is a defect of the server, with the path of the method. */
export type OnHandlerError = (error: unknown, path: string) => void;

/** @throws RpcError UNIMPLEMENTED that names what is missing */
export function findRoute(router: Router, path: string): Route {
  const route = router.find(path);
  if (route === undefined) throw unimplemented(router, path);
  return route;
}

export function unimplemented(router: Router, path: string): RpcError {
  const match = /^\/([^/]+)\/([^/]+)$/.exec(path);
  if (match === null) return new RpcError(Code.UNIMPLEMENTED, `malformed method name: ${JSON.stringify(path)}`);
  const [, service, method] = match;
  const known = router.paths().some((other) => other.startsWith(`/${service}/`));
  return new RpcError(Code.UNIMPLEMENTED, known ? `unknown method ${method} for service ${service}` : `unknown service ${service}`);
}

/** What the caller gets to see of an error that a handler threw. */
export function toRpcError(error: unknown, path: string, onError?: OnHandlerError): RpcError {
  if (error instanceof RpcError) return error;
  if (error instanceof DecodeError) return new RpcError(Code.INVALID_ARGUMENT, `malformed message: ${error.message}`, [], { cause: error });
  onError?.(error, path);
  const reason = error instanceof Error ? error.message : String(error);
  return new RpcError(Code.INTERNAL, `internal error in ${path.slice(path.lastIndexOf('/') + 1)}: ${reason}`, [], { cause: error });
}

export class CallScope implements CallContext {
  readonly deadline?: number;
  #controller: AbortController | undefined;
  #reason: RpcError | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param metadata Made on first use.
   * @param timeoutMs How long the caller waits; `onDeadline` is called then, after the signal was aborted.
   */
  constructor(
    private readonly readMetadata: () => Readonly<Record<string, string>>,
    timeoutMs: number | undefined,
    now: () => number,
    onDeadline: (error: RpcError) => void,
  ) {
    if (timeoutMs === undefined) return;
    this.deadline = now() + timeoutMs;
    if (timeoutMs > MAX_TIMER_MS) return;
    this.#timer = setTimeout(() => {
      const error = new RpcError(Code.DEADLINE_EXCEEDED, 'the deadline of the call has passed');
      this.abort(error);
      onDeadline(error);
    }, timeoutMs);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get metadata(): Readonly<Record<string, string>> {
    const metadata = this.readMetadata();
    Object.defineProperty(this, 'metadata', { value: metadata });
    return metadata;
  }

  /** The caller does not wait any longer. */
  abort(reason: RpcError): void {
    this.settle();
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }

  /** The call has ended: its deadline no longer matters. */
  settle(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
