/**
 * Activities as the workflow sees them: SCHEDULE_ACTIVITY_TASK → ActivityTaskScheduled, then the Started event together with the one
 * that ends it; REQUEST_CANCEL_ACTIVITY_TASK → ActivityTaskCancelRequested.
 *
 * What happens in between (attempts, heartbeats, timeouts, retries) is in `activity-attempts.ts` and leaves no events.
 * An activity that no worker holds is cancelled at once; one that a worker holds learns of it with its next heartbeat.
 */
import { EventType, TaskQueueKind, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { ActivityState, Command, HistoryEvent } from '../../../protocol/index.js';
import { heldBytes, newActivity } from './attempt.js';
import { activityTimeouts, priorityProblem } from './activity-settings.js';
import { commandExtras, idProblem, taskQueueProblem } from '../tasks/command-plan.js';
import type { CommandFault, CommandPlan, Completion } from '../tasks/command-plan.js';
import { activityKey } from '../debts.js';
import { jsonPayloads } from '../payloads.js';
import { retryPolicyProblem, withRetryDefaults } from './retry-policy.js';
import { keep, must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';

// ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function planScheduleActivity(plan: CommandPlan, command: Command): CommandFault | undefined {
  const { limits } = plan;
  const bad = (message: string): CommandFault => ({ cause: WorkflowTaskFailedCause.BAD_SCHEDULE_ACTIVITY_ATTRIBUTES, message });
  const attributes = command.scheduleActivityTaskCommandAttributes;
  if (attributes === undefined) return bad('the attributes are not set');
  const { activityId, activityType, input, header, retryPolicy } = attributes;
  const taskQueue = attributes.taskQueue?.name ?? '';
  const problem =
    idProblem('activity id', activityId, limits) ??
    idProblem('activity type', activityType?.name, limits) ??
    taskQueueProblem(taskQueue, limits) ??
    retryPolicyProblem(retryPolicy) ??
    priorityProblem(attributes.priority, limits);
  if (problem !== undefined) return bad(problem);
  const timeouts = activityTimeouts(attributes, plan.state.run.runTimeoutMs);
  if (typeof timeouts === 'string') return bad(`activity ${activityId}: ${timeouts}`);
  if (plan.activityIds.get(activityId) ?? plan.state.activityIds.has(activityId)) {
    return { cause: WorkflowTaskFailedCause.SCHEDULE_ACTIVITY_DUPLICATE_ID, message: `an activity with the id ${activityId} is already pending` };
  }
  if (plan.pendingActivities >= limits.pendingActivities) {
    return {
      cause: WorkflowTaskFailedCause.PENDING_ACTIVITIES_LIMIT_EXCEEDED,
      message: `the workflow has ${plan.pendingActivities} activities pending: that is the limit; wait for some before scheduling more`,
    };
  }
  if ((input?.byteLength ?? 0) > limits.blobSizeBytes) {
    return { ...bad(`the input of activity ${activityId} is larger than ${limits.blobSizeBytes} bytes`), terminates: true };
  }
  plan.activityIds.set(activityId, true);
  plan.newActivities.set(plan.nextEventId, activityId);
  plan.pendingActivities++;
  plan.steps.push(({ draft, completedEventId, eager }) => {
    const scheduledEventId = draft.emit(
      EventType.ACTIVITY_TASK_SCHEDULED,
      {
        activityTaskScheduledEventAttributes: {
          activityId,
          activityType,
          taskQueue: { name: taskQueue, kind: TaskQueueKind.NORMAL, normalName: '' },
          header,
          input,
          ...timeouts,
          workflowTaskCompletedEventId: completedEventId,
          retryPolicy: withRetryDefaults(retryPolicy),
          useWorkflowBuildId: attributes.useWorkflowBuildId,
          priority: attributes.priority,
        },
      },
      commandExtras(command),
    );
    const activity = draft.state.activities.get(scheduledEventId);
    if (attributes.requestEagerExecution && activity !== undefined) eager.push(activity);
  });
  return undefined;
}

export function planRequestCancelActivity(plan: CommandPlan, command: Command): CommandFault | undefined {
  const bad = (message: string): CommandFault => ({ cause: WorkflowTaskFailedCause.BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES, message });
  const scheduledEventId = command.requestCancelActivityTaskCommandAttributes?.scheduledEventId ?? 0;
  const pending = plan.state.activities.get(scheduledEventId);
  const activityId = pending?.activityId ?? plan.newActivities.get(scheduledEventId);
  if (activityId === undefined) return bad(`no activity is pending with the scheduled event id ${scheduledEventId}`);
  if ((pending?.cancelRequestedEventId ?? 0) > 0 || plan.cancelledActivities.has(scheduledEventId)) {
    return bad(`the cancellation of activity ${activityId} was requested before`);
  }
  plan.cancelledActivities.add(scheduledEventId);
  const atOnce = pending === undefined || (!pending.started && !pending.closing);
  if (atOnce) {
    plan.activityIds.set(activityId, false);
    plan.pendingActivities--;
  }
  plan.steps.push((completion) => {
    const { draft, completedEventId } = completion;
    const cancelRequestedEventId = draft.emit(
      EventType.ACTIVITY_TASK_CANCEL_REQUESTED,
      { activityTaskCancelRequestedEventAttributes: { scheduledEventId, workflowTaskCompletedEventId: completedEventId } },
      commandExtras(command),
    );
    if (atOnce) cancelUnstarted(completion, scheduledEventId, cancelRequestedEventId);
  });
  return undefined;
}

function cancelUnstarted(completion: Completion, scheduledEventId: number, latestCancelRequestedEventId: number): void {
  const { draft, identity } = completion;
  completion.consequences.push(() =>
    draft.emit(EventType.ACTIVITY_TASK_CANCELED, {
      activityTaskCanceledEventAttributes: {
        details: NOT_STARTED,
        latestCancelRequestedEventId,
        scheduledEventId,
        startedEventId: 0,
        identity,
      },
    }),
  );
}

const NOT_STARTED = jsonPayloads('ACTIVITY_ID_NOT_STARTED');

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function applyActivityScheduled(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const attributes = must(event.activityTaskScheduledEventAttributes, 'attributes');
  const scheduled = {
    scheduledEventId: event.eventId,
    activityId: attributes.activityId,
    activityType: attributes.activityType?.name ?? '',
    taskQueue: attributes.taskQueue?.name ?? '',
    input: keep(attributes.input),
    header: keep(attributes.header),
    priority: keep(attributes.priority),
    scheduleToCloseTimeoutMs: attributes.scheduleToCloseTimeout ?? 0,
    scheduleToStartTimeoutMs: attributes.scheduleToStartTimeout ?? 0,
    startToCloseTimeoutMs: attributes.startToCloseTimeout ?? 0,
    heartbeatTimeoutMs: attributes.heartbeatTimeout ?? 0,
    retryPolicy: attributes.retryPolicy,
    scheduledTimeMs: applying.now,
  };
  keepActivity(state, newActivity(scheduled, applying.now, applying.now));
  applying.touch(activityKey(event.eventId));
}

export function keepActivity(state: WorkflowState, activity: ActivityState): void {
  state.activities.set(activity.scheduledEventId, activity);
  // Once its end waits in the buffer the workflow may use the id again.
  if (!activity.closing) state.activityIds.set(activity.activityId, activity.scheduledEventId);
  if (activity.paused) state.pausedActivities++;
  state.payloadBytes += heldBytes(activity);
}

/** Written only together with the event that ends the activity. */
export function applyActivityStarted(state: WorkflowState, event: HistoryEvent): void {
  const { scheduledEventId } = must(event.activityTaskStartedEventAttributes, 'attributes');
  must(state.activities.get(scheduledEventId), 'activity').startedEventId = event.eventId;
}

/** Completed, failed, timed out or cancelled. */
export function applyActivityClosed(state: WorkflowState, scheduledEventId: number, applying: Applying): void {
  const activity = must(state.activities.get(scheduledEventId), 'activity');
  state.activities.delete(scheduledEventId);
  if (activity.paused) state.pausedActivities--;
  releaseActivityId(state, activity);
  state.payloadBytes -= heldBytes(activity);
  applying.touch(activityKey(scheduledEventId));
}

export function releaseActivityId(state: WorkflowState, { activityId, scheduledEventId }: ActivityState): void {
  if (state.activityIds.get(activityId) === scheduledEventId) state.activityIds.delete(activityId);
}

export function applyActivityCancelRequested(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { scheduledEventId } = must(event.activityTaskCancelRequestedEventAttributes, 'attributes');
  must(state.activities.get(scheduledEventId), 'activity').cancelRequestedEventId = event.eventId;
  applying.touch(activityKey(scheduledEventId));
}

/** A change of a pending activity that leaves it pending: what the run counts of its activities is counted anew. */
export function changeActivity(state: WorkflowState, scheduledEventId: number, applying: Applying, change: (activity: ActivityState) => void): void {
  const activity = must(state.activities.get(scheduledEventId), 'activity');
  const bytesBefore = heldBytes(activity);
  const wasPaused = activity.paused;
  change(activity);
  state.payloadBytes += heldBytes(activity) - bytesBefore;
  if (activity.paused !== wasPaused) state.pausedActivities += activity.paused ? 1 : -1;
  applying.touch(activityKey(scheduledEventId));
}
