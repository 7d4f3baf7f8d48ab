/**
 * The HTTP server that consoles and command line tools ask to decode payloads: the keys stay where the workers are.
 *
 * `POST …/decode` and `POST …/encode` with `{"payloads": [{"metadata": {"encoding": "<base64>"}, "data": "<base64>"}]}` answer in the same
 * form; `X-Namespace` names the namespace. The protocol is the one that Temporal's console and tools speak.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { decodePayloadsWithCodecs, encodePayloadsWithCodecs, type Payload, type PayloadCodec } from '../common/index.js';

export interface CodecServerOptions {
  /** The codecs of the workers, in their order; a function chooses by namespace. */
  readonly codecs: readonly PayloadCodec[] | ((namespace: string) => readonly PayloadCodec[]);
  /**
   * Whether this request may be answered. Whoever can ask for `decode` can read everything: without this, listen on this machine only.
   * Default: all may.
   */
  readonly authorize?: (request: CodecRequest) => boolean | Promise<boolean>;
  /** Web origins whose pages may ask, for example `https://console.example`. Default: none. */
  readonly allowedOrigins?: readonly string[];
  /** Larger requests are refused. Default: 16 MiB. */
  readonly maxBodyBytes?: number;
}

export interface CodecRequest {
  readonly operation: 'encode' | 'decode';
  readonly namespace: string;
  /** The header of that name. */
  readonly authorization: string | undefined;
}

/** Ends a request with this status; the message is for whoever asked. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const REQUEST_TIMEOUT_MS = 30_000;

/**
 * A server that does not listen yet.
 *
 * @example createCodecServer({ codecs: [codec], allowedOrigins: ['http://localhost:8233'] }).listen(8081, '127.0.0.1');
 */
export function createCodecServer(options: CodecServerOptions): Server {
  const server = createServer((request, response) => {
    answer(request, response, options).catch((error: unknown) => refuse(response, error));
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  return server;
}

async function answer(request: IncomingMessage, response: ServerResponse, options: CodecServerOptions): Promise<void> {
  allowOrigin(request, response, options.allowedOrigins ?? []);
  if (request.method === 'OPTIONS') {
    response.writeHead(204).end();
    return;
  }
  const asked = codecRequest(request);
  if (options.authorize && !(await options.authorize(asked))) throw new Refusal(asked.authorization === undefined ? 401 : 403, `You may not ${asked.operation} payloads of namespace "${asked.namespace}".`);
  const payloads = parsePayloads(await body(request, options.maxBodyBytes ?? 16 * 1024 * 1024));
  const codecs = typeof options.codecs === 'function' ? options.codecs(asked.namespace) : options.codecs;
  const through = asked.operation === 'encode' ? encodePayloadsWithCodecs : decodePayloadsWithCodecs;
  const result = await through(codecs, payloads);
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ payloads: result.map(toJson) }));
}

function codecRequest(request: IncomingMessage): CodecRequest {
  const path = new URL(request.url ?? '/', 'http://codec').pathname;
  const operation = path.endsWith('/encode') ? 'encode' : path.endsWith('/decode') ? 'decode' : undefined;
  if (operation === undefined) throw new Refusal(404, 'There are two paths: /encode and /decode.');
  if (request.method !== 'POST') throw new Refusal(405, `Ask with POST, not ${request.method}.`);
  const namespace = request.headers['x-namespace'];
  return { operation, namespace: typeof namespace === 'string' ? namespace : '', authorization: request.headers.authorization };
}

function allowOrigin(request: IncomingMessage, response: ServerResponse, allowed: readonly string[]): void {
  const { origin } = request.headers;
  if (origin === undefined || !allowed.includes(origin)) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-credentials', 'true');
  response.setHeader('access-control-allow-methods', 'POST');
  response.setHeader('access-control-allow-headers', 'content-type,authorization,x-namespace');
  response.setHeader('vary', 'origin');
}

async function body(request: IncomingMessage, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.byteLength;
    if (length > limit) throw new Refusal(413, `The request has more than ${limit} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

interface PayloadJson {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly data?: string;
}

function parsePayloads(text: string): Payload[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Refusal(400, 'The body is not JSON.');
  }
  const payloads: unknown = typeof parsed === 'object' && parsed !== null && 'payloads' in parsed ? parsed.payloads : [];
  if (!Array.isArray(payloads) || !payloads.every(isPayloadJson)) throw new Refusal(400, 'The body must be {"payloads": [{"metadata": {…}, "data": "…"}]}, with bytes in base64.');
  return payloads.map(({ metadata = {}, data = '' }) => ({
    metadata: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value, 'base64')])),
    data: Buffer.from(data, 'base64'),
  }));
}

function isPayloadJson(value: unknown): value is PayloadJson {
  if (typeof value !== 'object' || value === null) return false;
  const { metadata, data } = value as { metadata?: unknown; data?: unknown };
  const isMetadata = metadata === undefined || (typeof metadata === 'object' && metadata !== null && Object.values(metadata).every((entry) => typeof entry === 'string'));
  return isMetadata && (data === undefined || typeof data === 'string');
}

function toJson({ metadata, data }: Payload): PayloadJson {
  return {
    metadata: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
    data: Buffer.from(data).toString('base64'),
  };
}

/** A payload that cannot be decoded is the fault of the data or of the keys; whoever asked must see which. */
function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const status = error instanceof Refusal ? error.status : 400;
  const message = error instanceof Error ? error.message : String(error);
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify({ message }));
}
