/** The whole state as bytes, and back. Derived parts (deadlines, byte counts) are made anew. */
import { WorkflowSnapshot } from '../../protocol/index.js';
import { keepActivity } from './activities.js';
import { debtKeys, refreshDeadline } from './debts.js';
import { WorkflowState } from './state.js';

export function snapshot(state: WorkflowState): Uint8Array {
  return WorkflowSnapshot.encode({
    run: state.run,
    workflowTask: state.workflowTask,
    sticky: state.sticky,
    activities: [...state.activities.values()],
    timers: [...state.timers.values()],
    buffer: state.buffer,
    signalRequestIds: [...state.signalRequestIds],
  });
}

/** The state keeps views into a copy of the bytes. */
export function restore(bytes: Uint8Array): WorkflowState {
  const stored = WorkflowSnapshot.decode(new Uint8Array(bytes));
  if (stored.run === undefined) throw new Error('broken snapshot: it has no run');
  const state = new WorkflowState();
  state.run = stored.run;
  state.workflowTask = stored.workflowTask;
  state.sticky = stored.sticky;
  for (const activity of stored.activities) keepActivity(state, activity);
  for (const timer of stored.timers) state.timers.set(timer.timerId, timer);
  state.buffer = stored.buffer;
  for (const requestId of stored.signalRequestIds) state.signalRequestIds.add(requestId);
  for (const key of debtKeys(state)) refreshDeadline(state, key);
  return state;
}

/** Roughly what the state takes in memory. Constant time. */
export function sizeBytes(state: WorkflowState): number {
  return (
    2000 +
    state.payloadBytes +
    state.activities.size * 1000 +
    state.timers.size * 300 +
    state.signalRequestIds.size * 80 +
    state.run.bufferSizeBytes * 2 +
    (state.run.memo?.byteLength ?? 0) +
    (state.run.searchAttributes?.byteLength ?? 0) +
    state.run.startedAttributes.byteLength
  );
}
