/**
 * A server for tests: handlers by method name behind a {@link Transport}, and the requests they got.
 *
 * Messages pass through their wire form both ways, so a test sees what a server would see.
 */
import { Code, RpcError, type Init, type Method } from '../../protocol/index.js';
import type { CallOptions, Transport } from '../../transport/transport.js';

export interface RecordedCall<Request = unknown> {
  readonly method: string;
  readonly request: Request;
  readonly options: CallOptions | undefined;
}

type Script = (request: unknown, call: RecordedCall) => unknown;

export class ScriptedTransport implements Transport {
  readonly calls: RecordedCall[] = [];
  closed = false;
  readonly #scripts = new Map<string, Script>();

  /** Answers calls of a method. The handler may throw an RpcError, and may be replaced at any time. */
  on<Request, Response>(
    method: Method<Request, Response>,
    handler: (request: Request, call: RecordedCall) => Init<Response> | Promise<Init<Response>>,
  ): this {
    this.#scripts.set(method.name, handler as Script);
    return this;
  }

  /** Answers successive calls of a method with successive answers; errors are thrown; the last answer is repeated. */
  onSequence<Request, Response>(method: Method<Request, Response>, ...answers: (Init<Response> | RpcError)[]): this {
    let next = 0;
    return this.on(method, () => {
      const answer = answers[Math.min(next++, answers.length - 1)]!;
      if (answer instanceof RpcError) throw answer;
      return answer;
    });
  }

  /** The requests that a method got. */
  requests<Request, Response>(method: Method<Request, Response>): Request[] {
    return this.calls.filter((call) => call.method === method.name).map((call) => call.request as Request);
  }

  async call<Request, Response>(method: Method<Request, Response>, request: Init<Request>, options?: CallOptions): Promise<Response> {
    const received = method.request.decode(method.request.encode(request));
    const call: RecordedCall = { method: method.name, request: received, options };
    this.calls.push(call);
    const script = this.#scripts.get(method.name);
    if (script === undefined) throw new RpcError(Code.UNIMPLEMENTED, `${method.name} is not implemented.`);
    const answer = (await script(received, call)) as Init<Response>;
    return method.response.decode(method.response.encode(answer));
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
