/** The bounds of the host. Every one is reached on purpose in a test; none may be taken away. */
import { Code, RpcError } from '../protocol/index.js';

export interface HostLimits {
  /** Inputs that wait for one machine to be loaded. Default: 1,000. */
  readonly mailboxInputs: number;
  /** Inputs that wait for machines to be loaded, all together. Default: 50,000. */
  readonly waitingInputs: number;
  /** Records decided and not yet durable; beyond it inputs are refused. Default: 20,000. */
  readonly pendingRecords: number;
  /** Bytes of records decided and not yet durable. Default: 128 MiB. */
  readonly pendingBytes: number;
  /** Most records of one commit. Default: 1,000. */
  readonly groupRecords: number;
  /** Most bytes of one commit, unless one step alone is larger. Default: 4 MiB. */
  readonly groupBytes: number;
  /** Machines kept in memory. Default: 50,000. */
  readonly cachedMachines: number;
  /** Bytes of machines kept in memory. Default: 256 MiB. */
  readonly cachedBytes: number;
  /** Recent history kept in memory for each machine. Default: 64 KiB. */
  readonly tailBytes: number;
  /** A snapshot is written after this many records... Default: 500. */
  readonly snapshotRecords: number;
  /** ...or this many bytes, and never before half the bytes of the last snapshot. Default: 256 KiB. */
  readonly snapshotBytes: number;
  /** An evicted machine gets a snapshot if a load would fold more records than this. Default: 50. */
  readonly evictionRecords: number;
  /** Messages between machines under way at once. Default: 256. */
  readonly deliveries: number;
  /** Machines loaded at once because they are due. Default: 64. */
  readonly recoveryLoads: number;
  /** Calls of `changed` that wait. Default: 50,000. */
  readonly changeWaiters: number;
}

export const DEFAULT_LIMITS: HostLimits = {
  mailboxInputs: 1_000,
  waitingInputs: 50_000,
  pendingRecords: 20_000,
  pendingBytes: 128 * 1024 * 1024,
  groupRecords: 1_000,
  groupBytes: 4 * 1024 * 1024,
  cachedMachines: 50_000,
  cachedBytes: 256 * 1024 * 1024,
  tailBytes: 64 * 1024,
  snapshotRecords: 500,
  snapshotBytes: 256 * 1024,
  evictionRecords: 50,
  deliveries: 256,
  recoveryLoads: 64,
  changeWaiters: 50_000,
};

/** Retryable: the store cannot be reached, or the host closes. Nothing of the input took effect, or the store says so on the retry. */
export function unavailable(message: string, cause?: unknown): RpcError {
  return new RpcError(Code.UNAVAILABLE, message, [], { cause });
}

export const CLOSING = 'The server is shutting down. Send the request again; another server, or this one once it is back, takes it.';
