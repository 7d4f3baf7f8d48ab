/**
 * The end of a workflow task, said by the worker that holds it.
 *
 * Completed: WorkflowTaskCompleted, the events of the commands in their order, what was buffered, and (if something is left to tell) the
 * next WorkflowTaskScheduled, started at once for the same worker where it asks for that. A command list with a fault fails the task
 * instead, and nothing of it happens.
 */
import { EventType, Failure, TimeoutType, WorkerVersioningMode, WorkflowTaskFailedCause } from '../../protocol/index.js';
import type { RespondWorkflowTaskCompletedRequest, WorkflowTaskCompletedEventAttributes, WorkflowTaskState , RpcError} from '../../protocol/index.js';
import { startEagerly } from './activity-attempts.js';
import { flushBuffer } from './buffer.js';
import { causeName, planCommands } from './commands.js';
import type { CommandFault, CommandPlan, Completion } from './command-plan.js';
import type { Draft } from './draft.js';
import { boundFailure } from './failures.js';
import type { CompleteWorkflowTaskInput, CompleteWorkflowTaskReply, DoneReply, FailWorkflowTaskInput } from './inputs.js';
import { invalid, staleWorkflowTask } from './refusals.js';
import { SERVER_IDENTITY, must } from './state.js';
import { clearSticky, setSticky } from './sticky.js';
import { terminateRun } from './terminate.js';
import { failStartedTask, isStarted, scheduleWorkflowTask, startWorkflowTask, workflowTaskReply, writeTransientTask } from './workflow-task.js';

export function completeWorkflowTask(draft: Draft, { token, request }: CompleteWorkflowTaskInput): CompleteWorkflowTaskReply | RpcError {
  const { state, limits, now } = draft;
  if (!isStarted(state, token)) return staleWorkflowTask();
  const task = must(state.workflowTask, 'workflow task');
  const planned = planCommands(state, request.commands, limits, now);
  switch (planned.kind) {
    case 'refused':
      return planned.error;
    case 'fault':
      return failByFault(draft, task, request, planned.fault);
    case 'plan':
      if (heartbeatsTooLong(draft, task, request)) return endHeartbeatChain(draft, task);
      return complete(draft, task, request, planned.plan);
  }
}

function complete(
  draft: Draft,
  task: WorkflowTaskState,
  request: RespondWorkflowTaskCompletedRequest,
  plan: CommandPlan,
): CompleteWorkflowTaskReply {
  const { state, limits } = draft;
  const heartbeat = isHeartbeat(request);
  if (task.transient) writeTransientTask(draft, task);
  const completedEventId = draft.emit(EventType.WORKFLOW_TASK_COMPLETED, {
    workflowTaskCompletedEventAttributes: completedAttributes(task, request),
  });
  const completion: Completion = { draft, completedEventId, identity: request.identity, eager: [], taskNeeded: false };
  for (const step of plan.steps) step(completion);

  setSticky(draft, request.stickyAttributes);
  if (!state.isOpen) return { kind: 'workflow-task-completed', activityTasks: [], resetHistoryEventId: 0 };
  const activityTasks = startEagerly(draft, completion.eager, request.identity);
  const flushed = flushBuffer(draft);
  if (!flushed && !completion.taskNeeded && !request.forceCreateNewWorkflowTask) {
    return { kind: 'workflow-task-completed', activityTasks, resetHistoryEventId: 0 };
  }
  if (heartbeat) draft.emitPrivate({ heartbeatChainContinued: { sinceMs: task.originalScheduledTimeMs } });
  scheduleWorkflowTask(draft);
  if (!request.returnNewWorkflowTask) return { kind: 'workflow-task-completed', activityTasks, resetHistoryEventId: 0 };
  startWorkflowTask(draft, request.identity, INLINE_REQUEST_ID);
  return {
    kind: 'workflow-task-completed',
    newWorkflowTask: workflowTaskReply(state, limits, 'inline'),
    activityTasks,
    resetHistoryEventId: 0,
  };
}

/** Stands in the Started event of a task that was returned with the completion of the one before. */
const INLINE_REQUEST_ID = 'request-from-RespondWorkflowTaskCompleted';

function completedAttributes(task: WorkflowTaskState, request: RespondWorkflowTaskCompletedRequest): WorkflowTaskCompletedEventAttributes {
  const deployment = request.deploymentOptions;
  const versioned = deployment?.workerVersioningMode === WorkerVersioningMode.VERSIONED ? deployment : undefined;
  return {
    scheduledEventId: task.scheduledEventId,
    startedEventId: task.startedEventId,
    identity: request.identity,
    binaryChecksum: request.binaryChecksum,
    workerVersion: request.workerVersionStamp,
    sdkMetadata: request.sdkMetadata,
    meteringMetadata: request.meteringMetadata,
    deployment: request.deployment,
    versioningBehavior: versioned ? request.versioningBehavior : 0,
    workerDeploymentVersion: '',
    workerDeploymentName: versioned?.deploymentName ?? '',
    deploymentVersion: versioned && { deploymentName: versioned.deploymentName, buildId: versioned.buildId },
  };
}

// ── faults ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function failByFault(
  draft: Draft,
  task: WorkflowTaskState,
  request: RespondWorkflowTaskCompletedRequest,
  { cause, message, terminates }: CommandFault,
): RpcError {
  const unhandled = cause === WorkflowTaskFailedCause.UNHANDLED_COMMAND;
  // Clients compare this text.
  const text = unhandled ? 'UnhandledCommand' : `${causeName(cause)}: ${message}`;
  // A worker that fails again and again must not be answered at once each time: the task is left to time out.
  if (task.attempt > 1 && !unhandled && !terminates) return invalid(text);
  failStartedTask(draft, {
    cause,
    failure: Failure.encode({ message: text, serverFailureInfo: {} }),
    identity: request.identity,
    binaryChecksum: request.binaryChecksum,
    workerVersion: request.workerVersionStamp,
  });
  if (terminates) terminateRun(draft, { reason: text, identity: SERVER_IDENTITY });
  else scheduleWorkflowTask(draft);
  return invalid(text);
}

/** The worker says that it could not do it. */
export function failWorkflowTask(draft: Draft, { token, request }: FailWorkflowTaskInput): DoneReply | RpcError {
  if (!isStarted(draft.state, token)) return staleWorkflowTask();
  failStartedTask(draft, {
    cause: request.cause,
    failure: boundFailure(request.failure, draft.limits.blobSizeBytes),
    identity: request.identity,
    binaryChecksum: request.binaryChecksum,
    workerVersion: request.workerVersion,
  });
  scheduleWorkflowTask(draft);
  return { kind: 'done' };
}

// ── local activities ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** An empty completion that asks for the next task: the worker is busy with local activities and wants to keep the run. */
function isHeartbeat(request: RespondWorkflowTaskCompletedRequest): boolean {
  return request.forceCreateNewWorkflowTask && request.commands.length === 0 && request.messages.length === 0;
}

function heartbeatsTooLong({ now, limits }: Draft, task: WorkflowTaskState, request: RespondWorkflowTaskCompletedRequest): boolean {
  return isHeartbeat(request) && now - task.originalScheduledTimeMs > limits.workflowTaskHeartbeatMs;
}

function endHeartbeatChain(draft: Draft, task: WorkflowTaskState): RpcError {
  if (task.transient) draft.emitPrivate({ transientTaskFailed: { closeAttempted: false } });
  else {
    draft.emit(EventType.WORKFLOW_TASK_TIMED_OUT, {
      workflowTaskTimedOutEventAttributes: {
        scheduledEventId: task.scheduledEventId,
        startedEventId: task.startedEventId,
        timeoutType: TimeoutType.START_TO_CLOSE,
      },
    });
  }
  clearSticky(draft);
  flushBuffer(draft);
  scheduleWorkflowTask(draft);
  return staleWorkflowTask();
}
