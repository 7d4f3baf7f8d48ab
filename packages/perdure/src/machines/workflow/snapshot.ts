/** The whole state as bytes, and back. Derived parts (deadlines, byte counts) are made anew. */
import { WorkflowSnapshot } from '../../protocol/index.js';
import { keepActivity } from './activities/activities.js';
import { keepChild } from './messages/children.js';
import { debtKeys, refreshDeadline } from './debts.js';
import { keepOutgoing } from './messages/external.js';
import { keepOperation } from './nexus/nexus-operations.js';
import { WorkflowState } from './state.js';
import { requestBytes } from './updates/updates.js';

export function snapshot(state: WorkflowState): Uint8Array {
  return WorkflowSnapshot.encode({
    run: state.run,
    workflowTask: state.workflowTask,
    sticky: state.sticky,
    activities: [...state.activities.values()],
    timers: [...state.timers.values()],
    children: [...state.children.values()],
    outgoingSignals: [...state.outgoingSignals.values()],
    outgoingCancelRequests: [...state.outgoingCancelRequests.values()],
    nexusOperations: [...state.nexusOperations.values()],
    buffer: state.buffer,
    signalRequestIds: [...state.signalRequestIds],
    callbacks: state.callbacks,
    updates: [...state.updates.values()],
    completedUpdates: [...state.completedUpdates].map(([updateId, completedEventId]) => ({ updateId, completedEventId })),
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
  for (const child of stored.children) keepChild(state, child);
  for (const request of stored.outgoingSignals) keepOutgoing(state, state.outgoingSignals, request);
  for (const request of stored.outgoingCancelRequests) keepOutgoing(state, state.outgoingCancelRequests, request);
  for (const operation of stored.nexusOperations) keepOperation(state, operation);
  state.buffer = stored.buffer;
  state.callbacks = stored.callbacks;
  for (const requestId of stored.signalRequestIds) state.signalRequestIds.add(requestId);
  for (const update of stored.updates) state.updates.set(update.updateId, update);
  for (const { updateId, completedEventId } of stored.completedUpdates) state.completedUpdates.set(updateId, completedEventId);
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
    state.children.size * 600 +
    state.nexusOperations.size * 900 +
    (state.outgoingSignals.size + state.outgoingCancelRequests.size) * 400 +
    state.run.closeNotice.byteLength +
    state.run.scheduleNotice.byteLength +
    state.signalRequestIds.size * 80 +
    state.callbacks.length * 1000 +
    state.run.callbackNotice.byteLength +
    state.run.attachedRequests.length * 80 +
    requestBytes(state) +
    state.completedUpdates.size * 120 +
    state.run.bufferSizeBytes * 2 +
    (state.run.memo?.byteLength ?? 0) +
    (state.run.searchAttributes?.byteLength ?? 0) +
    state.run.startedAttributes.byteLength
  );
}
