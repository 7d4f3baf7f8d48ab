/**
 * Completion callbacks of updates, and the requests that brought them.
 *
 * A request for an update may name addresses outside that are told its outcome. They are registered by the event that accepts the update
 * (or that brings it into a run which a reset made). A later request for the same update may add its own: WorkflowExecutionOptionsUpdated.
 * They are owed once the update is completed, or once the run is closed and the update will never be. Delivery is that of `callbacks.ts`.
 *
 * Invariant: `run.owedUpdateCallbacks` counts the callbacks here that are not settled. A callback of an update that completed has its outcome
 * in `notice` until then.
 */
import { CallbackState, EventType, HistoryEvent, UpdateRequest, UpdateWorkflowExecutionLifecycleStage as Stage } from '../../../protocol/index.js';
import type { RpcError, WorkflowExecutionOptionsUpdatedEventAttributes } from '../../../protocol/index.js';
import { arrive } from '../buffer.js';
import { oweCallback, registerCallbacks, tooManyCallbacks } from '../runs/callbacks.js';
import type { Draft } from '../draft.js';
import { busy } from '../refusals.js';
import type { Applying, WorkflowState } from '../state.js';
import type { UpdateReply } from './update-inputs.js';
import { closedOutcome } from './updates.js';

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The update is known; the request may be another one, with callbacks of its own. Whoever asks for a completed one has the outcome in the reply. */
export function attachToUpdate(draft: Draft, { stage, updateId }: UpdateReply, { requestId, completionCallbacks }: UpdateRequest): RpcError | undefined {
  if (completionCallbacks.length === 0 || stage === Stage.COMPLETED) return undefined;
  const { state, limits } = draft;
  if (stage === Stage.ADMITTED) return isRequestOf(state, updateId, requestId) ? undefined : busy('workflow update is not yet accepted, please retry');
  if (state.run.updateRequests.some((known) => known.requestId === requestId)) return undefined;
  const problem = tooManyCallbacks(state.callbacks.length, completionCallbacks.length, limits);
  if (problem !== undefined) return problem;
  arrive(
    draft,
    EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED,
    {
      workflowExecutionOptionsUpdatedEventAttributes: {
        unsetVersioningOverride: false,
        attachedRequestId: '',
        attachedCompletionCallbacks: [],
        identity: '',
        workflowUpdateOptions: [{ updateId, attachedRequestId: requestId, attachedCompletionCallbacks: completionCallbacks }],
        timeSkippingConfigUpdated: false,
      },
    },
    { workerMayIgnore: true },
  );
  return undefined;
}

function isRequestOf({ updates }: WorkflowState, updateId: string, requestId: string): boolean {
  const pending = updates.get(updateId);
  return pending !== undefined && UpdateRequest.decode(pending.request).requestId === requestId;
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

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
  const outcome = { workflowExecutionUpdateCompletedEventAttributes: { outcome: closedOutcome(), acceptedEventId: 0 } };
  const event = HistoryEvent.create({ eventTime, eventType: EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED, ...outcome });
  owe(state, (callback) => callback.updateId !== '', event, applying);
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
