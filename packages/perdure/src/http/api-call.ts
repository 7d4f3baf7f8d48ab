/**
 * One call of the HTTP API: collect the body, run the RPC's handler, answer with JSON.
 *
 * The message passes through the wire format, so that a handler cannot tell a call by JSON from one by gRPC. Memory stays bounded while a
 * body arrives, and when the client goes away the handler's signal is aborted, so that a long poll gives up its place.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Code, RpcError } from '../protocol/errors.js';
import { JsonFormatError, jsonToBinary } from '../protocol/json/index.js';
import { CallScope, toRpcError, type OnHandlerError } from '../transport/dispatch.js';
import { parseTimeout } from '../transport/grpc-timeout.js';
import { formOf, replyForm, sendError, sendMessage, type JsonForm } from './replies.js';
import { requestMessage } from './request-message.js';
import type { Binding } from './routes.js';

export interface ApiCallSettings {
  readonly maxRequestBytes: number;
  /** What all unfinished bodies may hold together. */
  readonly budget: { leftBytes: number };
  readonly onError: OnHandlerError | undefined;
  readonly now: () => number;
}

/** Headers that a handler sees; the others are HTTP's own business. */
const FORWARDED = ['authorization', 'authorization-extras', 'x-forwarded-for', 'client-name', 'client-version', 'user-agent'];
const METADATA_PREFIX = 'grpc-metadata-';
/** Who calls, if the caller does not say. */
const CLIENT_NAME = 'temporal-server-http';

export function serveApiCall(request: IncomingMessage, response: ServerResponse, binding: Binding, values: readonly string[], query: URLSearchParams, settings: ApiCallSettings): void {
  const form = replyForm(request, query);
  const timeout = request.headers['grpc-timeout'];
  const timeoutMs = timeout === undefined ? undefined : parseTimeout(String(timeout));
  if (timeout !== undefined && timeoutMs === undefined) {
    return sendError(response, new RpcError(Code.INVALID_ARGUMENT, `malformed grpc-timeout: ${JSON.stringify(timeout)}`), form);
  }
  new ApiCall(request, response, binding, values, query, settings, form, timeoutMs).listen();
}

class ApiCall {
  readonly #scope: CallScope;
  #chunks: Buffer[] = [];
  #heldBytes = 0;
  #ended = false;

  constructor(
    readonly request: IncomingMessage,
    readonly response: ServerResponse,
    readonly binding: Binding,
    readonly values: readonly string[],
    readonly query: URLSearchParams,
    readonly settings: ApiCallSettings,
    readonly form: JsonForm,
    timeoutMs: number | undefined,
  ) {
    this.#scope = new CallScope(() => metadataOf(request), timeoutMs, settings.now, (error) => this.#fail(error));
  }

  listen(): void {
    this.request.on('data', (chunk: Buffer) => this.#collect(chunk));
    this.request.on('end', () => this.#run());
    this.response.on('close', () => this.#gone());
  }

  #collect(chunk: Buffer): void {
    if (this.#ended) return;
    const { maxRequestBytes, budget } = this.settings;
    this.#heldBytes += chunk.byteLength;
    budget.leftBytes -= chunk.byteLength;
    this.#chunks.push(chunk);
    if (this.#heldBytes > maxRequestBytes) {
      this.#refuseBody(new RpcError(Code.RESOURCE_EXHAUSTED, `The body of the request is larger than ${maxRequestBytes} bytes.`), 413);
    } else if (budget.leftBytes < 0) {
      this.#refuseBody(new RpcError(Code.RESOURCE_EXHAUSTED, 'The server holds too many unfinished requests: try again later.'), 429);
    }
  }

  /** The rest of the body is not read: the connection cannot serve another request. */
  #refuseBody(error: RpcError, status: number): void {
    this.response.setHeader('connection', 'close');
    this.#fail(error, status);
    this.request.pause();
  }

  #run(): void {
    if (this.#ended) return;
    const body = Buffer.concat(this.#chunks);
    this.#giveBack();
    try {
      const { method, handler } = this.binding.route;
      const { payloadShorthand } = formOf(this.request.headers['content-type'] ?? '');
      const json = requestMessage(this.binding, this.values, this.query, body);
      const message = jsonToBinary(this.binding.shape.request.slice(1), json, { payloadShorthand });
      Promise.resolve(handler(method.request.decode(message), this.#scope)).then(
        (reply) => this.#reply(method.response.encode(reply)),
        (error: unknown) => this.#failed(error),
      ).catch((error: unknown) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
    }
  }

  #reply(bytes: Uint8Array): void {
    if (this.#ended) return;
    sendMessage(this.response, this.binding.shape.response.slice(1), bytes, this.form);
    this.#end();
  }

  #failed(error: unknown): void {
    this.#fail(error instanceof JsonFormatError ? new RpcError(Code.INVALID_ARGUMENT, error.message) : toRpcError(error, this.binding.shape.path, this.settings.onError));
  }

  #fail(error: RpcError, status?: number): void {
    if (this.#ended) return;
    this.#end();
    sendError(this.response, error, this.form, status);
  }

  #gone(): void {
    if (this.#ended) return;
    this.#end();
    this.#scope.abort(new RpcError(Code.CANCELLED, 'the caller went away'));
  }

  #end(): void {
    this.#ended = true;
    this.#scope.settle();
    this.#giveBack();
  }

  #giveBack(): void {
    this.#chunks = [];
    this.settings.budget.leftBytes += this.#heldBytes;
    this.#heldBytes = 0;
  }
}

function metadataOf({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  const metadata: Record<string, string> = { 'client-name': CLIENT_NAME };
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    const text = Array.isArray(value) ? value.join(', ') : value;
    if (FORWARDED.includes(name)) metadata[name] = text;
    else if (name.startsWith(METADATA_PREFIX) && !name.endsWith('-bin')) metadata[name.slice(METADATA_PREFIX.length)] = text;
  }
  return metadata;
}
