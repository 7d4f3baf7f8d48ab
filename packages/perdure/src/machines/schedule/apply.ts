/**
 * The one door through which a schedule changes: live transitions and folds both come through here. An event is a fact: nothing is
 * decided, and what may be owed anew is touched.
 */
import { Schedule, ScheduleSnapshot, SkipReason, WorkflowExecutionStatus } from '../../protocol/index.js';
import type { ActionClosed, FiringSkipped, OverlapEnded, ScheduleCreated, ScheduleEvent, ScheduleUpdated, StartAnswered, StartRequested } from '../../protocol/index.js';
import type { DebtKey } from '../machine.js';
import { DELETION, WAKE, endKey, startKey } from './debts.js';
import { SCHEDULE_BOUNDS, withDefaults } from './state.js';
import type { ScheduleMachineState } from './state.js';

export type Touch = (key: DebtKey) => void;

export function applyEvent(state: ScheduleMachineState, event: ScheduleEvent, touch: Touch): void {
  const { data } = state;
  touch(WAKE);
  if (event.advanced) {
    data.throughMs = event.advanced.throughMs;
    data.nextMs = event.advanced.nextMs;
    data.missed += event.advanced.missed;
  } else if (event.buffered) {
    const { firing } = event.buffered;
    if (firing === undefined) throw new Error('broken record: a firing is missing');
    data.buffer.push(firing);
    data.nextFiringId = firing.id + 1;
  } else if (event.skipped) applySkipped(state, event.skipped);
  else if (event.startRequested) applyStartRequested(state, event.startRequested, touch);
  else if (event.startAnswered) applyStartAnswered(state, event.startAnswered, touch);
  else if (event.actionClosed) applyActionClosed(state, event.actionClosed, touch);
  else if (event.overlapEnded) applyOverlapEnded(state, event.overlapEnded, touch);
  else if (event.noted) {
    data.schedule = { ...state.schedule, state: { ...state.state, paused: event.noted.paused, notes: event.noted.notes } };
    data.conflictToken += 1;
  } else if (event.backfillAdded) {
    data.backfills.push(event.backfillAdded);
    data.nextFiringId = event.backfillAdded.id + 1;
  } else if (event.backfillAdvanced) {
    const { id, afterMs } = event.backfillAdvanced;
    if (afterMs === 0) data.backfills = data.backfills.filter((backfill) => backfill.id !== id);
    else for (const backfill of data.backfills) if (backfill.id === id) backfill.afterMs = afterMs;
  } else if (event.tokenUsed) {
    data.patchRequestIds = [...data.patchRequestIds, event.tokenUsed.requestId].slice(-SCHEDULE_BOUNDS.requestIds);
  } else if (event.created) applyCreated(state, event.created);
  else if (event.updated) applyUpdated(state, event.updated);
  else if (event.deleted) {
    data.deleted = true;
    touchAll(state, touch);
  } else if (event.handedOn) {
    data.handedOn = true;
    touchAll(state, touch);
  } else if (event.continued) {
    state.data = ScheduleSnapshot.decode(new Uint8Array(ScheduleSnapshot.encode(event.continued)));
    countBytes(state);
    touchAll(state, touch);
  } else throw new Error('broken record: an event of a schedule has a type that this version does not know');
}

function touchAll({ data }: ScheduleMachineState, touch: Touch): void {
  touch(DELETION);
  for (const action of data.starting) touch(startKey(action));
  for (const action of data.running) touch(endKey(action));
}

function applyCreated(state: ScheduleMachineState, created: ScheduleCreated): void {
  const { namespace, namespaceId, scheduleId, incarnation, requestId, memo, searchAttributes, nowMs } = created;
  state.data = ScheduleSnapshot.create({
    namespace,
    namespaceId,
    scheduleId,
    incarnation,
    requestId,
    schedule: withDefaults(created.schedule ?? Schedule.create()),
    memo: copied(memo),
    searchAttributes: copied(searchAttributes),
    conflictToken: 1,
    createdMs: nowMs,
    throughMs: nowMs,
    lastEventMs: nowMs,
    nextFiringId: 1,
  });
  countBytes(state);
}

function applyUpdated(state: ScheduleMachineState, { schedule, memo, searchAttributes, nowMs, requestId }: ScheduleUpdated): void {
  const { data } = state;
  data.schedule = withDefaults(schedule ?? Schedule.create());
  if (memo !== undefined) data.memo = copied(memo.value);
  if (searchAttributes !== undefined) data.searchAttributes = copied(searchAttributes.value);
  data.conflictToken += 1;
  data.updatedMs = nowMs;
  data.lastEventMs = nowMs;
  data.updateRequestId = requestId;
  countBytes(state);
}

function applySkipped({ data }: ScheduleMachineState, { id, nominalMs, reason, nowMs, count }: FiringSkipped): void {
  if (id > 0) data.buffer = data.buffer.filter((firing) => firing.id !== id);
  if (reason === SkipReason.OVERLAP || reason === SkipReason.REPLACED) data.overlapSkipped += 1;
  if (reason === SkipReason.BUFFER_FULL) data.bufferDropped += 1;
  note(data, { nominalMs, reason, nowMs, count, message: '' });
}

function note(data: ScheduleSnapshot, skip: ScheduleSnapshot['skips'][number]): void {
  data.skips.push(skip);
  if (data.skips.length > SCHEDULE_BOUNDS.skips) data.skips.shift();
}

function applyStartRequested(state: ScheduleMachineState, { id, workflowId, requestId, exclusive, counted }: StartRequested, touch: Touch): void {
  const { data } = state;
  const earlier = data.starting.find((action) => action.firing?.id === id);
  const firing = earlier?.firing ?? data.buffer.find((candidate) => candidate.id === id);
  if (firing === undefined) throw new Error('broken record: a firing that was not buffered is started');
  if (earlier !== undefined) {
    touch(startKey(earlier));
    data.starting = data.starting.filter((action) => action !== earlier);
  }
  data.buffer = data.buffer.filter((candidate) => candidate.id !== id);
  const action = { firing, workflowId, requestId, exclusive };
  data.starting.push(action);
  touch(startKey(action));
  if (!counted) return;
  data.schedule = { ...state.schedule, state: { ...state.state, remainingActions: state.state.remainingActions - 1 } };
  data.conflictToken += 1;
}

function applyStartAnswered({ data }: ScheduleMachineState, { id, runId, nowMs, refused, message }: StartAnswered, touch: Touch): void {
  const action = data.starting.find((candidate) => candidate.firing?.id === id);
  if (action?.firing === undefined) throw new Error('broken record: an answer to a start that was not asked for');
  const { firing, workflowId, exclusive } = action;
  touch(startKey(action));
  data.starting = data.starting.filter((candidate) => candidate !== action);
  data.lastEventMs = nowMs;
  if (refused !== SkipReason.UNSPECIFIED) return note(data, { nominalMs: firing.nominalMs, reason: refused, nowMs: Math.floor(nowMs), count: 1, message });
  data.actionCount += 1;
  data.recent.push({
    scheduleTime: firing.actualMs,
    actualTime: nowMs,
    startWorkflowResult: { workflowId, runId },
    startWorkflowStatus: WorkflowExecutionStatus.RUNNING,
  });
  if (data.recent.length > SCHEDULE_BOUNDS.recent) data.recent.shift();
  if (exclusive) data.running.push({ workflowId, runId, endWanted: false, terminate: false, told: false, requestId: '' });
}

function applyActionClosed(state: ScheduleMachineState, { workflowId, runId, status, result, failure }: ActionClosed, touch: Touch): void {
  const { data } = state;
  for (const action of data.running) if (action.runId === runId) touch(endKey(action));
  data.running = data.running.filter((action) => action.workflowId !== workflowId || action.runId !== runId);
  for (const recent of data.recent) if (recent.startWorkflowResult?.runId === runId) recent.startWorkflowStatus = status;
  if (status === WorkflowExecutionStatus.COMPLETED) {
    data.lastResult = copied(result);
    data.lastFailure = undefined;
  } else if (status === WorkflowExecutionStatus.FAILED || status === WorkflowExecutionStatus.TIMED_OUT) data.lastFailure = copied(failure);
  countBytes(state);
}

function applyOverlapEnded({ data }: ScheduleMachineState, { workflowId, runId, terminate, told, requestId }: OverlapEnded, touch: Touch): void {
  const action = data.running.find((candidate) => candidate.workflowId === workflowId && candidate.runId === runId);
  if (action === undefined) return;
  touch(endKey(action));
  action.endWanted = true;
  action.terminate = terminate;
  action.told = told;
  action.requestId = requestId;
  touch(endKey(action));
}

/** A copy: what comes in may be a view into a buffer that is large or reused. */
function copied<T extends Uint8Array>(bytes: T | undefined): Uint8Array | undefined {
  return bytes === undefined ? undefined : new Uint8Array(bytes);
}

export function countBytes(state: ScheduleMachineState): void {
  const { schedule, memo, searchAttributes, lastResult, lastFailure } = state.data;
  const encoded = schedule === undefined ? 0 : Schedule.encode(schedule).byteLength;
  state.userBytes = encoded + [memo, searchAttributes, lastResult, lastFailure].reduce((sum, bytes) => sum + (bytes?.byteLength ?? 0), 0);
}
