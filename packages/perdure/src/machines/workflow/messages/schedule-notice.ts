/**
 * The notice that a run owes the schedule which started its chain: how the chain ended. Owed by the last run of it (no retry,
 * continue-as-new or cron follows, and it is not the base of a reset), from its close until the schedule has answered.
 *
 * Every run of the chain carries the schedule's name in its first private event; the public history does not show it. A leaf, as
 * `close-notice.ts`: the answer is taken in `schedule-answer.ts`. A schedule that was deleted meanwhile answers that it does not exist,
 * which is an answer too.
 */
import { HistoryEvent, WorkflowExecutionStatus } from '../../../protocol/index.js';
import type { Debt, DebtKey } from '../../machine.js';
import type { Correspondence } from './messages.js';
import type { Applying, WorkflowState } from '../state.js';

/** `kind` of the receiver; `machines/schedule/` is the machine. */
export const SCHEDULE_KIND = 'schedule';
const KEY: DebtKey = 'message:schedule';

/** Tells a schedule how a chain of runs that it started ended. */
export interface RunClosedInput {
  readonly type: 'run-closed';
  /** Tells the schedule from another one of the same id. */
  readonly incarnation: string;
  readonly workflowId: string;
  /** The run that the schedule started. */
  readonly firstExecutionRunId: string;
  /** How the last run of the chain closed. */
  readonly event: HistoryEvent;
}

export const scheduleNotice: Correspondence = {
  owes: ({ run }) => run.scheduleNotice.byteLength > 0,
  keys: () => [KEY],
  debt({ run }): Debt | undefined {
    const { scheduleWatch: watch, scheduleNotice: notice, workflowId, firstExecutionRunId } = run;
    if (watch === undefined || notice.byteLength === 0) return undefined;
    const { incarnation, scheduleId, namespaceId } = watch;
    const input: RunClosedInput = { type: 'run-closed', incarnation, workflowId, firstExecutionRunId, event: HistoryEvent.decode(notice) };
    return { message: { to: { kind: SCHEDULE_KIND, namespace: namespaceId, key: scheduleId }, input } };
  },
};

/** Part of every close. */
export function oweScheduleNotice({ run }: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const goesOn = run.status === WorkflowExecutionStatus.CONTINUED_AS_NEW || run.successorRunId !== '' || run.resetRunId !== '';
  if (run.scheduleWatch === undefined || goesOn) return;
  run.scheduleNotice = HistoryEvent.encode(event);
  applying.touch(KEY);
}

export function applyScheduleNoticeDelivered({ run }: WorkflowState, applying: Applying): void {
  run.scheduleNotice = new Uint8Array(0);
  applying.touch(KEY);
}
