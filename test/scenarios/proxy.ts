/**
 * A gRPC proxy in front of a server: passes every call on unchanged and tells the recorder about it. The official SDK's worker speaks from
 * native code, so the wire is the only place where both SDKs can be watched.
 */
import http2 from 'node:http2';
import { gunzipSync } from 'node:zlib';
import type { AddressInfo } from 'node:net';
import { OperatorService, RpcError, WorkflowService, type Method } from '#perdure/protocol/index';
import { MARK_HEADER, type Outcome, type Recorder } from './recorder.js';

const methods = new Map<string, Method<unknown, unknown>>();
for (const service of [WorkflowService, OperatorService]) {
  for (const method of Object.values(service)) methods.set(method.path, method as unknown as Method<unknown, unknown>);
}

export interface Proxy {
  readonly address: string;
  close(): Promise<void>;
}

export async function startProxy(target: string, recorder: Recorder): Promise<Proxy> {
  const sessions = new Set<http2.Http2Session>();
  const server = http2.createServer({ settings: { maxConcurrentStreams: 10_000 } });
  server.on('session', (downstream) => {
    const upstream = http2.connect(`http://${target}`);
    for (const session of [downstream, upstream]) {
      sessions.add(session);
      session.on('close', () => sessions.delete(session));
      session.on('error', () => undefined); // its streams say so too
    }
    upstream.on('close', () => downstream.destroy());
    downstream.on('close', () => upstream.close());
    downstream.on('stream', (stream, headers) => forward(upstream, stream, headers, recorder));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function forward(upstream: http2.ClientHttp2Session, down: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, recorder: Recorder): void {
  down.on('error', () => undefined);
  if (upstream.destroyed || upstream.closed) return down.close(http2.constants.NGHTTP2_REFUSED_STREAM);
  const mark = headers[MARK_HEADER];
  const up = upstream.request({ ...headers, [MARK_HEADER]: undefined });
  const request: Buffer[] = [];
  const response: Buffer[] = [];
  const ended = (status: http2.IncomingHttpHeaders) => {
    const method = methods.get(headers[':path'] ?? '');
    if (method) record(recorder, method, typeof mark === 'string' ? mark : undefined, request, response, status);
  };
  up.on('error', () => undefined);
  down.on('data', (chunk: Buffer) => {
    request.push(chunk);
    up.write(chunk);
  });
  down.on('end', () => up.end());
  down.on('close', () => up.close(http2.constants.NGHTTP2_CANCEL));
  let trailers: http2.IncomingHttpHeaders | undefined;
  let isRead = false;
  const finish = () => {
    if (isRead && trailers !== undefined && !down.destroyed) down.end(); // either may come first
  };
  up.on('response', (answer, flags) => {
    if (down.destroyed) return;
    const isWhole = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    if (isWhole) ended(answer);
    down.on('wantTrailers', () => down.sendTrailers(trailers ?? {}));
    down.respond(answer, isWhole ? { endStream: true } : { waitForTrailers: true });
  });
  up.on('trailers', (received) => {
    trailers = received;
    ended(received);
    finish();
  });
  up.on('data', (chunk: Buffer) => {
    response.push(chunk);
    if (!down.destroyed) down.write(chunk);
  });
  up.on('end', () => {
    isRead = true;
    finish();
  });
  up.on('close', () => {
    if (trailers === undefined && !down.closed && up.rstCode !== http2.constants.NGHTTP2_NO_ERROR) down.close(up.rstCode);
  });
}

function record(recorder: Recorder, method: Method<unknown, unknown>, mark: string | undefined, request: Buffer[], response: Buffer[], status: http2.IncomingHttpHeaders): void {
  const sent = message(request);
  if (sent === undefined) return;
  const code = Number(status['grpc-status'] ?? 2);
  const received = code === 0 ? message(response) : undefined;
  const outcome: Outcome = received === undefined ? { refusal: refusal(code, status) } : { response: method.response.decode(received) };
  recorder.called(method, mark, method.request.decode(sent), outcome);
}

function refusal(code: number, status: http2.IncomingHttpHeaders) {
  const bytes = status['grpc-status-details-bin'];
  const details = typeof bytes === 'string' ? RpcError.fromStatus(Buffer.from(bytes, 'base64')).details.map((detail) => detail.typeUrl.replace(/.*\//, '')) : [];
  return { code, message: decodeURIComponent(String(status['grpc-message'] ?? '')), details };
}

/** The one message of a unary call. */
function message(chunks: Buffer[]): Buffer | undefined {
  const frame = Buffer.concat(chunks);
  if (frame.length < 5) return undefined;
  const body = frame.subarray(5, 5 + frame.readUInt32BE(1));
  return frame[0] === 1 ? gunzipSync(body) : body;
}
