/**
 * The one door through which the state changes: each event type has one `apply…` function in the file of its concept.
 *
 * Live transitions (`draft.ts`) and folds (`fold.ts`) both come through here. An `apply…` function decides nothing: it takes the event
 * as a fact, changes the state, copies the bytes that stay, and touches the debt keys that may have changed.
 */
import { childEnd, EventType } from '../../protocol/index.js';
import type { HistoryEvent, WorkflowPrivateEvent } from '../../protocol/index.js';
import { applyActivityCancelRequested, applyActivityClosed, applyActivityScheduled, applyActivityStarted } from './activities/activities.js';
import { applyAttemptFailed, applyAttemptHeartbeat, applyAttemptReady, applyAttemptStarted } from './activities/activity-attempts.js';
import { applyActivityPaused, applyActivityReset, applyActivityUnpaused } from './activities/activity-operations.js';
import { applyActivityOptionsUpdated } from './activities/activity-options.js';
import { applyBufferFlushed, applyEventBuffered } from './buffer.js';
import { applyChildClosed, applyChildInitiated, applyChildStarted, applyChildVersionInherited } from './messages/children.js';
import { applyCallbackAttempted, applyCallbackDue } from './runs/callbacks.js';
import { applyClosed } from './runs/close.js';
import { applyCloseNoticeDelivered } from './messages/close-notice.js';
import { applyDeletionRequested } from './reset/deletion.js';
import { applyCancelInitiated, applyExternalAnswered, applySignalInitiated } from './messages/external.js';
import * as nexus from './nexus/nexus-operations.js';
import { applyParentClosePolicyApplied } from './messages/parent-close.js';
import { applyOptionsUpdated } from './runs/options.js';
import { applyPaused, applyUnpaused } from './runs/pause.js';
import { applyPropertiesModified, applySearchAttributesUpserted } from './properties.js';
import { applyBaseTold, applyHistoryForked, applyResetBy, applyRunReset } from './reset/reset.js';
import { applyScheduleNoticeDelivered } from './messages/schedule-notice.js';
import { applySignaled } from './signals.js';
import { applyRunCreated, applyStarted } from './runs/start.js';
import { applyTaskRouted, applyVersionCompleted } from './runs/versioning.js';
import { must } from './state.js';
import type { Applying, WorkflowState } from './state.js';
import { applyStickyCleared, applyStickySet } from './tasks/sticky.js';
import { applyTimerClosed, applyTimerStarted } from './timers.js';
import { applySpeculativeDropped, applySpeculativeScheduled } from './tasks/speculative-task.js';
import { countExternalPayloads } from '../../protocol/json/external-payloads.js';
import * as updates from './updates/updates.js';
import { applyUpdateRequestAttached } from './updates/update-callbacks.js';
import * as task from './tasks/workflow-task.js';

export function applyHistoryEvent(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  if (event.eventId !== state.nextEventId) throw new Error(`broken record: event ${event.eventId} follows event ${state.run.lastEventId}`);
  state.run.lastEventId = event.eventId;
  const time = event.eventTime ?? 0;
  if (time > state.run.lastEventTimeMs) state.run.lastEventTimeMs = time;

  switch (event.eventType) {
    case EventType.WORKFLOW_EXECUTION_STARTED:
      return applyStarted(state, event, applying);
    case EventType.WORKFLOW_TASK_SCHEDULED:
      return task.applyScheduled(state, event, applying);
    case EventType.WORKFLOW_TASK_STARTED:
      return task.applyTaskStarted(state, event, applying);
    case EventType.WORKFLOW_TASK_COMPLETED:
      applyVersionCompleted(state, event, applying);
      return task.applyCompleted(state, event, applying);
    case EventType.WORKFLOW_TASK_FAILED:
      return task.applyFailed(state, event, applying);
    case EventType.WORKFLOW_TASK_TIMED_OUT:
      return task.applyTimedOut(state, event, applying);
    case EventType.ACTIVITY_TASK_SCHEDULED:
      return applyActivityScheduled(state, event, applying);
    case EventType.ACTIVITY_TASK_STARTED:
      return applyActivityStarted(state, event);
    case EventType.ACTIVITY_TASK_COMPLETED:
      return applyActivityClosed(state, must(event.activityTaskCompletedEventAttributes, 'attributes').scheduledEventId, applying);
    case EventType.ACTIVITY_TASK_FAILED:
      return applyActivityClosed(state, must(event.activityTaskFailedEventAttributes, 'attributes').scheduledEventId, applying);
    case EventType.ACTIVITY_TASK_TIMED_OUT:
      return applyActivityClosed(state, must(event.activityTaskTimedOutEventAttributes, 'attributes').scheduledEventId, applying);
    case EventType.ACTIVITY_TASK_CANCELED:
      return applyActivityClosed(state, must(event.activityTaskCanceledEventAttributes, 'attributes').scheduledEventId, applying);
    case EventType.ACTIVITY_TASK_CANCEL_REQUESTED:
      return applyActivityCancelRequested(state, event, applying);
    case EventType.TIMER_STARTED:
      return applyTimerStarted(state, event, applying);
    case EventType.TIMER_FIRED:
      return applyTimerClosed(state, must(event.timerFiredEventAttributes, 'attributes').timerId, applying);
    case EventType.TIMER_CANCELED:
      return applyTimerClosed(state, must(event.timerCanceledEventAttributes, 'attributes').timerId, applying);
    case EventType.WORKFLOW_EXECUTION_SIGNALED:
      return applySignaled(state, event);
    case EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED:
      state.run.cancelRequested = true;
      return;
    case EventType.WORKFLOW_EXECUTION_UPDATE_ADMITTED:
      return updates.applyUpdateReapplied(state, event);
    case EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
      return updates.applyUpdateAccepted(state, event);
    case EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED:
      return updates.applyUpdateCompleted(state, event, applying);
    case EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED:
      return applyChildInitiated(state, event, applying);
    case EventType.CHILD_WORKFLOW_EXECUTION_STARTED:
      return applyChildStarted(state, event, applying);
    case EventType.START_CHILD_WORKFLOW_EXECUTION_FAILED:
      return applyChildClosed(state, must(event.startChildWorkflowExecutionFailedEventAttributes, 'attributes').initiatedEventId, applying);
    case EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED:
    case EventType.CHILD_WORKFLOW_EXECUTION_FAILED:
    case EventType.CHILD_WORKFLOW_EXECUTION_CANCELED:
    case EventType.CHILD_WORKFLOW_EXECUTION_TIMED_OUT:
    case EventType.CHILD_WORKFLOW_EXECUTION_TERMINATED:
      return applyChildClosed(state, must(childEnd(event), 'attributes').initiatedEventId, applying);
    case EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
      return applySignalInitiated(state, event, applying);
    case EventType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
      return applyCancelInitiated(state, event, applying);
    case EventType.EXTERNAL_WORKFLOW_EXECUTION_SIGNALED:
    case EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:
    case EventType.EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
    case EventType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:
      applyExternalAnswered(state, event, applying);
      return;
    case EventType.NEXUS_OPERATION_SCHEDULED:
      return nexus.applyOperationScheduled(state, event, applying);
    case EventType.NEXUS_OPERATION_STARTED:
      return nexus.applyOperationStarted(state, event, applying);
    case EventType.NEXUS_OPERATION_COMPLETED:
    case EventType.NEXUS_OPERATION_FAILED:
    case EventType.NEXUS_OPERATION_CANCELED:
    case EventType.NEXUS_OPERATION_TIMED_OUT:
      return nexus.applyOperationEnded(state, event, applying);
    case EventType.NEXUS_OPERATION_CANCEL_REQUESTED:
      return nexus.applyCancelRequested(state, event, applying);
    case EventType.NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED:
    case EventType.NEXUS_OPERATION_CANCEL_REQUEST_FAILED:
      return nexus.applyCancelAnswered(state, event, applying);
    case EventType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
      return applySearchAttributesUpserted(state, event);
    case EventType.WORKFLOW_PROPERTIES_MODIFIED:
      return applyPropertiesModified(state, event);
    case EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED:
      return applyOptionsUpdated(state, event, applying);
    case EventType.WORKFLOW_EXECUTION_PAUSED:
      return applyPaused(state, event, applying);
    case EventType.WORKFLOW_EXECUTION_UNPAUSED:
      return applyUnpaused(state, applying);
    case EventType.MARKER_RECORDED:
      return;
    case EventType.WORKFLOW_EXECUTION_COMPLETED:
    case EventType.WORKFLOW_EXECUTION_FAILED:
    case EventType.WORKFLOW_EXECUTION_TIMED_OUT:
    case EventType.WORKFLOW_EXECUTION_CANCELED:
    case EventType.WORKFLOW_EXECUTION_TERMINATED:
    case EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
      return applyClosed(state, event, applying);
    default:
      throw new Error(`broken record: event ${event.eventId} has the type ${event.eventType}, which this version does not know`);
  }
}

export function applyPrivateEvent(state: WorkflowState, event: WorkflowPrivateEvent, applying: Applying): void {
  if (event.attemptStarted) return applyAttemptStarted(state, event.attemptStarted, applying);
  if (event.eventBuffered) return applyEventBuffered(state, event.eventBuffered, applying);
  if (event.bufferFlushed) return applyBufferFlushed(state);
  if (event.stickySet) return applyStickySet(state, event.stickySet);
  if (event.stickyCleared) return applyStickyCleared(state, applying);
  if (event.attemptHeartbeat) return applyAttemptHeartbeat(state, event.attemptHeartbeat, applying);
  if (event.attemptFailed) return applyAttemptFailed(state, event.attemptFailed, applying);
  if (event.attemptReady) return applyAttemptReady(state, event.attemptReady, applying);
  if (event.activityPaused) return applyActivityPaused(state, event.activityPaused, applying);
  if (event.activityUnpaused) return applyActivityUnpaused(state, event.activityUnpaused, applying);
  if (event.activityReset) return applyActivityReset(state, event.activityReset, applying);
  if (event.activityOptionsUpdated) return applyActivityOptionsUpdated(state, event.activityOptionsUpdated, applying);
  if (event.transientTaskScheduled) return task.applyTransientScheduled(state, event.transientTaskScheduled, applying);
  if (event.transientTaskStarted) return task.applyTransientStarted(state, event.transientTaskStarted, applying);
  if (event.transientTaskFailed) return task.applyTransientFailed(state, event.transientTaskFailed, applying);
  if (event.heartbeatChainContinued) {
    state.run.heartbeatChainSinceMs = event.heartbeatChainContinued.sinceMs;
    return;
  }
  if (event.parentClosePolicyApplied) return applyParentClosePolicyApplied(state, event.parentClosePolicyApplied.initiatedEventId, applying);
  if (event.closeNoticeDelivered) return applyCloseNoticeDelivered(state, event.closeNoticeDelivered.movedToRunId, applying);
  if (event.scheduleNoticeDelivered) return applyScheduleNoticeDelivered(state, applying);
  if (event.callbackAttempted) return applyCallbackAttempted(state, event.callbackAttempted, applying);
  if (event.callbackDue) return applyCallbackDue(state, event.callbackDue, applying);
  if (event.nexusRequestFailed) return nexus.applyNexusRequestFailed(state, event.nexusRequestFailed, applying);
  if (event.nexusRequestDue) return nexus.applyNexusRequestDue(state, event.nexusRequestDue, applying);
  if (event.runCreated) return applyRunCreated(state, event.runCreated);
  if (event.resetBy) return applyResetBy(state, event.resetBy, applying);
  if (event.runReset) return applyRunReset(state, event.runReset, applying);
  if (event.baseTold) return applyBaseTold(state, applying);
  if (event.deletionRequested) return applyDeletionRequested(state, applying);
  // Also says how the record's history counts; see `fold.ts`.
  if (event.historyForked) return applyHistoryForked(state);
  if (event.taskRouted) return applyTaskRouted(state, event.taskRouted, applying);
  if (event.childVersionInherited) return applyChildVersionInherited(state, event.childVersionInherited.initiatedEventId);
  if (event.updateAdmitted) return updates.applyUpdateAdmitted(state, event.updateAdmitted);
  if (event.updateRequestAttached) return applyUpdateRequestAttached(state, event.updateRequestAttached);
  if (event.updateDropped) return updates.applyUpdateDropped(state, event.updateDropped, applying);
  if (event.speculativeTaskScheduled) return applySpeculativeScheduled(state, event.speculativeTaskScheduled, applying);
  if (event.speculativeTaskDropped) return applySpeculativeDropped(state, applying);
  throw new Error('broken record: a private event has a type that this version does not know');
}

/** What every record adds, whatever is in it. */
export function closeRecord(state: WorkflowState, history: Uint8Array | undefined): void {
  if (history !== undefined) {
    state.run.historySizeBytes += history.byteLength;
    const external = countExternalPayloads(history);
    if (external !== undefined) {
      state.run.externalPayloadCount += external.count;
      state.run.externalPayloadSizeBytes += external.sizeBytes;
    }
  }
  state.run.transitions += 1;
  if (state.run.closeTimeMs > 0 && state.run.closeTransitions === 0) state.run.closeTransitions = state.run.transitions;
}
