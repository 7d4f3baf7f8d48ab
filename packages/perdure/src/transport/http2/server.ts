/**
 * The server's side of a connection: requests come in as streams, replies are headers, a body and trailers.
 *
 * The peer is anybody. A request that is malformed is reset, so that the others on its connection live on. Who resets more streams than a
 * client has reason to is sent away: each costs the server a call, and the client nothing.
 */
import type { Duplex } from 'node:stream';
import type { WireHeaders } from '../grpc-status.js';
import { Http2Endpoint, type Role } from './endpoint.js';
import { ConnectionError, ErrorCode, PREFACE, Setting } from './frames.js';
import type { Block, Http2Stream, StreamObserver } from './stream.js';

export interface ServerObserver {
  /** A request has begun. Whoever is given back is told of the rest. */
  onRequest(stream: ServerStream, headers: WireHeaders): StreamObserver;
  /** Once, and last: every stream has been closed. */
  onClosed(): void;
}

export interface ServerLimits {
  readonly streamsPerConnection: number;
  /** How many streams a client may reset: at once, and then in a second. */
  readonly resetBurst: number;
  readonly resetsPerSecond: number;
}

export class Http2Server implements Role {
  readonly #endpoint: Http2Endpoint;
  readonly #observer: ServerObserver;
  readonly #limits: ServerLimits;
  #lastStreamId = 0;
  #resets = 0;
  #resetsAtMs = 0;
  #closing = false;

  /** @param socket connected, and nobody else's from now on */
  constructor(socket: Duplex, observer: ServerObserver, limits: ServerLimits) {
    this.#observer = observer;
    this.#limits = limits;
    this.#endpoint = new Http2Endpoint(socket, this, {
      awaits: PREFACE,
      settings: [[Setting.MAX_CONCURRENT_STREAMS, limits.streamsPerConnection]],
      streamWindowBytes: 1024 * 1024,
      connectionWindowBytes: 16 * 1024 * 1024,
      maxHeaderBytes: 64 * 1024,
      maxUnreadBytes: 8 * 1024 * 1024,
      decisiveEnd: 'local',
    });
  }

  get closed(): boolean {
    return this.#endpoint.closed;
  }

  ping(onAnswer: () => void): void {
    this.#endpoint.ping(onAnswer);
  }

  /** Takes no more requests, and ends with the last one that is under way. */
  close(): void {
    if (this.#closing || this.closed) return;
    this.#closing = true;
    this.#endpoint.goAway(this.#lastStreamId, ErrorCode.NO_ERROR);
    this.onIdle();
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#endpoint.destroy();
  }

  onReady(): void {}

  onBlock(streamId: number, headers: WireHeaders | undefined, endsStream: boolean): void {
    if (streamId > this.#lastStreamId && streamId % 2 === 1) return this.#begin(streamId, headers, endsStream);
    if (!this.hasBeen(streamId)) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `a client cannot begin stream ${streamId}`);
    const stream = this.#endpoint.streams.get(streamId);
    if (stream === undefined) return;
    // Trailers of a request: they end it, and gRPC has none.
    if (!endsStream || stream.remoteEnded) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'headers in the middle of a request, or after it');
    this.#endpoint.endRemotely(stream);
  }

  hasBeen(streamId: number): boolean {
    return streamId % 2 === 1 && streamId <= this.#lastStreamId;
  }

  onReset(): void {
    const { resetBurst, resetsPerSecond } = this.#limits;
    const now = performance.now();
    this.#resets = Math.max(0, this.#resets - ((now - this.#resetsAtMs) / 1000) * resetsPerSecond) + 1;
    this.#resetsAtMs = now;
    if (this.#resets > resetBurst) throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'the client resets too many streams');
  }

  /** A client that goes away has its answers all the same. */
  onGoAway(): void {
    this.close();
  }

  onIdle(): void {
    if (this.#closing && this.#endpoint.streams.size === 0) this.#endpoint.finish();
  }

  onClosed(): void {
    this.#observer.onClosed();
  }

  #begin(streamId: number, headers: WireHeaders | undefined, endsStream: boolean): void {
    this.#lastStreamId = streamId;
    // It came after our farewell: the client sends it elsewhere.
    if (this.#closing) return;
    if (this.#endpoint.streams.size >= this.#limits.streamsPerConnection) return this.#endpoint.refuse(streamId, ErrorCode.REFUSED_STREAM);
    if (headers === undefined) return this.#endpoint.refuse(streamId, ErrorCode.ENHANCE_YOUR_CALM);
    if (!isWellFormed(headers)) return this.#endpoint.refuse(streamId, ErrorCode.PROTOCOL_ERROR);
    const stream = this.#endpoint.add(streamId, NOBODY);
    stream.observer = this.#observer.onRequest(new ServerStream(this.#endpoint, stream), headers);
    if (endsStream) this.#endpoint.endRemotely(stream);
  }
}

/** One request, as whoever serves it sees it. A client may vanish at any moment: nothing here throws because of it. */
export class ServerStream {
  constructor(
    private readonly endpoint: Http2Endpoint,
    private readonly stream: Http2Stream,
  ) {}

  get isGone(): boolean {
    return this.stream.closed;
  }

  /** How much of headers the client takes, in bytes. */
  get maxHeaderBytes(): number {
    return this.endpoint.maxHeaderListBytes;
  }

  /** The whole of a reply. */
  reply(headers: Block, body: Buffer, trailers: Block): void {
    this.respond(headers);
    this.write(body, trailers);
  }

  /** A reply that is nothing but headers. */
  replyWithHeaders(headers: Block): void {
    this.endpoint.sendHeaders(this.stream, headers, true);
  }

  respond(headers: Block): void {
    this.endpoint.sendHeaders(this.stream, headers);
  }

  /** A part of the body. With trailers it is the last one. */
  write(body: Buffer, trailers?: Block): void {
    this.endpoint.sendBody(this.stream, body, trailers);
  }

  /** From now on the client may send more only after {@link acknowledge}. */
  readByHand(): void {
    this.stream.readsByHand = true;
  }

  acknowledge(bytes: number): void {
    this.endpoint.acknowledge(this.stream, bytes);
  }
}

/** What a request must have and must not have (RFC 9113, section 8). What the frontend does not look at need not be right. */
function isWellFormed(headers: WireHeaders): boolean {
  if (headers[':method'] === undefined || headers[':path'] === undefined || headers[':status'] !== undefined || headers['connection'] !== undefined) return false;
  for (const name in headers) if (/[A-Z]/.test(name)) return false;
  return true;
}

const NOBODY: StreamObserver = { onHeaders() {}, onData() {}, onEnd() {}, onClosed() {} };
