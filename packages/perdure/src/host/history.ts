/**
 * History as readers get it: durable batches, spliced as bytes. Recent ones come from memory, so that a worker that keeps up never
 * makes the store read; older ones from the store. Nothing is decoded.
 */
import { Code, RpcError } from '../protocol/index.js';
import { Reader } from '../protocol/reader.js';
import type { HistoryBatch, Store } from '../store/store.js';
import { unavailable } from './limits.js';
import type { Resident, TailBatch } from './resident.js';

export interface HistorySlice {
  /** Encoded events, each as field 1 of `temporal.api.history.v1.History`. */
  readonly bytes: Uint8Array;
  /** Id of the last event in it; one less than asked for if there is none. */
  readonly lastEventId: number;
  /** There are later events that are durable and within the limit of `throughEventId`. */
  readonly more: boolean;
}

export interface HistorySliceLimit {
  /** Stop at the border of a batch before this is exceeded. At least one batch is returned, however large. */
  readonly bytes: number;
  /** At most this many batches, of one event or more each. Default: no limit. Many small ones take the store longer than a few large ones. */
  readonly batches?: number | undefined;
  /** Leave out batches that begin after this event. Default: none. */
  readonly throughEventId?: number | undefined;
}

export async function readHistory(store: Store, machine: string, resident: Resident | undefined, fromEventId: number, limit: HistorySliceLimit): Promise<HistorySlice> {
  const recent = resident === undefined ? undefined : fromMemory(resident, fromEventId, limit);
  if (recent !== undefined) return recent;
  const through = limit.throughEventId ?? Number.POSITIVE_INFINITY;
  return reading(async () => {
    const batches = await store.history(machine, fromEventId, limit);
    const lastEventId = batches[batches.length - 1]?.lastEventId ?? fromEventId - 1;
    const isPossible = batches.length > 0 && lastEventId < through;
    const more = isPossible && (await store.history(machine, lastEventId + 1, { bytes: 0, batches: 1 })).length > 0;
    return { bytes: splice(batches, fromEventId), lastEventId, more };
  });
}

/** Durable history that ends with an event. */
export interface HistorySliceBefore {
  /** As in {@link HistorySlice}: in order. The last batch may go on after the event. */
  readonly bytes: Uint8Array;
  /** Id of the first event in it; one more than the event asked for if there is none. */
  readonly firstEventId: number;
}

export async function readHistoryBefore(store: Store, machine: string, throughEventId: number, { bytes, batches }: HistorySliceLimit): Promise<HistorySliceBefore> {
  return reading(async () => {
    const found = [...(await store.history(machine, throughEventId, { bytes, batches, descending: true }))].reverse();
    return { bytes: Buffer.concat(found.map((batch) => batch.bytes)), firstEventId: found[0]?.firstEventId ?? throughEventId + 1 };
  });
}

/** @throws RpcError UNAVAILABLE the store fails, or what it has written can be read by nobody */
async function reading<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof RpcError) throw error;
    throw unavailable('The history cannot be read from the store. Send the request again.', error);
  }
}

/** Undefined: memory does not reach back far enough. */
function fromMemory(resident: Resident, fromEventId: number, limit: HistorySliceLimit): HistorySlice | undefined {
  const durable = resident.durableLastEventId;
  if (fromEventId > durable) return { bytes: new Uint8Array(0), lastEventId: fromEventId - 1, more: false };
  const { tail } = resident;
  const first = tail[0];
  if (first === undefined || first.firstEventId > fromEventId) return undefined;
  const through = Math.min(durable, limit.throughEventId ?? durable);
  const batches: TailBatch[] = [];
  let bytes = 0;
  for (let index = firstBatch(tail, fromEventId); index < tail.length; index++) {
    const batch = tail[index] as TailBatch;
    bytes += batch.bytes.length;
    if (batch.firstEventId > through || (batches.length > 0 && bytes > limit.bytes) || batches.length >= (limit.batches ?? Infinity)) break;
    batches.push(batch);
  }
  const lastEventId = batches[batches.length - 1]?.lastEventId ?? fromEventId - 1;
  return { bytes: splice(batches, fromEventId), lastEventId, more: lastEventId < through };
}

/** All batches after this event, decided or durable; `undefined` if memory does not hold all of them. A batch may begin before the event. */
export function newerBatches({ tail, lastEventId }: Resident, afterEventId: number): readonly HistoryBatch[] | undefined {
  if (lastEventId <= afterEventId) return [];
  const oldest = tail[0];
  if (oldest === undefined || oldest.firstEventId > afterEventId + 1) return undefined;
  return tail.slice(firstBatch(tail, afterEventId + 1));
}

/** Readers want the newest batches: looks from the end. */
function firstBatch(tail: readonly TailBatch[], fromEventId: number): number {
  let index = tail.length - 1;
  while (index > 0 && (tail[index] as TailBatch).firstEventId > fromEventId) index -= 1;
  return index;
}

function splice(batches: readonly HistoryBatch[], fromEventId: number): Uint8Array {
  const parts = batches.map(({ bytes, firstEventId }) => (firstEventId < fromEventId ? skipEvents(bytes, fromEventId - firstEventId) : bytes));
  const [only] = parts;
  if (only === undefined) return new Uint8Array(0);
  return parts.length === 1 ? only : Buffer.concat(parts);
}

/** The batch without its first events: each is a tag, a length and as many bytes. */
function skipEvents(bytes: Uint8Array, count: number): Uint8Array {
  const reader = new Reader(bytes);
  for (let skipped = 0; skipped < count; skipped++) {
    if (reader.pos >= bytes.length) throw new RpcError(Code.DATA_LOSS, 'A history batch holds fewer events than its ids say.');
    reader.skip(reader.uint32());
  }
  return bytes.subarray(reader.pos);
}
