/** Pages of a run's history, cut from stored bytes. */
import type { Host } from '../host/host.js';
import { EMPTY } from '../protocol/index.js';
import { beginsWith, sliceHistory } from './history-events.js';

/** Clients with gRPC's own default receive at most 4 MiB; a batch may go beyond the page by a little. */
const HISTORY_PAGE_BYTES = 3 * 1024 * 1024;

interface HistoryPage {
  readonly bytes: Uint8Array;
  /** Id of the last event in the page; `from - 1` if there is none. */
  readonly lastEventId: number;
  /** There are events up to `to` beyond this page. */
  readonly more: boolean;
}

/** The stored events from `from` to `to`, as many as fit into a page, at most `maxEvents`. */
export async function readPage(host: Host, runId: string, from: number, to: number, maxEvents?: number): Promise<HistoryPage> {
  if (from > to) return { bytes: EMPTY, lastEventId: from - 1, more: false };
  const read = await host.history(runId, from, { bytes: HISTORY_PAGE_BYTES });
  // The usual case, without a look at the events: the batches are exactly what was asked for.
  if (maxEvents === undefined && read.lastEventId <= to && beginsWith(read.bytes, from)) {
    const lastEventId = Math.max(read.lastEventId, from - 1);
    return { bytes: read.bytes, lastEventId, more: lastEventId < to && read.more };
  }
  const slice = sliceHistory(read.bytes, from, to, maxEvents);
  const lastEventId = Math.max(slice.lastEventId, from - 1);
  return { bytes: slice.bytes, lastEventId, more: lastEventId < to && (read.more || lastEventId < read.lastEventId) };
}
