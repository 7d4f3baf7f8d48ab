/**
 * Looks into encoded history without decoding it.
 *
 * A history is bytes: each event is one occurrence of field 1 of `History`, and an event's id is its first field. That is all that
 * paging needs, so pages are cut and turned around here on the bytes; attributes and payloads are never touched.
 */
import { EMPTY } from '../protocol/index.js';
import { Reader } from '../protocol/reader.js';

/** Tag of `History.events`. */
const EVENT = 0x0a;
/** Tag of `HistoryEvent.event_id`. */
const EVENT_ID = 0x08;

interface EventBytes {
  readonly eventId: number;
  /** Offsets of the event with its tag and length. */
  readonly start: number;
  readonly end: number;
}

function* eventsOf(history: Uint8Array): Generator<EventBytes> {
  const reader = new Reader(history);
  while (reader.pos < reader.end) {
    const start = reader.pos;
    const tag = reader.uint32();
    if (tag !== EVENT) {
      reader.skip(tag);
      continue;
    }
    const end = reader.enter();
    let eventId = 0;
    while (reader.pos < end) {
      const field = reader.uint32();
      if (field === EVENT_ID) {
        eventId = reader.int64();
        break;
      }
      reader.skip(field);
    }
    reader.pos = end;
    reader.leave(end);
    yield { eventId, start, end };
  }
}

export interface HistorySlice {
  readonly bytes: Uint8Array;
  /** Id of the last event in the slice; 0 if it is empty. */
  readonly lastEventId: number;
}

/** The events with ids from `from` to `to`, at most `limit` of them. A view, not a copy. */
export function sliceHistory(history: Uint8Array, from: number, to: number, limit = Number.POSITIVE_INFINITY): HistorySlice {
  let start = -1;
  let end = 0;
  let lastEventId = 0;
  let count = 0;
  for (const event of eventsOf(history)) {
    if (event.eventId < from) continue;
    if (event.eventId > to || count === limit) break;
    if (start === -1) start = event.start;
    end = event.end;
    lastEventId = event.eventId;
    count++;
  }
  return start === -1 ? { bytes: EMPTY, lastEventId: 0 } : { bytes: history.subarray(start, end), lastEventId };
}

/** The same events, last one first. */
export function reverseHistory(history: Uint8Array): Uint8Array {
  const events = [...eventsOf(history)].reverse();
  return Buffer.concat(events.map((event) => history.subarray(event.start, event.end)));
}

/** Whether the first event has this id: then nothing needs to be cut off in front. */
export function beginsWith(history: Uint8Array, eventId: number): boolean {
  for (const event of eventsOf(history)) return event.eventId === eventId;
  return true;
}
