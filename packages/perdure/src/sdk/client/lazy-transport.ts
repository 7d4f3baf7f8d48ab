/**
 * A transport that is opened when it is first used.
 *
 * Client and worker share it. The gRPC code is loaded with the first connection: a program that talks to an engine in its own process
 * never loads it.
 */
import { Code, RpcError, type Init, type Method } from '../../protocol/index.js';
import type { CallOptions, Transport } from '../../transport/transport.js';

export class LazyTransport implements Transport {
  readonly #open: () => Promise<Transport>;
  #opened: Promise<Transport> | undefined;
  #closed = false;

  constructor(open: () => Promise<Transport>) {
    this.#open = open;
  }

  async call<Request, Response>(method: Method<Request, Response>, request: Init<Request>, options?: CallOptions): Promise<Response> {
    if (this.#closed) throw new RpcError(Code.CANCELLED, 'The connection is closed. Open a new one with Connection.connect().');
    const transport = await this.#transport();
    return transport.call(method, request, options);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const transport = await this.#opened?.catch(() => undefined);
    await transport?.close();
  }

  /** Opens once; a failed opening is tried again by the next call. */
  #transport(): Promise<Transport> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined;
      if (error instanceof RpcError) throw error;
      // Not a matter of the network, which shows at the first call, but of options: another attempt would not help.
      throw new RpcError(Code.INVALID_ARGUMENT, error instanceof Error ? error.message : String(error), [], { cause: error });
    });
    return this.#opened;
  }
}
