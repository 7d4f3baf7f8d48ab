/**
 * Folds one record into the state. The counterpart of `Draft`: the same events through the same `apply`, in the same order.
 *
 * Runs in recovery only: here events are decoded.
 */
import { History, WorkflowRecord } from '../../protocol/index.js';
import type { DebtKey, JournalRecord } from '../machine.js';
import { applyHistoryEvent, applyPrivateEvent, closeRecord } from './apply.js';
import { refreshDeadline } from './debts.js';
import { latestTime } from './draft.js';
import { WorkflowState } from './state.js';

export function fold(before: WorkflowState | undefined, record: JournalRecord): WorkflowState {
  const state = before ?? new WorkflowState();
  const events = record.history === undefined ? [] : History.decode(record.history.bytes).events;
  const hidden = record.private === undefined ? undefined : WorkflowRecord.decode(record.private);
  const touched = new Set<DebtKey>();
  const applying = { now: hidden?.nowMs || latestTime(events), touch: (key: DebtKey) => touched.add(key) };

  const privateEvents = hidden?.events ?? [];
  const isForked = privateEvents.some((event) => event.historyForked !== undefined);
  let next = 0;
  for (let index = 0; index <= events.length; index++) {
    for (let event = privateEvents[next]; event?.after === index; event = privateEvents[++next]) applyPrivateEvent(state, event, applying);
    const event = events[index];
    if (event === undefined) continue;
    // Events that another run wrote happened when they say, not when they were copied: deadlines count from there.
    if (isForked) applying.now = event.eventTime ?? 0;
    applyHistoryEvent(state, event, applying);
  }
  if (next < privateEvents.length) throw new Error('broken record: a private event stands behind the end of its history batch');

  closeRecord(state, record.history?.bytes);
  for (const key of touched) refreshDeadline(state, key);
  return state;
}
