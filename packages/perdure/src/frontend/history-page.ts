/** Pages of a run's history, cut from stored bytes. */
import type { Host } from '../host/host.js';
import { EMPTY } from '../protocol/index.js';
import { beginsWith, sliceHistory } from './history-events.js';

/** Clients with gRPC's own default receive at most 4 MiB; a batch may go beyond the page by a little. */
const HISTORY_PAGE_BYTES = 3 * 1024 * 1024;
/** Reading a page holds up everything else: this many batches take the store a few milliseconds. */
const HISTORY_PAGE_BATCHES = 2_000;
/** For workers, which want it all. */
const HISTORY_PAGE_EVENTS = 10_000;

interface HistoryPage {
  readonly bytes: Uint8Array;
  /** Id of the last event in the page; `from - 1` if there is none. */
  readonly lastEventId: number;
  /** There are events up to `to` beyond this page. */
  readonly more: boolean;
}

interface PageLimit {
  readonly maxEvents?: number;
  readonly maxBatches?: number;
}

/** The stored events from `from` to `to`, as many as fit into a page, at most `maxEvents`, out of at most `maxBatches` batches. */
export async function readPage(host: Host, runId: string, from: number, to: number, { maxEvents = HISTORY_PAGE_EVENTS, maxBatches = HISTORY_PAGE_BATCHES }: PageLimit = {}): Promise<HistoryPage> {
  if (from > to) return { bytes: EMPTY, lastEventId: from - 1, more: false };
  const throughEventId = Math.min(to, from + maxEvents - 1);
  const read = await host.history(runId, from, { bytes: HISTORY_PAGE_BYTES, batches: Math.min(maxBatches, HISTORY_PAGE_BATCHES), throughEventId });
  // The usual case, without a look at the events: the batches are exactly what was asked for.
  if (read.lastEventId <= throughEventId && beginsWith(read.bytes, from)) return page(read.bytes, read.lastEventId, from, to);
  const slice = sliceHistory(read.bytes, from, throughEventId);
  return page(slice.bytes, slice.lastEventId, from, to);
}

/** Whole batches that end with the event `to`, in ascending order, as many as fit into a page. */
export async function readPageBefore(host: Host, runId: string, to: number, maxBatches: number): Promise<{ readonly bytes: Uint8Array; readonly firstEventId: number }> {
  const { bytes, firstEventId } = await host.historyBefore(runId, to, { bytes: HISTORY_PAGE_BYTES, batches: Math.min(maxBatches, HISTORY_PAGE_BATCHES) });
  return { bytes: sliceHistory(bytes, firstEventId, to).bytes, firstEventId };
}

/** There is more up to `to`, which is in the store, unless nothing at all was found: that must not send a reader round for ever. */
function page(bytes: Uint8Array, lastEventId: number, from: number, to: number): HistoryPage {
  return lastEventId < from ? { bytes: EMPTY, lastEventId: from - 1, more: false } : { bytes, lastEventId, more: lastEventId < to };
}
