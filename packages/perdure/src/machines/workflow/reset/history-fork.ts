/**
 * The beginning of a run that is made by a reset: a copy of the first events of another run, its base.
 *
 * The copied events are bytes; they become the new run's first records as they are. The state is the fold of those records, the same fold
 * as after a crash, so that the new run cannot differ from what its journal says. Built piece by piece before the reset is decided (the
 * base's past does not change), so that neither the fold nor a page of a long history keeps anybody else waiting.
 *
 * What the public events do not say is settled by the private event `runReset`, which stands behind them: see `reset.ts`.
 */
import { WorkflowRecord } from '../../../protocol/index.js';
import type { RunCreated, WorkflowPrivateEvent } from '../../../protocol/index.js';
import type { JournalRecord } from '../../machine.js';
import { fold } from '../fold.js';
import type { WorkflowState } from '../state.js';

/** A fork that holds all events before the reset point. Used once: the run that continues from it owns the state. */
export interface ForkedRun {
  readonly runId: string;
  /** Those that are not stored yet. */
  readonly records: readonly JournalRecord[];
  readonly state: WorkflowState;
}

export class HistoryFork {
  readonly #created: RunCreated;
  readonly #now: number;
  #records: JournalRecord[] = [];
  #sizeBytes = 0;
  #state: WorkflowState | undefined;

  /** @param now the moment of the copy, in milliseconds since the epoch */
  constructor(created: RunCreated, now: number) {
    this.#created = created;
    this.#now = Math.floor(now);
  }

  /** Id of the first event that is still missing. */
  get nextEventId(): number {
    return this.#state?.nextEventId ?? 1;
  }

  /** Adds the events that follow, encoded like a history batch. The bytes are kept. */
  add(bytes: Uint8Array, lastEventId: number): void {
    const events: Partial<WorkflowPrivateEvent>[] = [{ historyForked: {} }];
    if (this.#state === undefined) events.unshift({ runCreated: this.#created });
    const hidden = WorkflowRecord.encode({ nowMs: this.#now, events: events.map((event) => ({ after: 0, ...event })) });
    const record = { history: { firstEventId: this.nextEventId, lastEventId, bytes }, private: hidden };
    this.#state = fold(this.#state, record);
    this.#records.push(record);
    this.#sizeBytes += bytes.byteLength;
  }

  /** Bytes of the records that it holds. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Hands over the records so far, for whoever stores them before the reset is decided; the fork goes on behind them. */
  takeRecords(): readonly JournalRecord[] {
    const records = this.#records;
    this.#records = [];
    this.#sizeBytes = 0;
    return records;
  }

  /** The events so far, if a run may be reset to what comes next: a workflow task is scheduled or started there. */
  end(): ForkedRun | undefined {
    const state = this.#state;
    if (state === undefined || !state.isOpen || state.workflowTask === undefined) return undefined;
    return { runId: this.#created.runId, records: this.#records, state };
  }
}
