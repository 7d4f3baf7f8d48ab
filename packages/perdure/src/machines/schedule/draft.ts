/** A transition of a schedule in the making: each event is applied at once, through the same `applyEvent` as in a fold. */
import { ScheduleRecord } from '../../protocol/index.js';
import type { RpcError, ScheduleEvent } from '../../protocol/index.js';
import type { DebtKey, JournalRecord, Moment, Outcome } from '../machine.js';
import { applyEvent } from './apply.js';
import type { ScheduleReply } from './inputs.js';
import { ScheduleMachineState, conflictToken } from './state.js';

export type ScheduleOutcome = Outcome<ScheduleMachineState | undefined, ScheduleReply>;

export class ScheduleDraft {
  readonly now: number;
  successor: ScheduleOutcome['successor'];
  readonly #events: ScheduleEvent[] = [];
  readonly #touched = new Set<DebtKey>();

  constructor(
    readonly state: ScheduleMachineState,
    readonly moment: Moment,
  ) {
    this.now = Math.floor(moment.now);
  }

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  emit(event: ScheduleEvent): void {
    this.#events.push(event);
    applyEvent(this.state, event, (key) => this.#touched.add(key));
  }

  /** Ends the transition. Without a refusal the reply is where the schedule stands now. */
  finish(refusal?: RpcError): ScheduleOutcome {
    const record = this.isEmpty ? undefined : { private: ScheduleRecord.encode({ events: this.#events }) };
    if (record !== undefined) closeRecord(this.state);
    const reply = refusal ?? { kind: 'schedule' as const, conflictToken: conflictToken(this.state) };
    return {
      state: this.state,
      ...(record !== undefined && { record }),
      reply,
      touched: [...this.#touched],
      ...(this.successor !== undefined && { successor: this.successor }),
    };
  }
}

export function fold(before: ScheduleMachineState | undefined, record: JournalRecord): ScheduleMachineState {
  if (record.private === undefined) throw new Error('broken record: it holds no events of a schedule');
  const state = before ?? new ScheduleMachineState();
  for (const event of ScheduleRecord.decode(new Uint8Array(record.private)).events) applyEvent(state, event, () => {});
  closeRecord(state);
  return state;
}

/** What every record adds. */
function closeRecord(state: ScheduleMachineState): void {
  state.data.records += 1;
}
