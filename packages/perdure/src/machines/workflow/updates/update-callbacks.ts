/**
 * Completion callbacks of updates, and the requests that brought them.
 *
 * A request for an update may name addresses outside that are told its outcome. They are registered by the event that accepts the update
 * (or that brings it into a run which a reset made). A later request for the same update may add its own: WorkflowExecutionOptionsUpdated,
 * which is written behind the acceptance if the update waits for that still.
 * They are owed once the update is completed, or once the run is closed and the update will never be: also where a reset goes on without the
 * update. Delivery is that of `callbacks.ts`.
 *
 * Invariant: `run.owedUpdateCallbacks` counts the callbacks here that are not settled. A callback of an update that completed has its outcome
 * in `notice` until then.
 */
import {
  CallbackState,
  EventType,
  HistoryEvent,
  UpdateRequest,
  UpdateWorkflowExecutionLifecycleStage as Stage,
  WorkflowExecutionOptionsUpdatedEventAttributes,
} from '../../../protocol/index.js';
import type { Outcome, RpcError, UpdateRequestAttached } from '../../../protocol/index.js';
import { arrive } from '../buffer.js';
import { oweCallback, registerCallbacks, tooManyCallbacks } from '../runs/callbacks.js';
import type { Draft } from '../draft.js';
import type { ReappliedEvent } from '../reset/reset-reapply.js';
import { must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import type { UpdateReply } from './update-inputs.js';
import { reapplicableUpdate } from './update-reapply.js';
import { closedOutcome } from './updates.js';

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The update is known; the request may be another one, with callbacks of its own. Whoever asks for a completed one has the outcome in the reply. */
export function attachToUpdate(draft: Draft, { stage, updateId }: UpdateReply, { requestId, completionCallbacks }: UpdateRequest): RpcError | undefined {
  if (completionCallbacks.length === 0 || stage === Stage.COMPLETED) return undefined;
  const { state } = draft;
  if (state.run.updateRequests.some((known) => known.requestId === requestId)) return undefined;
  if (stage === Stage.ADMITTED && isRequestOf(state, updateId, requestId)) return undefined;
  const problem = updateCallbacksProblem(draft, completionCallbacks.length);
  if (problem !== undefined) return problem;
  const attached = { updateId, requestId, completionCallbacks };
  if (stage === Stage.ADMITTED) draft.emitPrivate({ updateRequestAttached: attached });
  else writeUpdateRequest(draft, attached);
  return undefined;
}

function isRequestOf({ updates }: WorkflowState, updateId: string, requestId: string): boolean {
  const { request, laterRequests } = must(updates.get(updateId), 'update');
  return laterRequests.some((later) => later.requestId === requestId) || UpdateRequest.decode(request).requestId === requestId;
}

/** Whether a request may bring so many more, beside those that wait for the acceptance of their updates. There are few updates in flight. */
export function updateCallbacksProblem({ state, limits }: Draft, more: number): RpcError | undefined {
  if (more === 0) return undefined;
  let known = state.callbacks.length;
  for (const { request, acceptedEventId, admittedEventId, laterRequests } of state.updates.values()) {
    if (acceptedEventId === 0 && admittedEventId === 0) known += UpdateRequest.decode(request).completionCallbacks.length;
    for (const { completionCallbacks } of laterRequests) known += completionCallbacks.length;
  }
  return tooManyCallbacks(known, more, limits);
}

/** The event for a later request. */
export function writeUpdateRequest(draft: Draft, { updateId, requestId, completionCallbacks }: UpdateRequestAttached): void {
  const workflowUpdateOptions = [{ updateId, attachedRequestId: requestId, attachedCompletionCallbacks: completionCallbacks }];
  const workflowExecutionOptionsUpdatedEventAttributes = WorkflowExecutionOptionsUpdatedEventAttributes.create({ workflowUpdateOptions });
  arrive(draft, EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED, { workflowExecutionOptionsUpdatedEventAttributes }, { workerMayIgnore: true });
}

/**
 * Updates of a run that is being reset of which the new run knows nothing, because they are not told again: nobody else will ever tell their
 * callbacks. `forked` is the new run as far as it is copied.
 */
export function leftUpdates({ callbacks }: WorkflowState, forked: WorkflowState, reapplied: readonly ReappliedEvent[], isBase: boolean): string[] {
  const waiting = new Set(callbacks.flatMap(({ updateId, state }) => (updateId !== '' && state === CallbackState.STANDBY ? [updateId] : [])));
  if (waiting.size === 0) return [];
  // What the base had accepted before the point of the reset is accepted in the new run. There, an id that is known is not asked again.
  if (isBase) for (const updateId of forked.updates.keys()) waiting.delete(updateId);
  for (const { event } of reapplied) {
    const updateId = reapplicableUpdate(event)?.meta?.updateId ?? '';
    if (!forked.updates.has(updateId) && !forked.completedUpdates.has(updateId)) waiting.delete(updateId);
  }
  return [...waiting];
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function applyUpdateRequestAttached({ updates }: WorkflowState, { updateId, requestId, completionCallbacks }: UpdateRequestAttached): void {
  const kept = completionCallbacks.map((callback) => new Uint8Array(callback));
  must(updates.get(updateId), 'update').laterRequests.push({ updateId, requestId, completionCallbacks: kept });
}

export function laterRequestBytes(requests: readonly UpdateRequestAttached[]): number {
  return requests.reduce((sum, { completionCallbacks }) => completionCallbacks.reduce((bytes, callback) => bytes + callback.byteLength, sum), 0);
}

/** The event has the request in it: it accepts the update, or a reset brought it. */
export function registerUpdateRequest(state: WorkflowState, updateId: string, { requestId, completionCallbacks }: UpdateRequest, event: HistoryEvent): void {
  rememberUpdateRequest(state, requestId, event.eventId, event.eventType);
  if (completionCallbacks.length > 0) registerCallbacks(state, completionCallbacks, event.eventTime ?? 0, requestId, { updateId, accepted: true });
}

/** Holds from the decision on, also while the event waits in the buffer (id 0): the update may complete in front of it. */
export function registerUpdateOptions(state: WorkflowState, event: HistoryEvent, { workflowUpdateOptions }: WorkflowExecutionOptionsUpdatedEventAttributes): void {
  for (const { updateId, attachedRequestId, attachedCompletionCallbacks } of workflowUpdateOptions) {
    const known = state.run.updateRequests.find(({ requestId }) => requestId === attachedRequestId);
    if (known !== undefined) known.eventId ||= event.eventId;
    else if (state.updates.has(updateId)) {
      rememberUpdateRequest(state, attachedRequestId, event.eventId, event.eventType);
      registerCallbacks(state, attachedCompletionCallbacks, event.eventTime ?? 0, attachedRequestId, { updateId, accepted: false });
    }
  }
}

/** How many the state keeps. Not configurable: a fold must forget the same ones. */
const REMEMBERED = 100;

function rememberUpdateRequest({ run: { updateRequests } }: WorkflowState, requestId: string, eventId: number, eventType: EventType): void {
  if (requestId === '' || updateRequests.some((known) => known.requestId === requestId)) return;
  updateRequests.push({ requestId, eventId, eventType });
  if (updateRequests.length > REMEMBERED) updateRequests.shift();
}

/** The update is completed by this event. */
export function oweUpdateCallbacks(state: WorkflowState, updateId: string, event: HistoryEvent, applying: Applying): void {
  if (state.callbacks.length > 0) owe(state, (callback) => callback.updateId === updateId, event, applying);
}

/** The run is closed: what is not completed never will be. A run that a reset made goes on with the updates, and with their callbacks. */
export function closeUpdateCallbacks(state: WorkflowState, { eventTime }: HistoryEvent, applying: Applying): void {
  if (state.callbacks.length === 0 || state.run.resetRunId !== '') return;
  owe(state, (callback) => callback.updateId !== '', completed(closedOutcome(), eventTime), applying);
}

/** The run is reset, and the new one goes on without these updates. */
export function oweLeftUpdates(state: WorkflowState, updateIds: readonly string[], applying: Applying): void {
  if (updateIds.length > 0) owe(state, ({ updateId }) => updateIds.includes(updateId), completed(closedOutcome(), applying.now), applying);
}

/** Callbacks are registered already although nothing is accepted: a reset brought the update, with an event. */
export function awaitsOutcome({ callbacks }: WorkflowState, updateId: string): boolean {
  return callbacks.some((callback) => callback.updateId === updateId && callback.state === CallbackState.STANDBY);
}

/** The workflow rejected an update that a reset had brought. */
export function oweRejectedUpdate(state: WorkflowState, rejectedId: string, outcome: Outcome, applying: Applying): void {
  owe(state, ({ updateId }) => updateId === rejectedId, completed(outcome, applying.now), applying);
}

/** What is told where no event of the history holds the outcome. */
function completed(outcome: Outcome, eventTime: number | undefined): HistoryEvent {
  const attributes = { workflowExecutionUpdateCompletedEventAttributes: { outcome, acceptedEventId: 0 } };
  return HistoryEvent.create({ eventTime, eventType: EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED, ...attributes });
}

function owe({ run, callbacks }: WorkflowState, isMeant: (callback: { readonly updateId: string }) => boolean, event: HistoryEvent, applying: Applying): void {
  let notice: Uint8Array | undefined;
  for (const [index, callback] of callbacks.entries()) {
    if (callback.state !== CallbackState.STANDBY || !isMeant(callback)) continue;
    callback.notice = notice ??= HistoryEvent.encode(event);
    run.owedUpdateCallbacks += 1;
    oweCallback(index, callback, applying);
  }
}

/** Copied events say of updates that completed in the base: the base tells of them. */
export function settleForkedCallbacks(state: WorkflowState): void {
  state.callbacks = state.callbacks.filter(({ updateId }) => updateId === '' || state.updates.has(updateId));
  state.run.owedUpdateCallbacks = 0;
}
