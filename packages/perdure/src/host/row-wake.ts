/**
 * What a machine's row says about when it needs attention.
 *
 * The column is indexed, so moving it costs; a value that is earlier than the truth only costs a load that finds nothing. So a machine
 * is marked {@link ACTIVE} (due at once) when it begins and keeps that mark through its busy life. The exact time is written
 * - with the first record, if nothing is due soon: that costs nothing extra;
 * - with a record, if the machine was active for a while and will rest for a while;
 * - when the machine leaves memory (`residents.ts`), because from then on the row is all there is;
 * - as `undefined`, once it is closed and owes nothing.
 *
 * A crash therefore makes recovery look at the machines that were in memory, which the cache bounds, and not at those that slept.
 */
import { ACTIVE, type Resident } from './resident.js';

/** Shorter rests than this are not worth two changes of the index. */
const REST_MS = 60_000;
/** With more wakes than this the exact time waits until the machine leaves memory: it would have to walk them. */
const FEW_WAKES = 32;

/** The row's `wakeAt` after a step; the books must be up to date. */
export function settledRowWakeAt(resident: Resident, now: number): number | undefined {
  const owesNow = resident.offers.size > 0 || resident.deliveries.size > 0 || resident.deletionKey !== undefined;
  if (!owesNow && resident.wakes.size === 0 && !resident.isOpen) return undefined;
  const row = resident.rowWakeAt;
  if (row === ACTIVE) {
    const isFirst = resident.seq === 0;
    if (isFirst) resident.activeSince = now;
    const mayRest = !owesNow && resident.wakes.size <= FEW_WAKES && (isFirst || now - resident.activeSince > REST_MS);
    if (!mayRest) return ACTIVE;
    const exact = resident.exactWakeAt();
    return exact === undefined || exact > now + REST_MS ? exact : ACTIVE;
  }
  // `heapAt` is never later than the earliest wake, and known without walking the wakes.
  if (!owesNow && resident.heapAt >= (row ?? Number.POSITIVE_INFINITY)) return row;
  if (!owesNow && resident.heapAt > now + REST_MS) return Math.floor(resident.heapAt);
  resident.activeSince = now;
  return ACTIVE;
}
