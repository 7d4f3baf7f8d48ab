/** The traps that replay falls into, proved of a whole history: order around workflow tasks, references between events, nothing behind the end. */
import assert from 'node:assert/strict';
import { activityEnd, CallbackState, childEnd, EventType, operationEnd } from '../../../protocol/index.js';
import type { HistoryEvent } from '../../../protocol/index.js';
import type { TestRun } from './test-run.js';

export function proveHistory(run: TestRun): void {
  const events = run.events();
  const open = new Set<number>();
  const startedIds = new Map<number, number>();
  let completedId = 0;
  events.forEach((event, index) => {
    const behind = event.eventType === EventType.WORKFLOW_TASK_COMPLETED || event.eventType === EventType.WORKFLOW_TASK_FAILED;
    const before = events[index - 1]?.eventType;
    if (behind) assert.equal(before, EventType.WORKFLOW_TASK_STARTED, 'nothing stands between a started task and its end');
    if (event.eventType === EventType.WORKFLOW_TASK_COMPLETED) completedId = event.eventId;
    const of = commandOf(event);
    if (of !== undefined) assert.equal(of, completedId, 'a command event names the completion before it');
    if (event.activityTaskScheduledEventAttributes || event.startChildWorkflowExecutionInitiatedEventAttributes) open.add(event.eventId);
    proveStarted(event, startedIds);
    proveChildEnd(event, open, startedIds);
    proveActivityEnd(event, open, startedIds);
  });
  const { closeEventId } = run.live.run;
  if (closeEventId > 0) assert.equal(closeEventId, events.length, 'the close event is the last');
  else assert.ok(run.live.isOpen, 'a run that is closed has a close event');
  proveTimers(events);
  proveOperations(events);
  proveCounts(run, events);
  proveUpdateCallbacks(run);
}

/** What the state counts is what is there. */
function proveCounts({ live }: TestRun, events: readonly HistoryEvent[]): void {
  const count = (type: EventType): number => events.filter(({ eventType }) => eventType === type).length;
  assert.equal(live.run.bufferSizeBytes, live.buffer.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), 'the buffer is as large as it says');
  assert.equal(live.run.signalCount, count(EventType.WORKFLOW_EXECUTION_SIGNALED), 'the signals are counted');
}

/** Who waits for the outcome of an update waits only where there may be one. */
function proveUpdateCallbacks({ live }: TestRun): void {
  const callbacks = live.callbacks.filter(({ updateId }) => updateId !== '');
  const owed = callbacks.filter(({ state }) => state === CallbackState.SCHEDULED || state === CallbackState.BACKING_OFF);
  assert.equal(live.run.owedUpdateCallbacks, owed.length, 'the callbacks that are owed are counted');
  const standing = waitedFor({ live });
  if (!live.isOpen && live.run.resetRunId === '') assert.equal(standing.length, 0, 'a run that ended for good has told of its updates');
  for (const updateId of standing) assert.ok(!live.completedUpdates.has(updateId), 'an update that completed has told of it');
}

/** Updates whose outcome is still to be told. */
export function waitedFor({ live }: Pick<TestRun, 'live'>): string[] {
  return live.callbacks.flatMap(({ updateId, state }) => (updateId !== '' && state === CallbackState.STANDBY ? [updateId] : []));
}

function proveStarted(event: HistoryEvent, startedIds: Map<number, number>): void {
  const childStarted = event.childWorkflowExecutionStartedEventAttributes;
  if (childStarted) startedIds.set(childStarted.initiatedEventId, event.eventId);
  const started = event.activityTaskStartedEventAttributes;
  if (started) startedIds.set(started.scheduledEventId, event.eventId);
}

function proveChildEnd(event: HistoryEvent, open: Set<number>, startedIds: ReadonlyMap<number, number>): void {
  const ended = childEnd(event);
  if (ended) assert.equal(ended.startedEventId, startedIds.get(ended.initiatedEventId), 'the end of a child names its Started event');
  const initiatedEventId = ended?.initiatedEventId ?? event.startChildWorkflowExecutionFailedEventAttributes?.initiatedEventId;
  if (initiatedEventId !== undefined) assert.ok(open.delete(initiatedEventId), 'a child ends once');
}

function proveActivityEnd(event: HistoryEvent, open: Set<number>, startedIds: ReadonlyMap<number, number>): void {
  const end = activityEnd(event);
  if (end === undefined) return;
  assert.ok(open.delete(end.scheduledEventId), 'an activity ends once');
  assert.equal(end.startedEventId, startedIds.get(end.scheduledEventId) ?? 0, 'the end of an activity names its Started event');
}

/** A Nexus operation starts once at most, and ends once; its cancellation is answered once, and not before it was asked for. */
function proveOperations(events: readonly HistoryEvent[]): void {
  const open = new Set<number>();
  const started = new Set<number>();
  const asked = new Map<number, number>();
  for (const event of events) {
    if (event.nexusOperationScheduledEventAttributes) open.add(event.eventId);
    const begun = event.nexusOperationStartedEventAttributes?.scheduledEventId;
    if (begun !== undefined) {
      assert.ok(open.has(begun) && !started.has(begun), 'an operation starts once, before it ends');
      started.add(begun);
    }
    const request = event.nexusOperationCancelRequestedEventAttributes;
    if (request) asked.set(request.scheduledEventId, event.eventId);
    const answered = event.nexusOperationCancelRequestCompletedEventAttributes ?? event.nexusOperationCancelRequestFailedEventAttributes;
    if (answered) {
      assert.equal(asked.get(answered.scheduledEventId), answered.requestedEventId, 'a cancellation that was asked for is answered once');
      asked.delete(answered.scheduledEventId);
      assert.ok(started.has(answered.scheduledEventId), 'only an operation that has started can be told');
    }
    const end = operationEnd(event);
    if (end) assert.ok(open.delete(end.scheduledEventId), 'an operation ends once');
  }
}

/** A timer fires or is cancelled, once. What workflow code sees as the time does not run backwards (what waited in the buffer keeps its own time). */
function proveTimers(events: readonly HistoryEvent[]): void {
  const open = new Set<number>();
  let time = 0;
  for (const event of events) {
    if (event.eventType === EventType.WORKFLOW_TASK_STARTED) {
      assert.ok((event.eventTime ?? 0) >= time, 'time does not run backwards for workflows');
      time = event.eventTime ?? 0;
    }
    if (event.timerStartedEventAttributes) open.add(event.eventId);
    const end = event.timerFiredEventAttributes ?? event.timerCanceledEventAttributes;
    if (end) assert.ok(open.delete(end.startedEventId), 'a timer ends once');
  }
}

function commandOf(event: HistoryEvent): number | undefined {
  return (
    event.activityTaskScheduledEventAttributes ?? event.timerStartedEventAttributes ?? event.timerCanceledEventAttributes ??
    event.markerRecordedEventAttributes ?? event.activityTaskCancelRequestedEventAttributes ?? event.workflowExecutionCompletedEventAttributes ??
    event.startChildWorkflowExecutionInitiatedEventAttributes ?? event.signalExternalWorkflowExecutionInitiatedEventAttributes ??
    event.requestCancelExternalWorkflowExecutionInitiatedEventAttributes ?? event.workflowPropertiesModifiedEventAttributes ??
    event.workflowExecutionContinuedAsNewEventAttributes ?? event.workflowExecutionCanceledEventAttributes ??
    event.nexusOperationScheduledEventAttributes ?? event.nexusOperationCancelRequestedEventAttributes
  )?.workflowTaskCompletedEventId;
}
