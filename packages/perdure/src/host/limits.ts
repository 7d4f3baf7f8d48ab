/** The bounds of the host. Every one is reached on purpose in a test; none may be taken away. */
import { defaultsOf, type LimitTable, type LimitValues } from '../machines/limit-table.js';
import { Code, RpcError } from '../protocol/index.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const OVERLOADED = 'RESOURCE_EXHAUSTED, cause SYSTEM_OVERLOADED';

export const HOST_LIMITS = {
  mailboxInputs: { key: 'host.mailboxInputs', default: 1_000, unit: 'count', least: 1, of: 'inputs that wait for one machine to be loaded', beyond: 'RESOURCE_EXHAUSTED, cause BUSY_WORKFLOW', perServer: true },
  waitingInputs: { key: 'host.waitingInputs', default: 50_000, unit: 'count', least: 1, of: 'inputs that wait for machines to be loaded, all together', beyond: OVERLOADED, perServer: true },
  pendingRecords: { key: 'host.pendingRecords', default: 20_000, unit: 'count', least: 1, of: 'records decided and not yet durable', beyond: OVERLOADED, perServer: true },
  pendingBytes: { key: 'host.pendingBytes', default: 128 * MIB, unit: 'bytes', least: 1, of: 'records decided and not yet durable', beyond: OVERLOADED, perServer: true },
  groupRecords: { key: 'host.groupRecords', default: 1_000, unit: 'count', least: 1, of: 'records of one commit', beyond: 'the next commit takes them', perServer: true },
  groupBytes: { key: 'host.groupBytes', default: 4 * MIB, unit: 'bytes', least: 1, of: 'records of one commit, unless one step alone is larger', beyond: 'the next commit takes them', perServer: true },
  stepBytes: { key: 'system.transactionSizeLimit', default: 64 * MIB, unit: 'bytes', least: 1, of: 'what one request makes one machine write', beyond: 'INVALID_ARGUMENT', perServer: true },
  commitWatchMs: { key: 'host.commitWatch', default: 30_000, unit: 'ms', least: 1, of: 'the wait for a commit to end', beyond: 'callers get UNAVAILABLE, and the log says it; the commit goes on', perServer: true },
  cachedMachines: { key: 'host.cachedMachines', default: 50_000, unit: 'count', of: 'machines kept in memory', beyond: 'the one used longest ago leaves', perServer: true },
  cachedBytes: { key: 'host.cachedBytes', default: 256 * MIB, unit: 'bytes', of: 'machines kept in memory', beyond: 'the one used longest ago leaves', perServer: true },
  tailBytes: { key: 'host.tailBytes', default: 64 * KIB, unit: 'bytes', of: 'recent history kept in memory for each machine', beyond: 'older history is read from the store', perServer: true },
  snapshotRecords: { key: 'host.snapshotRecords', default: 500, unit: 'count', least: 1, of: 'records since the last snapshot of a machine', beyond: 'a snapshot is written', perServer: true },
  snapshotBytes: { key: 'host.snapshotBytes', default: 256 * KIB, unit: 'bytes', least: 1, of: 'records since the last snapshot of a machine', beyond: 'a snapshot is written, but never before half the bytes of the last one', perServer: true },
  evictionRecords: { key: 'host.evictionRecords', default: 50, unit: 'count', of: 'records that loading an evicted machine folds', beyond: 'it leaves with a snapshot', perServer: true },
  deliveries: { key: 'host.deliveries', default: 256, unit: 'count', least: 1, of: 'messages between machines under way', beyond: 'they wait', perServer: true },
  recoveryLoads: { key: 'host.recoveryLoads', default: 64, unit: 'count', least: 1, of: 'machines loaded at once because they are due', beyond: 'they wait', perServer: true },
  changeWaiters: { key: 'host.changeWaiters', default: 50_000, unit: 'count', of: 'calls that wait for a machine to change', beyond: 'RESOURCE_EXHAUSTED, cause CONCURRENT_LIMIT', perServer: true },
} satisfies LimitTable;

export type HostLimits = LimitValues<typeof HOST_LIMITS>;

export const DEFAULT_LIMITS: HostLimits = defaultsOf(HOST_LIMITS);

/** Retryable: the store cannot be reached, or the host closes. Nothing of the input took effect, or the store says so on the retry. */
export function unavailable(message: string, cause?: unknown): RpcError {
  return new RpcError(Code.UNAVAILABLE, message, [], { cause });
}

export const STUCK = 'The store does not answer at the moment. Send the request again later.';
export const CLOSING = 'The server is shutting down. Send the request again; another server, or this one once it is back, takes it.';
