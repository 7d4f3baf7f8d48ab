/**
 * The transport between an embedded engine and its clients and workers: function calls, no sockets, no encoding.
 *
 * A call behaves as over gRPC: the same replies, errors, deadlines and cancellation. Requests and replies are completed with protobuf's
 * defaults and belong to the receiver, with one exception: byte arrays are shared, so neither side may write to one that it has handed
 * over. The handler runs in a later microtask, never on the caller's stack. There is no limit on message size here.
 */
import type { Init } from '../protocol/codec.js';
import { Code, RpcError } from '../protocol/errors.js';
import type { Method } from '../protocol/method.js';
import { cancelled, connectionClosed, onAbort } from './call-ending.js';
import { CallScope, findRoute, toRpcError, type OnHandlerError } from './dispatch.js';
import type { CallOptions, Route, Router, Transport } from './transport.js';

interface InProcessOptions {
  /** Told of every failure that is a defect of a handler. */
  readonly onError?: OnHandlerError;
  /** What `CallContext.deadline` is counted from, in milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
}

/** @example const transport = inProcess(engine.router); */
export function inProcess(router: Router, options: InProcessOptions = {}): Transport {
  const { onError, now = Date.now } = options;
  const open = new Set<(error: RpcError) => void>();
  let closed = false;

  return {
    call<Request, Response>(method: Method<Request, Response>, request: Init<Request>, options: CallOptions = {}): Promise<Response> {
      return new Promise((resolve, reject) => {
        const { signal, timeoutMs, metadata = {} } = options;
        if (closed) return reject(connectionClosed());
        if (signal?.aborted === true) return reject(cancelled(signal));
        let settled = false;
        const settle = (): boolean => {
          if (settled) return false;
          settled = true;
          scope.settle();
          stopListening?.();
          open.delete(abandon);
          return true;
        };
        const abandon = (error: RpcError): void => {
          if (!settle()) return;
          reject(error);
          scope.abort(error);
        };
        const scope = new CallScope(() => ({ ...metadata }), timeoutMs, now, abandon);
        const stopListening = signal && onAbort(signal, () => abandon(cancelled(signal)));
        open.add(abandon);

        // Completed now, not in the microtask: the caller may reuse its objects once the call is made.
        let received: Request;
        try {
          received = method.request.create(request);
        } catch (error) {
          return void (settle() && reject(new RpcError(Code.INVALID_ARGUMENT, `cannot send this ${method.name} request: ${(error as Error).message}`, [], { cause: error })));
        }
        const serve = async (): Promise<void> => {
          await undefined;
          if (settled) return;
          const route: Route = findRoute(router, method.path);
          const reply = await route.handler(received, scope);
          if (settled) return;
          const answer = method.response.create(reply as Init<Response>);
          if (settle()) resolve(answer);
        };
        serve().catch((error: unknown) => {
          const failure = toRpcError(error, method.path, onError);
          if (settle()) reject(failure);
        });
      });
    },

    async close(): Promise<void> {
      closed = true;
      for (const abandon of open) abandon(connectionClosed());
    },
  };
}
