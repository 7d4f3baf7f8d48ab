/**
 * The client's side of a connection: requests are given whole, replies are handed on as they come. The server pushes nothing.
 */
import type { Duplex } from 'node:stream';
import type { WireHeaders } from '../grpc-status.js';
import { Http2Endpoint, type Role } from './endpoint.js';
import { ConnectionError, ErrorCode, PREFACE, Setting } from './frames.js';
import type { Block, Http2Stream, StreamObserver } from './stream.js';

/** What becomes of a connection. */
export interface ClientObserver {
  /** The server speaks HTTP/2. */
  onReady(): void;
  /** The server takes no more requests. */
  onGoAway(): void;
  /** Once, and last: every stream has been closed. */
  onClosed(reason: Error | undefined): void;
}

export class Http2Client implements Role {
  readonly #endpoint: Http2Endpoint;
  readonly #observer: ClientObserver;
  #nextStreamId = 1;
  #goneAway = false;

  /** @param socket connected, and nobody else's from now on */
  constructor(socket: Duplex, observer: ClientObserver) {
    this.#observer = observer;
    this.#endpoint = new Http2Endpoint(socket, this, {
      sends: PREFACE,
      settings: [[Setting.ENABLE_PUSH, 0]],
      streamWindowBytes: 4 * 1024 * 1024,
      connectionWindowBytes: 32 * 1024 * 1024,
      maxHeaderBytes: 256 * 1024,
      maxUnreadBytes: 256 * 1024 * 1024,
      decisiveEnd: 'remote',
    });
  }

  get closed(): boolean {
    return this.#endpoint.closed;
  }

  /** Why it is closed, if something is to blame. */
  get closedBecause(): Error | undefined {
    return this.#endpoint.closedBecause;
  }

  get maxConcurrentStreams(): number {
    return this.#endpoint.maxConcurrentStreams;
  }

  /** Sends a request. @throws Error if the connection takes none any more */
  open(headers: Block, body: Buffer, observer: StreamObserver): Http2Stream {
    if (this.closed || this.#goneAway) throw new Error('the connection takes no more requests');
    const stream = this.#endpoint.add(this.#nextStreamId, observer);
    this.#nextStreamId += 2;
    this.#endpoint.sendHeaders(stream, headers);
    this.#endpoint.sendBody(stream, body, true);
    return stream;
  }

  /** Ends a stream early. */
  reset(stream: Http2Stream, code: ErrorCode): void {
    this.#endpoint.reset(stream, code);
  }

  ping(onAnswer: () => void): void {
    this.#endpoint.ping(onAnswer);
  }

  /** Ends the connection at once. */
  destroy(reason?: Error): void {
    this.#endpoint.destroy(reason);
  }

  onReady(): void {
    this.#observer.onReady();
  }

  onBlock(streamId: number, headers: WireHeaders | undefined, endsStream: boolean): void {
    if (!this.hasBeen(streamId)) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `there is no stream ${streamId}`);
    const stream = this.#endpoint.streams.get(streamId);
    if (stream === undefined) return;
    if (headers === undefined) return this.reset(stream, ErrorCode.ENHANCE_YOUR_CALM);
    // An interim answer is not the reply.
    if (!String(headers[':status'] ?? '').startsWith('1')) stream.observer.onHeaders(headers);
    if (endsStream) this.#endpoint.endRemotely(stream);
  }

  hasBeen(streamId: number): boolean {
    return streamId % 2 === 1 && streamId < this.#nextStreamId;
  }

  onReset(): void {}

  onGoAway(lastStreamId: number): void {
    this.#goneAway = true;
    this.#observer.onGoAway();
    for (const stream of [...this.#endpoint.streams.values()]) if (stream.id > lastStreamId) this.#endpoint.drop(stream, ErrorCode.REFUSED_STREAM);
    if (this.#endpoint.streams.size === 0) this.#endpoint.destroy();
  }

  onIdle(): void {
    if (this.#goneAway) this.#endpoint.destroy();
  }

  onClosed(): void {
    this.#observer.onClosed(this.closedBecause);
  }
}
