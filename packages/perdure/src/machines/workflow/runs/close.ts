/**
 * The ends of a run: completed, failed, cancelled by its own command; timed out by its deadline. (Terminated: `terminate.ts`.)
 *
 * The close event is the last one of the history. From then on the run owes nothing but messages (`messages.ts`): its pending activities
 * and timers are forgotten.
 * A failed or timed out run may be followed by another one (retry policy), a completed one too (cron schedule); it starts in the same
 * commit.
 */
import { EventType, RetryState, TimeoutType, WorkflowExecutionStatus, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { Command, Encoded, Failure, HistoryEvent } from '../../../protocol/index.js';
import { oweCloseNotice } from '../messages/close-notice.js';
import { oweScheduleNotice } from '../messages/schedule-notice.js';
import { closeCallbacks } from './callbacks.js';
import { closeProblem } from './close-problem.js';
import { commandExtras } from '../tasks/command-plan.js';
import type { CommandFault, CommandPlan } from '../tasks/command-plan.js';
import { cronRun } from './cron-schedule.js';
import { debtKeys } from '../debts.js';
import type { Draft } from '../draft.js';
import { dropOutgoing } from '../messages/external.js';
import { dropOperations } from '../nexus/nexus-operations.js';
import { timeoutFailure } from '../failures.js';
import { retryRun } from './next-run.js';
import { applyParentClose } from '../messages/parent-close.js';
import { must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import { closeUpdateCallbacks } from '../updates/update-callbacks.js';
import { closeUpdates } from '../updates/updates.js';
import { abandonStartedTask } from '../tasks/workflow-task.js';

export function planCompleteWorkflow(plan: CommandPlan, command: Command): CommandFault | undefined {
  const cause = WorkflowTaskFailedCause.BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES;
  const attributes = command.completeWorkflowExecutionCommandAttributes;
  if (attributes === undefined) return { cause, message: 'the attributes are not set' };
  const { result } = attributes;
  const fault = tooLarge(plan, cause, 'result', result);
  if (fault !== undefined) return fault;
  plan.steps.push(({ draft, completedEventId }) => {
    const newExecutionRunId = cronRun(draft, { result });
    draft.emit(
      EventType.WORKFLOW_EXECUTION_COMPLETED,
      {
        workflowExecutionCompletedEventAttributes: { result, workflowTaskCompletedEventId: completedEventId, newExecutionRunId },
      },
      commandExtras(command),
    );
  });
  return undefined;
}

export function planFailWorkflow(plan: CommandPlan, command: Command): CommandFault | undefined {
  const cause = WorkflowTaskFailedCause.BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES;
  const failure = command.failWorkflowExecutionCommandAttributes?.failure;
  if (failure === undefined) return { cause, message: 'the failure is not set' };
  const fault = tooLarge(plan, cause, 'failure', failure);
  if (fault !== undefined) return fault;
  plan.steps.push(({ draft, completedEventId }) => {
    const retry = retryRun(draft, failure);
    draft.emit(
      EventType.WORKFLOW_EXECUTION_FAILED,
      {
        workflowExecutionFailedEventAttributes: {
          failure,
          retryState: retry.retryState,
          workflowTaskCompletedEventId: completedEventId,
          newExecutionRunId: retry.runId || cronRun(draft, { failure }),
        },
      },
      commandExtras(command),
    );
  });
  return undefined;
}

export function planCancelWorkflow(plan: CommandPlan, command: Command): CommandFault | undefined {
  const cause = WorkflowTaskFailedCause.BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES;
  const attributes = command.cancelWorkflowExecutionCommandAttributes;
  if (attributes === undefined) return { cause, message: 'the attributes are not set' };
  const { details } = attributes;
  const fault = tooLarge(plan, cause, 'details', details);
  if (fault !== undefined) return fault;
  plan.steps.push(({ draft, completedEventId }) => {
    draft.emit(
      EventType.WORKFLOW_EXECUTION_CANCELED,
      { workflowExecutionCanceledEventAttributes: { details, workflowTaskCompletedEventId: completedEventId } },
      commandExtras(command),
    );
  });
  return undefined;
}

function tooLarge(plan: CommandPlan, cause: WorkflowTaskFailedCause, what: string, bytes: Encoded<unknown> | undefined): CommandFault | undefined {
  const limit = plan.limits.blobSizeBytes;
  if (bytes === undefined || bytes.byteLength <= limit) return undefined;
  return { cause, message: `the ${what} takes ${bytes.byteLength} bytes: the limit is ${limit}`, terminates: true };
}

/** The deadline of the run, or of the whole chain of runs, has come. */
export function timeOutRun(draft: Draft): void {
  const { run, isOpen } = draft.state;
  if (!isOpen || run.runExpiresAtMs === 0 || run.runExpiresAtMs > draft.now) return;
  abandonStartedTask(draft);
  const chainExpired = run.executionExpiresAtMs > 0 && run.executionExpiresAtMs <= draft.now;
  const failure: Encoded<Failure> = timeoutFailure(TimeoutType.START_TO_CLOSE, { message: 'workflow timeout' });
  const retry = chainExpired ? { retryState: RetryState.TIMEOUT, runId: '' } : retryRun(draft, failure);
  draft.emit(EventType.WORKFLOW_EXECUTION_TIMED_OUT, {
    workflowExecutionTimedOutEventAttributes: { retryState: retry.retryState, newExecutionRunId: retry.runId || cronRun(draft, { failure }) },
  });
}

export function applyClosed(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  for (const key of debtKeys(state)) applying.touch(key);
  const { run } = state;
  const [status, successorRunId] = end(event);
  run.status = status;
  run.successorRunId = successorRunId;
  run.closeTimeMs = event.eventTime ?? 0;
  run.closeEventId = event.eventId;
  run.closeProblem = closeProblem(event);
  run.startedAttributes = new Uint8Array(0);
  run.firstTaskAtMs = 0;
  run.bufferSizeBytes = 0;
  state.workflowTask = undefined;
  state.activities.clear();
  state.activityIds.clear();
  state.pausedActivities = 0;
  state.timers.clear();
  closeUpdates(state);
  state.buffer = [];
  state.payloadBytes = 0;
  dropOutgoing(state);
  dropOperations(state);
  applyParentClose(state, applying);
  oweCloseNotice(state, event, applying);
  oweScheduleNotice(state, event, applying);
  closeCallbacks(state, event, applying);
  closeUpdateCallbacks(state, event, applying);
}

function end(event: HistoryEvent): readonly [WorkflowExecutionStatus, string] {
  switch (event.eventType) {
    case EventType.WORKFLOW_EXECUTION_COMPLETED:
      return [WorkflowExecutionStatus.COMPLETED, must(event.workflowExecutionCompletedEventAttributes, 'attributes').newExecutionRunId];
    case EventType.WORKFLOW_EXECUTION_FAILED:
      return [WorkflowExecutionStatus.FAILED, must(event.workflowExecutionFailedEventAttributes, 'attributes').newExecutionRunId];
    case EventType.WORKFLOW_EXECUTION_TIMED_OUT:
      return [WorkflowExecutionStatus.TIMED_OUT, must(event.workflowExecutionTimedOutEventAttributes, 'attributes').newExecutionRunId];
    case EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
      return [WorkflowExecutionStatus.CONTINUED_AS_NEW, must(event.workflowExecutionContinuedAsNewEventAttributes, 'attributes').newExecutionRunId];
    case EventType.WORKFLOW_EXECUTION_CANCELED:
      return [WorkflowExecutionStatus.CANCELED, ''];
    case EventType.WORKFLOW_EXECUTION_TERMINATED:
      return [WorkflowExecutionStatus.TERMINATED, ''];
    default:
      throw new Error(`broken record: event type ${event.eventType} does not close a run`);
  }
}
