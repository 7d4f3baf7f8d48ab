/** One request and its reply on a connection. Only the endpoint changes it; whoever made or serves it is told through its observer. */
import type { WireHeaders } from '../grpc-status.js';
import type { ErrorCode } from './frames.js';

/** What becomes of a stream. Each is called while a frame is being read, so none may throw. */
export interface StreamObserver {
  /** Headers, or trailers. */
  onHeaders(headers: WireHeaders): void;
  /** A part of the body. The bytes stay as they are. */
  onData(bytes: Buffer): void;
  /** The peer has sent everything. */
  onEnd(): void;
  /** Once, and last. NO_ERROR: both sides were done. Another code: whoever ended the stream gave it. `undefined`: the connection is gone. */
  onClosed(code: ErrorCode | undefined): void;
}

/** A header block to be. Equal headers under an equal key: it is made once. */
export interface Block {
  readonly key: string;
  readonly common: Readonly<Record<string, string>>;
  /** Of this block alone. */
  readonly own?: Readonly<Record<string, string>>;
}

export class Http2Stream {
  observer: StreamObserver;
  /** What the peer still takes of the body. */
  sendWindow: number;
  /** The part of the body that has not been sent. */
  unsent: Buffer | undefined;
  /** What follows the body: `true`: nothing does, it is the end. */
  end: Block | true | undefined;
  /** Whoever reads the body says when the peer may send more; otherwise it may as soon as something has arrived. */
  readsByHand = false;
  /** What has arrived since the peer was last allowed to send more. */
  unacknowledgedBytes = 0;
  /** We have sent everything. */
  localEnded = false;
  /** The peer has sent everything. */
  remoteEnded = false;
  closed = false;

  constructor(
    readonly id: number,
    observer: StreamObserver,
    sendWindow: number,
  ) {
    this.observer = observer;
    this.sendWindow = sendWindow;
  }
}
