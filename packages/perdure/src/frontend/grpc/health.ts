/**
 * `grpc.health.v1.Health`: load balancers, Kubernetes probes and SDKs ask it whether the server takes calls.
 *
 * It serves every service of the router, and the empty name for the server as a whole; both are NOT_SERVING while the server is not ready,
 * and turn to it when the door begins to close. `Check` on another name answers NOT_FOUND, `Watch` SERVICE_UNKNOWN, as the protocol prescribes.
 */
import { Code, RpcError } from '../../protocol/errors.js';
import { HealthCheckRequest, HealthCheckResponse, HealthCheckResponse_ServingStatus as Status } from '../../protocol/generated/grpc.health.v1.js';
import { Health } from '../../protocol/generated/services.js';
import type { Router } from '../../transport/transport.js';
import type { StreamingHandler } from './streaming-call.js';

export const HEALTH_WATCH_PATH = '/grpc.health.v1.Health/Watch';

export class HealthService {
  readonly #closing = new AbortController();

  constructor(
    private readonly router: Router,
    private readonly isReady: () => boolean,
  ) {}

  register(router: Router): void {
    router.add(Health.Check, ({ service }) => {
      if (!this.#serves(service)) throw new RpcError(Code.NOT_FOUND, `unknown service ${service}`);
      return { status: this.#status() };
    });
  }

  /** Answers the current status, and once more when it changes. */
  readonly watch: StreamingHandler = (requests, signal) => this.#watch(requests, signal);

  /** From now on nothing is served; watchers are told and their streams end. */
  close(): void {
    this.#closing.abort();
  }

  async *#watch(requests: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for await (const bytes of requests) {
      const { service } = HealthCheckRequest.decode(bytes);
      const known = this.#serves(service);
      yield HealthCheckResponse.encode({ status: known ? this.#status() : Status.SERVICE_UNKNOWN });
      await eitherAborted(signal, this.#closing.signal);
      if (known && !signal.aborted) yield HealthCheckResponse.encode({ status: Status.NOT_SERVING });
      return;
    }
  }

  #serves(service: string): boolean {
    return service === '' || this.router.paths().some((path) => path.startsWith(`/${service}/`));
  }

  #status(): Status {
    return this.#closing.signal.aborted || !this.isReady() ? Status.NOT_SERVING : Status.SERVING;
  }
}

function eitherAborted(one: AbortSignal, other: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (one.aborted || other.aborted) return resolve();
    const done = (): void => {
      one.removeEventListener('abort', done);
      other.removeEventListener('abort', done);
      resolve();
    };
    one.addEventListener('abort', done);
    other.addEventListener('abort', done);
  });
}
