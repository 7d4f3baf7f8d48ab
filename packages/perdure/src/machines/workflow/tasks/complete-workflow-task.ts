/**
 * The end of a workflow task, said by the worker that holds it.
 *
 * Completed: WorkflowTaskCompleted, the events of the commands in their order, what was buffered, what the commands brought about, and (if something is left to tell) the
 * next WorkflowTaskScheduled, started at once for the same worker where it asks for that. A command list with a fault fails the task
 * instead, and nothing of it happens.
 */
import { EventType, Failure, TimeoutType, WorkerVersioningMode, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { RespondWorkflowTaskCompletedRequest, WorkerVersionStamp, WorkflowTaskCompletedEventAttributes, WorkflowTaskState , RpcError} from '../../../protocol/index.js';
import { startEagerly } from '../activities/activity-attempts.js';
import { flushBuffer } from '../buffer.js';
import { causeName, planCommands } from './commands.js';
import type { CommandFault, CommandPlan, Completion } from './command-plan.js';
import type { Draft } from '../draft.js';
import { boundFailure } from '../failures.js';
import type { CompleteWorkflowTaskInput, CompleteWorkflowTaskReply, DoneReply, FailWorkflowTaskInput, WorkflowTaskReply } from '../inputs.js';
import { invalid, staleWorkflowTask, updateTaskFailed } from '../refusals.js';
import { mayDropTask, scheduleUpdateTask } from './speculative-task.js';
import { pausedForTasks } from '../runs/pause.js';
import { isBoundElsewhere, isPinned } from '../runs/version-binding.js';
import { SERVER_IDENTITY, must } from '../state.js';
import { clearSticky, setSticky } from './sticky.js';
import { terminateRun } from '../runs/terminate.js';
import { abortSentUpdates, hasUnsentUpdates, rejectUnprocessedUpdates } from '../updates/updates.js';
import { isUnwritten, writeUnwrittenTask } from './workflow-task-events.js';
import { failStartedTask, isStarted, scheduleWorkflowTask, startWorkflowTask, workflowTaskReply } from './workflow-task.js';

export function completeWorkflowTask(draft: Draft, { token, request, namespaces, searchAttributeTypes, nexusEndpoints, versionQueues }: CompleteWorkflowTaskInput): CompleteWorkflowTaskReply | RpcError {
  const { state, limits, now } = draft;
  if (!isStarted(state, token)) return staleWorkflowTask();
  const task = must(state.workflowTask, 'workflow task');
  if (request.versioningBehavior !== 0 && request.deploymentOptions?.workerVersioningMode !== WorkerVersioningMode.VERSIONED) {
    return invalid('versioning behavior cannot be specified without deployment options being set with versioned mode');
  }
  if (state.run.pause !== undefined && isHeartbeat(request)) return pausedForTasks();
  const planned = planCommands(state, request.commands, request.messages, limits, now, namespaces, searchAttributeTypes, nexusEndpoints, versionQueues);
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
  const { state } = draft;
  const wasToldOfTarget = task.targetVersionChanged;
  if (mayDropTask(state, task, request, !plan.messages.changesHistory)) return dropTask(draft, request, plan, wasToldOfTarget);
  if (isUnwritten(task)) writeUnwrittenTask(draft, task);
  const completedEventId = draft.emit(EventType.WORKFLOW_TASK_COMPLETED, {
    workflowTaskCompletedEventAttributes: completedAttributes(task, request),
  });
  const completion: Completion = { draft, completedEventId, identity: request.identity, eager: [], consequences: [] };
  for (const step of plan.steps) step(completion);

  setSticky(draft, request.stickyAttributes);
  if (!state.isOpen) return { kind: 'workflow-task-completed', activityTasks: [], resetHistoryEventId: 0 };
  const activityTasks = startEagerly(draft, state.run.pause === undefined ? completion.eager : [], request.identity);
  const flushed = flushBuffer(draft);
  // What this worker has in its cache is of no use to the one that is to go on.
  if (isBoundElsewhere(state.run)) clearSticky(draft);
  for (const consequence of completion.consequences) consequence();
  if (isHeartbeat(request)) draft.emitPrivate({ heartbeatChainContinued: { sinceMs: task.originalScheduledTimeMs } });
  else rejectUnprocessedUpdates(draft);
  if (flushed || completion.consequences.length > 0 || request.forceCreateNewWorkflowTask) scheduleWorkflowTask(draft);
  else if (hasUnsentUpdates(state)) scheduleUpdateTask(draft);
  return { kind: 'workflow-task-completed', newWorkflowTask: startNext(draft, request, wasToldOfTarget), activityTasks, resetHistoryEventId: 0 };
}

/** Every update was rejected and nothing else happened: the worker goes back to where it was, and the history shows nothing. */
function dropTask(draft: Draft, request: RespondWorkflowTaskCompletedRequest, plan: CommandPlan, wasToldOfTarget: boolean): CompleteWorkflowTaskReply {
  const { state } = draft;
  const completion: Completion = { draft, completedEventId: 0, identity: request.identity, eager: [], consequences: [] };
  for (const step of plan.steps) step(completion);
  rejectUnprocessedUpdates(draft);
  draft.emitPrivate({ speculativeTaskDropped: {} });
  setSticky(draft, request.stickyAttributes);
  if (hasUnsentUpdates(state)) scheduleUpdateTask(draft);
  const resetHistoryEventId = state.run.previousStartedEventId;
  return { kind: 'workflow-task-completed', newWorkflowTask: startNext(draft, request, wasToldOfTarget), activityTasks: [], resetHistoryEventId };
}

/** Starts the next task at once for the worker that asked for it. It goes past the routing: what the task before was told of it still holds. */
function startNext(draft: Draft, request: RespondWorkflowTaskCompletedRequest, wasToldOfTarget: boolean): WorkflowTaskReply | undefined {
  const { state, limits } = draft;
  if (!request.returnNewWorkflowTask || state.workflowTask === undefined || isBoundElsewhere(state.run)) return undefined;
  startWorkflowTask(draft, request.identity, INLINE_REQUEST_ID, unversionedBuild(request), wasToldOfTarget && isPinned(state.run));
  return workflowTaskReply(state, limits, 'inline');
}

/** The build of a worker without a deployment version; of one with a version the Started event does not tell it. */
function unversionedBuild({ workerVersionStamp, deploymentOptions }: RespondWorkflowTaskCompletedRequest): WorkerVersionStamp | undefined {
  return deploymentOptions?.workerVersioningMode === WorkerVersioningMode.VERSIONED || !workerVersionStamp?.buildId ? undefined : workerVersionStamp;
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
    // What an older way said of the version; `deploymentVersion` says it now.
    deployment: undefined,
    versioningBehavior: versioned ? request.versioningBehavior : 0,
    workerDeploymentVersion: '',
    workerDeploymentName: deployment?.deploymentName ?? '',
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
  abortSentUpdates(draft, updateTaskFailed());
  failStartedTask(draft, {
    cause,
    failure: Failure.encode({ message: text, serverFailureInfo: {} }),
    identity: request.identity,
    binaryChecksum: request.binaryChecksum,
  });
  if (terminates) terminateRun(draft, { reason: text, identity: SERVER_IDENTITY });
  else scheduleWorkflowTask(draft);
  return invalid(text);
}

/** The worker says that it could not do it. */
export function failWorkflowTask(draft: Draft, { token, request }: FailWorkflowTaskInput): DoneReply | RpcError {
  if (!isStarted(draft.state, token)) return staleWorkflowTask();
  if (request.cause === WorkflowTaskFailedCause.GRPC_MESSAGE_TOO_LARGE) {
    // What the worker wants to say does not fit through, and never will.
    failStartedTask(draft, { cause: WorkflowTaskFailedCause.FORCE_CLOSE_COMMAND, identity: SERVER_IDENTITY });
    terminateRun(draft, { reason: causeName(request.cause), identity: SERVER_IDENTITY });
    return { kind: 'done' };
  }
  failStartedTask(draft, {
    cause: request.cause,
    failure: boundFailure(request.failure, draft.limits.blobSizeBytes),
    identity: request.identity,
    binaryChecksum: request.binaryChecksum,
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
