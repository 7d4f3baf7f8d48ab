/**
 * What both ends of an HTTP/2 connection do alike (RFC 9113), as far as gRPC needs it: frames in, frames out, windows, pings, header blocks,
 * the ends of streams. {@link Http2Client} and {@link Http2Server} know which streams there may be.
 *
 * Node's own implementation makes some thirty objects for a call (a stream, its listeners, an asynchronous context); this makes two.
 * Nothing that a peer does can make it keep more than its bounds: the headers of one block, one frame, the windows that it was given, what
 * it does not read. What breaks the protocol ends the connection with the reason; what breaks one stream ends that.
 */
import type { Duplex } from 'node:stream';
import type { WireHeaders } from '../grpc-status.js';
import { BlockAssembler } from './block-assembler.js';
import {
  ConnectionError, DEFAULT_WINDOW_BYTES, ErrorCode, FLAG_ACK, FLAG_END_HEADERS, FLAG_END_STREAM, FRAME_HEADER_BYTES, frameHeader, FrameReader, FrameType, MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES, newFrame, numberFrame, payloadNumber, Setting, settingsFrame, withoutPadding, type Frame,
} from './frames.js';
import { HeaderEncoder } from './hpack-encoder.js';
import { DEFAULT_TABLE_BYTES } from './hpack-table.js';
import { Outbox } from './outbox.js';
import { Http2Stream, type Block } from './stream.js';

/** The side of the connection that this is. Called while frames are read. */
export interface Role {
  /** The peer's first settings are there: it speaks HTTP/2. */
  onReady(): void;
  /** @param headers `undefined`: larger than allowed */
  onBlock(streamId: number, headers: WireHeaders | undefined, endsStream: boolean): void;
  /** Whether there has been a stream of this id. A frame for one that never was ends the connection. */
  hasBeen(streamId: number): boolean;
  /** The peer has reset a stream that was open. */
  onReset(): void;
  onGoAway(lastStreamId: number): void;
  /** No stream is open any more. */
  onIdle(): void;
  /** Once, and last: every stream has been closed. */
  onClosed(): void;
}

export interface EndpointOptions {
  /** What begins the connection, sent or awaited. */
  readonly sends?: Buffer;
  readonly awaits?: Buffer;
  readonly settings: readonly (readonly [Setting, number])[];
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly maxHeaderBytes: number;
  /** What a peer may leave unread. */
  readonly maxUnreadBytes: number;
  /** Whose end makes the other side's pointless: a stream is over with its reply, whether or not all of the request has come. */
  readonly decisiveEnd: 'local' | 'remote';
}

/** With more than this unread, bodies wait: so what is unread beyond it are answers to what the peer keeps asking. */
const MOST_UNREAD_BYTES = 1024 * 1024;
/** How long a peer has to close a connection that is over. */
const FINISH_TIMEOUT_MS = 1000;

export class Http2Endpoint {
  readonly streams = new Map<number, Http2Stream>();
  maxConcurrentStreams = Infinity;
  /** Of headers, as the peer says. */
  maxHeaderListBytes = Infinity;
  closed = false;
  /** Why it is closed, if something is to blame. */
  closedBecause: Error | undefined;
  readonly #socket: Duplex;
  readonly #outbox: Outbox;
  readonly #role: Role;
  readonly #options: EndpointOptions;
  readonly #frames: FrameReader;
  readonly #encoder = new HeaderEncoder();
  readonly #blocks: BlockAssembler;
  /** Streams whose body waits for the peer's window, the one that waits longest first. */
  readonly #blocked = new Set<Http2Stream>();
  readonly #pings: (() => void)[] = [];
  #sendWindow = DEFAULT_WINDOW_BYTES;
  #initialSendWindow = DEFAULT_WINDOW_BYTES;
  #maxFrameBytes = MAX_FRAME_BYTES;
  #unacknowledgedBytes = 0;
  #isReady = false;

  /** @param socket connected, and nobody else's from now on */
  constructor(socket: Duplex, role: Role, options: EndpointOptions) {
    this.#socket = socket;
    this.#outbox = new Outbox(socket);
    this.#role = role;
    this.#options = options;
    this.#frames = new FrameReader(options.awaits);
    this.#blocks = new BlockAssembler(options.maxHeaderBytes);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.#unblock());
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    if (options.sends !== undefined) this.#outbox.push(options.sends);
    this.#outbox.push(settingsFrame([...options.settings, [Setting.INITIAL_WINDOW_SIZE, options.streamWindowBytes], [Setting.MAX_HEADER_LIST_SIZE, options.maxHeaderBytes]]));
    this.#outbox.push(numberFrame(FrameType.WINDOW_UPDATE, 0, options.connectionWindowBytes - DEFAULT_WINDOW_BYTES));
  }

  /** A stream begins: what arrives for it goes to its observer. */
  add(id: number, observer: Http2Stream['observer']): Http2Stream {
    const stream = new Http2Stream(id, observer, this.#initialSendWindow);
    this.streams.set(id, stream);
    return stream;
  }

  sendHeaders(stream: Http2Stream, { key, common, own }: Block, endsStream = false): void {
    if (stream.closed) return;
    const block = this.#encoder.encode(key, common, own);
    for (let at = 0; at === 0 || at < block.length; at += this.#maxFrameBytes) {
      const part = block.subarray(at, at + this.#maxFrameBytes);
      const flags = (at === 0 && endsStream ? FLAG_END_STREAM : 0) | (at + part.length < block.length ? 0 : FLAG_END_HEADERS);
      this.#outbox.push(frameHeader(at === 0 ? FrameType.HEADERS : FrameType.CONTINUATION, flags, stream.id, part.length));
      this.#outbox.push(part);
    }
    if (endsStream) this.#endLocally(stream);
  }

  /** Sends a part of the body, as the peer's windows allow, and with the last one what ends the stream. */
  sendBody(stream: Http2Stream, body: Buffer, end?: Block | true): void {
    if (stream.closed) return;
    stream.unsent = stream.unsent === undefined ? body : Buffer.concat([stream.unsent, body]);
    stream.end = end;
    this.#pump(stream);
  }

  /** Whoever reads a stream by hand is done with this much. */
  acknowledge(stream: Http2Stream, bytes: number): void {
    if (stream.closed || stream.remoteEnded || bytes === 0) return;
    stream.unacknowledgedBytes -= bytes;
    this.#outbox.push(numberFrame(FrameType.WINDOW_UPDATE, stream.id, bytes));
  }

  /** Ends a stream early. */
  reset(stream: Http2Stream, code: ErrorCode): void {
    if (stream.closed) return;
    this.refuse(stream.id, code);
    this.#close(stream, code);
  }

  /** A stream ends without the peer being told, because it knows. */
  drop(stream: Http2Stream, code: ErrorCode): void {
    this.#close(stream, code);
  }

  /** Ends a stream that nobody serves. */
  refuse(streamId: number, code: ErrorCode): void {
    this.#outbox.push(numberFrame(FrameType.RST_STREAM, streamId, code));
  }

  ping(onAnswer: () => void): void {
    if (this.closed) return;
    this.#pings.push(onAnswer);
    this.#outbox.push(newFrame(FrameType.PING, 0, 0, 8).fill(0, FRAME_HEADER_BYTES));
  }

  goAway(lastStreamId: number, code: ErrorCode): void {
    const frame = newFrame(FrameType.GOAWAY, 0, 0, 8);
    frame.writeUInt32BE(lastStreamId, FRAME_HEADER_BYTES);
    frame.writeUInt32BE(code, FRAME_HEADER_BYTES + 4);
    this.#outbox.push(frame);
  }

  /** Closes the socket once everything has been written. Nothing that arrives matters any more. */
  finish(): void {
    this.#outbox.flush();
    this.#socket.end();
    setTimeout(() => this.destroy(), FINISH_TIMEOUT_MS).unref();
  }

  /** Ends the connection at once. */
  destroy(reason?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.closedBecause = reason;
    this.#socket.destroy();
    for (const stream of [...this.streams.values()]) this.#close(stream, undefined);
    this.#role.onClosed();
  }

  #receive(chunk: Buffer): void {
    if (this.closed) return;
    try {
      for (const frame of this.#frames.read(chunk)) {
        this.#take(frame);
        if (this.closed) return;
      }
      if (this.#outbox.bytes > this.#options.maxUnreadBytes) throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'the peer does not read what it asks for');
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.goAway(0, error.code);
      this.#outbox.flush();
      this.destroy(error);
    }
  }

  #take({ type, flags, streamId, payload }: Frame): void {
    if (!this.#isReady && type !== FrameType.SETTINGS) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'the peer does not begin with its settings');
    if (type === FrameType.HEADERS || type === FrameType.CONTINUATION || this.#blocks.isOpen) return this.#takeBlock(type, flags, streamId, payload);
    switch (type) {
      case FrameType.DATA:
        return this.#takeData(streamId, flags, payload);
      case FrameType.RST_STREAM:
        return this.#takeReset(streamId, payloadNumber(payload));
      case FrameType.SETTINGS:
        return this.#takeSettings(flags, payload);
      case FrameType.PING:
        return this.#takePing(flags, payload);
      case FrameType.GOAWAY:
        if (payload.length < 8) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'a farewell of a wrong length');
        return this.#role.onGoAway(payload.readUInt32BE(0) & MAX_WINDOW_BYTES);
      case FrameType.WINDOW_UPDATE:
        return this.#takeWindow(streamId, payloadNumber(payload) & MAX_WINDOW_BYTES);
      case FrameType.PUSH_PROMISE:
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'the peer pushes, which it must not');
      default:
      // Priorities, and what later versions add, mean nothing here.
    }
  }

  #takeBlock(type: FrameType, flags: number, streamId: number, payload: Buffer): void {
    const block = this.#blocks.push(type, flags, streamId, payload);
    if (block !== undefined) this.#role.onBlock(streamId, block.headers, block.endsStream);
  }

  #takeData(streamId: number, flags: number, payload: Buffer): void {
    const { streamWindowBytes, connectionWindowBytes } = this.#options;
    const stream = this.#known(streamId);
    this.#unacknowledgedBytes += payload.length;
    if (this.#unacknowledgedBytes >= connectionWindowBytes / 2) {
      if (this.#unacknowledgedBytes > connectionWindowBytes) throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'the peer sends more than it may');
      this.#outbox.push(numberFrame(FrameType.WINDOW_UPDATE, 0, this.#unacknowledgedBytes));
      this.#unacknowledgedBytes = 0;
    }
    // Of a stream that was reset: on its way when it was.
    if (stream === undefined) return;
    // Ending only the stream would let the peer have any number of calls begun and thrown away.
    if (stream.remoteEnded) throw new ConnectionError(ErrorCode.STREAM_CLOSED, 'data follows the end of a stream');
    const endsStream = (flags & FLAG_END_STREAM) !== 0;
    stream.unacknowledgedBytes += payload.length;
    if (stream.unacknowledgedBytes > streamWindowBytes) throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'the peer sends more than it may');
    if (!endsStream && !stream.readsByHand && stream.unacknowledgedBytes >= streamWindowBytes / 2) {
      this.#outbox.push(numberFrame(FrameType.WINDOW_UPDATE, streamId, stream.unacknowledgedBytes));
      stream.unacknowledgedBytes = 0;
    }
    const bytes = withoutPadding(flags, payload);
    if (stream.readsByHand) this.acknowledge(stream, payload.length - bytes.length);
    if (bytes.length > 0) stream.observer.onData(bytes);
    if (endsStream) this.endRemotely(stream);
  }

  /** The peer has sent everything on a stream. */
  endRemotely(stream: Http2Stream): void {
    if (stream.closed) return;
    stream.remoteEnded = true;
    stream.observer.onEnd();
    if (stream.localEnded) this.#close(stream, ErrorCode.NO_ERROR);
    else if (this.#options.decisiveEnd === 'remote') this.reset(stream, ErrorCode.NO_ERROR);
  }

  #takeReset(streamId: number, code: ErrorCode): void {
    const stream = this.#known(streamId);
    if (stream === undefined) return;
    this.#role.onReset();
    this.#close(stream, code);
  }

  #takeSettings(flags: number, payload: Buffer): void {
    if ((flags & FLAG_ACK) !== 0) return;
    if (payload.length % 6 !== 0) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'settings of a wrong length');
    for (let at = 0; at < payload.length; at += 6) this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    this.#outbox.push(newFrame(FrameType.SETTINGS, FLAG_ACK, 0, 0));
    this.#unblock();
    if (this.#isReady) return;
    this.#isReady = true;
    this.#role.onReady();
  }

  #set(setting: Setting, value: number): void {
    switch (setting) {
      case Setting.HEADER_TABLE_SIZE:
        if (value < DEFAULT_TABLE_BYTES) this.#encoder.forget();
        return;
      case Setting.MAX_CONCURRENT_STREAMS:
        this.maxConcurrentStreams = value;
        return;
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW_BYTES) throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'a window is too large');
        for (const stream of this.streams.values()) stream.sendWindow += value - this.#initialSendWindow;
        this.#initialSendWindow = value;
        return;
      case Setting.MAX_FRAME_SIZE:
        if (value < MAX_FRAME_BYTES || value > 2 ** 24 - 1) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'a limit of frames is out of range');
        this.#maxFrameBytes = value;
        return;
      case Setting.MAX_HEADER_LIST_SIZE:
        this.maxHeaderListBytes = value;
        return;
      default:
      // What later versions add.
    }
  }

  #takePing(flags: number, payload: Buffer): void {
    if (payload.length !== 8) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'a ping of a wrong length');
    if ((flags & FLAG_ACK) !== 0) return this.#pings.shift()?.();
    const answer = newFrame(FrameType.PING, FLAG_ACK, 0, 8);
    payload.copy(answer, FRAME_HEADER_BYTES);
    this.#outbox.push(answer);
  }

  #takeWindow(streamId: number, bytes: number): void {
    const stream = streamId === 0 ? undefined : this.#known(streamId);
    if (streamId !== 0 && stream === undefined) return;
    const window = (stream?.sendWindow ?? this.#sendWindow) + bytes;
    if (bytes === 0 || window > MAX_WINDOW_BYTES) throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'a window grows by nothing or too much');
    if (stream === undefined) this.#sendWindow = window;
    else stream.sendWindow = window;
    this.#unblock();
  }

  /** The stream, if it is open. @throws ConnectionError if there never was one */
  #known(streamId: number): Http2Stream | undefined {
    const stream = this.streams.get(streamId);
    if (stream === undefined && !this.#role.hasBeen(streamId)) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `there is no stream ${streamId}`);
    return stream;
  }

  #close(stream: Http2Stream, code: ErrorCode | undefined): void {
    if (stream.closed) return;
    stream.closed = true;
    stream.unsent = undefined;
    this.streams.delete(stream.id);
    this.#blocked.delete(stream);
    stream.observer.onClosed(code);
    if (this.streams.size === 0 && !this.closed) this.#role.onIdle();
  }

  #endLocally(stream: Http2Stream): void {
    stream.localEnded = true;
    if (stream.remoteEnded) this.#close(stream, ErrorCode.NO_ERROR);
    else if (this.#options.decisiveEnd === 'local') this.reset(stream, ErrorCode.NO_ERROR);
  }

  /** Sends of a body as much as the windows allow, and as the peer reads. */
  #pump(stream: Http2Stream): void {
    while (stream.unsent !== undefined) {
      const bytes = Math.max(0, Math.min(stream.unsent.length, this.#maxFrameBytes, stream.sendWindow, this.#sendWindow));
      if (stream.unsent.length > 0 && (bytes === 0 || this.#outbox.bytes > MOST_UNREAD_BYTES)) return void this.#blocked.add(stream);
      const isLast = bytes === stream.unsent.length;
      const endsStream = isLast && stream.end === true;
      if (bytes > 0 || endsStream) this.#outbox.push(frameHeader(FrameType.DATA, endsStream ? FLAG_END_STREAM : 0, stream.id, bytes));
      if (bytes > 0) this.#outbox.push(isLast ? stream.unsent : stream.unsent.subarray(0, bytes));
      stream.sendWindow -= bytes;
      this.#sendWindow -= bytes;
      stream.unsent = isLast ? undefined : stream.unsent.subarray(bytes);
    }
    this.#blocked.delete(stream);
    if (stream.end === true) this.#endLocally(stream);
    else if (stream.end !== undefined) this.sendHeaders(stream, stream.end, true);
  }

  #unblock(): void {
    for (const stream of this.#blocked) {
      if (this.#sendWindow <= 0 || this.#outbox.bytes > MOST_UNREAD_BYTES) return;
      this.#pump(stream);
    }
  }
}
