/**
 * Updates: a client asks the workflow to do something and to answer.
 *
 * admitted → accepted → completed, or rejected. An admitted update is durable (a private event), so that a restart of the server does not
 * lose it; it waits for a workflow task that takes it to a worker as a message (`update-messages.ts` reads the worker's answer). Accepted
 * and Completed are public events. A rejected update leaves no trace. An update id names one update of the run: the same id again finds
 * it, whatever stage it is in, also after the run closed.
 *
 * Invariants: an update that is not accepted is dropped only together with a notice to those who wait; `sentStamp` is the workflow task
 * that took it to a worker, and is 0 again once that task has failed. A closed run keeps the accepted ones, whose outcome is a failure.
 */
import { EventType, Failure, UpdateRequest, UpdateWorkflowExecutionLifecycleStage as Stage, pack } from '../../../protocol/index.js';
import type { Encoded, HistoryEvent, Init, Message, Outcome, RpcError, UpdateAdmitted, UpdateDropped, UpdateState, UpdateWorkflowExecutionRequest, WorkflowTaskState } from '../../../protocol/index.js';
import type { Draft, EventAttributes } from '../draft.js';
import { isHeld } from '../buffer.js';
import type { UpdateInput, UpdateNotice, UpdateReply } from './update-inputs.js';
import { alreadyCompleted, updateAborted, updatePaused, updateTaskFailing, updatesInFlight, updatesTooLarge, updatesTooMany, workflowClosing } from '../refusals.js';
import { scheduleUpdateTask } from '../tasks/speculative-task.js';
import { must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import { chainProblem } from '../runs/terminate.js';
import { attachToUpdate, awaitsOutcome, laterRequestBytes, oweRejectedUpdate, oweUpdateCallbacks, registerUpdateRequest, updateCallbacksProblem } from './update-callbacks.js';

/** A workflow task that failed this often is not about to answer. */
export const FAILING_ATTEMPT = 3;

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function update(draft: Draft, { request }: UpdateInput): UpdateReply | RpcError {
  return chainProblem(draft.state, request.firstExecutionRunId) ?? takeUpdate(draft, request);
}

/** Finds the update, or admits it. */
export function takeUpdate(draft: Draft, request: UpdateWorkflowExecutionRequest): UpdateReply | RpcError {
  const { state } = draft;
  const updateId = updateIdOf(request);
  const known = viewUpdate(state, updateId);
  if (known !== undefined) return attachToUpdate(draft, known, must(request.request, 'update request')) ?? known;
  const encoded = UpdateRequest.encode(must(request.request, 'update request'));
  const problem = admissionProblem(draft, encoded.byteLength) ?? updateCallbacksProblem(draft, request.request?.completionCallbacks.length ?? 0);
  if (problem !== undefined) return problem;
  admitUpdate(draft, updateId, encoded);
  scheduleUpdateTask(draft);
  return must(viewUpdate(state, updateId), 'update');
}

export function admitUpdate(draft: Draft, updateId: string, request: Uint8Array): void {
  draft.emitPrivate({ updateAdmitted: { updateId, request } });
}

export function updateIdOf(request: UpdateWorkflowExecutionRequest): string {
  return must(request.request?.meta, 'update meta').updateId;
}

function admissionProblem({ state, limits }: Draft, sizeBytes: number): RpcError | undefined {
  const { run, updates, completedUpdates } = state;
  if (!state.isOpen) return alreadyCompleted();
  if (run.pause !== undefined) return updatePaused();
  if (run.closeAttempted && isHeld(state)) return workflowClosing();
  if ((state.workflowTask?.attempt ?? run.taskAttempt) >= FAILING_ATTEMPT) return updateTaskFailing();
  if (updates.size >= limits.updatesInFlight) return updatesInFlight(limits.updatesInFlight);
  if (requestBytes(state) + sizeBytes > limits.updatesInFlightSizeBytes) return updatesTooLarge(limits.updatesInFlightSizeBytes);
  if (updates.size + completedUpdates.size >= limits.updatesPerRun) return updatesTooMany(limits.updatesPerRun);
  return undefined;
}

/** Ends an update that is not accepted. Those who wait for it hear the outcome, and nothing else stays of it. */
export function rejectUpdate(draft: Draft, pending: UpdateState, failure: Encoded<Failure>): void {
  const notice = { kind: 'update', updateId: pending.updateId, admission: pending.admission } as const;
  draft.notify(pending.updateId, { ...notice, result: { type: 'completed', outcome: { failure: new Uint8Array(failure) }, eventId: 0 } } satisfies UpdateNotice);
  draft.emitPrivate({ updateDropped: { updateId: pending.updateId, failure: awaitsOutcome(draft.state, pending.updateId) ? failure : undefined } });
}

/** The worker completed the workflow task and said nothing about these updates: it does not know what an update is. */
export function rejectUnprocessedUpdates(draft: Draft): void {
  for (const pending of sentUpdates(draft.state)) {
    const message = "Workflow Update is rejected because it wasn't processed by worker. Probably, Workflow Update is not supported by the worker.";
    rejectUpdate(draft, pending, serverMade(message, 'UnprocessedUpdate'));
  }
}

/** The server fails the workflow task because its completion is wrong: the updates that it carried would be answered wrongly again. */
export function abortSentUpdates(draft: Draft, error: RpcError): void {
  for (const pending of sentUpdates(draft.state)) {
    noticeAborted(draft, pending, error);
    draft.emitPrivate({ updateDropped: { updateId: pending.updateId } });
  }
}

/** The workflow task fails again and again: whoever waits is told now, and not after many more attempts. */
export function abortWaitingUpdates(draft: Draft): void {
  for (const pending of [...draft.state.updates.values()]) {
    if (pending.acceptedEventId > 0) continue;
    noticeAborted(draft, pending, updateTaskFailing());
    draft.emitPrivate({ updateDropped: { updateId: pending.updateId } });
  }
}

/** The run is about to close by this event: tells those who wait. What stays of the updates is up to `closeUpdates`. */
export function noticeClosing(draft: Draft, eventType: EventType, attributes: EventAttributes): void {
  const { updates } = draft.state;
  if (updates.size === 0) return;
  const error = goesOn(eventType, attributes) ? workflowClosing() : updateAborted();
  for (const pending of updates.values()) {
    if (pending.acceptedEventId === 0) noticeAborted(draft, pending, error);
    else {
      const { updateId, admission } = pending;
      draft.notify(updateId, { kind: 'update', updateId, admission, result: { type: 'completed', outcome: closedOutcome(), eventId: 0 } } satisfies UpdateNotice);
    }
  }
}

/** Another run follows: who tries again reaches that one. */
function goesOn(eventType: EventType, attributes: EventAttributes): boolean {
  const next =
    attributes.workflowExecutionCompletedEventAttributes ??
    attributes.workflowExecutionFailedEventAttributes ??
    attributes.workflowExecutionTimedOutEventAttributes;
  return eventType === EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW || (next !== undefined && next.newExecutionRunId !== '');
}

function noticeAborted(draft: Draft, { updateId, admission }: UpdateState, error: RpcError): void {
  draft.notify(updateId, { kind: 'update', updateId, admission, result: { type: 'aborted', error } } satisfies UpdateNotice);
}

// ── views ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where the update stands; undefined if the run knows none with this id. */
export function viewUpdate(state: WorkflowState, updateId: string): UpdateReply | undefined {
  const reply = { kind: 'update', runId: state.run.runId, updateId, admission: 0, completedEventId: 0, acceptedEventId: 0 } as const;
  const completedEventId = state.completedUpdates.get(updateId);
  if (completedEventId !== undefined) return { ...reply, stage: Stage.COMPLETED, completedEventId };
  const pending = state.updates.get(updateId);
  if (pending === undefined) return undefined;
  const { admission, acceptedEventId } = pending;
  if (acceptedEventId === 0) return { ...reply, admission, stage: Stage.ADMITTED };
  if (!state.isOpen) return { ...reply, stage: Stage.COMPLETED, outcome: closedOutcome() };
  return { ...reply, admission, acceptedEventId, stage: Stage.ACCEPTED };
}

/** What the started workflow task takes to the worker. `again`: also what a task before it, of which nothing failed, took along. */
export function updateRequestMessages(state: WorkflowState, task: WorkflowTaskState, again: boolean): Init<Message>[] {
  const messages: Init<Message>[] = [];
  for (const { updateId, request, sentStamp, acceptedEventId, admittedEventId } of state.updates.values()) {
    // A worker finds the request of an update that was admitted by an event in that event, and would run it twice.
    if (acceptedEventId > 0 || admittedEventId > 0 || sentStamp === 0 || (sentStamp !== task.stamp && !again)) continue;
    const body = { typeUrl: pack(UpdateRequest, {}).typeUrl, value: request };
    messages.push({ id: `${updateId}/request`, protocolInstanceId: updateId, eventId: task.startedEventId - 1, body });
  }
  return messages;
}

/** Some update waits for a workflow task to take it. */
export function hasUnsentUpdates({ updates }: WorkflowState): boolean {
  for (const { sentStamp, acceptedEventId } of updates.values()) if (acceptedEventId === 0 && sentStamp === 0) return true;
  return false;
}

/** Updates that the workflow accepted, completed ones included. Does not change while a worker holds a workflow task. */
export function countAcceptedUpdates({ updates, completedUpdates }: WorkflowState): number {
  let count = completedUpdates.size;
  for (const { acceptedEventId } of updates.values()) if (acceptedEventId > 0) count += 1;
  return count;
}

/** Bytes of requests that wait to be accepted. There are few updates in flight. */
export function requestBytes({ updates }: WorkflowState): number {
  let bytes = 0;
  for (const { request, laterRequests } of updates.values()) bytes += request.byteLength + laterRequestBytes(laterRequests);
  return bytes;
}

function sentUpdates({ updates }: WorkflowState): UpdateState[] {
  return [...updates.values()].filter(({ sentStamp, acceptedEventId }) => acceptedEventId === 0 && sentStamp > 0);
}

export function closedOutcome(): Outcome {
  const message = 'Workflow Update failed because the Workflow completed before the Update completed.';
  return { failure: serverMade(message, 'AcceptedUpdateCompletedWorkflow') };
}

function serverMade(message: string, type: string): Encoded<Failure> {
  return Failure.encode({ message, source: 'Server', applicationFailureInfo: { type, nonRetryable: true } });
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function applyUpdateAdmitted(state: WorkflowState, { updateId, request }: UpdateAdmitted): void {
  keepPending(state, updateId, new Uint8Array(request), 0);
}

/** WorkflowExecutionUpdateAdmitted: an update that a reset brought into this run. */
export function applyUpdateReapplied(state: WorkflowState, event: HistoryEvent): void {
  const request = must(must(event.workflowExecutionUpdateAdmittedEventAttributes, 'attributes').request, 'request');
  const { updateId } = must(request.meta, 'meta');
  keepPending(state, updateId, UpdateRequest.encode(request), event.eventId);
  registerUpdateRequest(state, updateId, request, event);
}

export function applyUpdateDropped(state: WorkflowState, { updateId, failure }: UpdateDropped, applying: Applying): void {
  state.updates.delete(updateId);
  if (failure !== undefined) oweRejectedUpdate(state, updateId, { failure: new Uint8Array(failure) }, applying);
}

export function applyUpdateAccepted(state: WorkflowState, event: HistoryEvent): void {
  const { protocolInstanceId, acceptedRequest } = must(event.workflowExecutionUpdateAcceptedEventAttributes, 'attributes');
  // A worker may bring back an update that the server does not know, and a copied history does not show admissions.
  const pending = state.updates.get(protocolInstanceId) ?? keepPending(state, protocolInstanceId, new Uint8Array(0), 0);
  pending.acceptedEventId = event.eventId;
  pending.request = new Uint8Array(0);
  pending.laterRequests = [];
  if (acceptedRequest !== undefined) registerUpdateRequest(state, protocolInstanceId, acceptedRequest, event);
}

export function applyUpdateCompleted(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { updateId } = must(must(event.workflowExecutionUpdateCompletedEventAttributes, 'attributes').meta, 'meta');
  state.updates.delete(updateId);
  state.completedUpdates.set(updateId, event.eventId);
  oweUpdateCallbacks(state, updateId, event, applying);
}

/** A worker has started a workflow task: it takes along what waits. */
export function markUpdatesSent(state: WorkflowState, stamp: number): void {
  for (const pending of state.updates.values()) if (pending.acceptedEventId === 0 && pending.sentStamp === 0) pending.sentStamp = stamp;
}

/** The task failed: what it carried is sent again. */
export function markUpdatesUnsent(state: WorkflowState): void {
  for (const pending of state.updates.values()) if (pending.acceptedEventId === 0) pending.sentStamp = 0;
}

/** Part of closing a run. */
export function closeUpdates(state: WorkflowState): void {
  for (const { updateId, acceptedEventId } of state.updates.values()) if (acceptedEventId === 0) state.updates.delete(updateId);
}

function keepPending(state: WorkflowState, updateId: string, request: Uint8Array, admittedEventId: number): UpdateState {
  const pending = { updateId, admission: ++state.run.updateAdmissions, request, sentStamp: 0, admittedEventId, acceptedEventId: 0, laterRequests: [] };
  state.updates.set(updateId, pending);
  return pending;
}
