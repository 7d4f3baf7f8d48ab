/**
 * The state of a batch job: what it is to do, how far its sweep has come, how it ended.
 *
 * Its data is the message of its snapshot, so that live and stored state cannot drift apart. `applyEvent` alone changes it, live and in a
 * fold. Its size does not grow with the number of executions.
 */
import { BatchRecord, BatchSnapshot, BatchStarted, SweepState } from '../../protocol/index.js';
import type { BatchEvent, Init } from '../../protocol/index.js';
import type { DebtKey, JournalRecord } from '../machine.js';
import { applySweep, sweepBytes, touchSweep } from './sweep/sweep.js';

export const DELETION: DebtKey = 'deletion';

export class BatchState {
  data: BatchSnapshot = BatchSnapshot.create({ started: {}, sweep: {} });

  get started(): BatchStarted {
    return (this.data.started ??= BatchStarted.create({}));
  }

  get sweep(): SweepState {
    return (this.data.sweep ??= SweepState.create({}));
  }

  get isRunning(): boolean {
    return this.data.closed === undefined;
  }

  get sizeBytes(): number {
    const { request } = this.started;
    return 2000 + (request?.signalOperation?.input?.byteLength ?? 0) + (request?.terminationOperation?.details?.byteLength ?? 0) + sweepBytes(this.sweep);
  }
}

/** The one door through which a job changes. */
export function applyEvent(state: BatchState, event: Init<BatchEvent>, touch: (key: DebtKey) => void): void {
  const { started, sweep, closed, forgotten } = event;
  if (started !== undefined) {
    // Bytes of its own: those of a request belong to its sender.
    state.data.started = BatchStarted.decode(new Uint8Array(BatchStarted.encode(started)));
    touchSweep(state.sweep, touch);
  } else if (sweep !== undefined) applySweep(state.sweep, sweep, touch);
  else if (closed !== undefined) {
    touchSweep(state.sweep, touch);
    state.data.closed = { state: closed.state ?? 0, closedMs: closed.closedMs ?? 0, reason: closed.reason ?? '', identity: closed.identity ?? '' };
  } else if (forgotten !== undefined) {
    state.data.forgotten = true;
    touch(DELETION);
  } else throw new Error('broken record: an event of a batch job has a type that this version does not know');
}

export function fold(before: BatchState | undefined, record: JournalRecord): BatchState {
  if (record.private === undefined) throw new Error('broken record: it holds no events of a batch job');
  const state = before ?? new BatchState();
  for (const event of BatchRecord.decode(new Uint8Array(record.private)).events) applyEvent(state, event, () => {});
  return state;
}
