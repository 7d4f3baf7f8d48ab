/** The first event of a history as what a run needs to begin. */
import { Failure, Memo, Priority, SearchAttributes, type HistoryEvent } from '../../protocol/index.js';
import type { RunStart } from '../workflow/activation.js';
import { decodePriority } from '../common/priority.js';
import { headerFields, payloadsOf } from './wire.js';

const DEFAULT_TASK_TIMEOUT_MS = 10_000;

export interface RunIdentity {
  readonly namespace: string;
  readonly taskQueue: string;
  readonly workflowId: string;
  readonly runId: string;
}

/** @throws TypeError if the history does not begin with WorkflowExecutionStarted. */
export function runStartFrom(event: HistoryEvent | undefined, identity: RunIdentity): Omit<RunStart, 'hasLocalActivity'> {
  const started = event?.workflowExecutionStartedEventAttributes;
  if (event === undefined || started === undefined) {
    throw new TypeError(`The history of run ${identity.runId} does not begin with WorkflowExecutionStarted.`);
  }
  const { parentWorkflowExecution: parent, rootWorkflowExecution: root } = started;
  const runStartTimeMs = event.eventTime ?? 0;
  return {
    workflowId: identity.workflowId,
    runId: identity.runId,
    workflowType: started.workflowType?.name ?? '',
    namespace: identity.namespace,
    taskQueue: started.taskQueue?.name || identity.taskQueue,
    attempt: started.attempt || 1,
    firstExecutionRunId: started.firstExecutionRunId || identity.runId,
    originalExecutionRunId: started.originalExecutionRunId || identity.runId,
    continuedFromExecutionRunId: started.continuedExecutionRunId || undefined,
    cronSchedule: started.cronSchedule || undefined,
    cronScheduleToScheduleIntervalMs: started.cronSchedule ? started.firstWorkflowTaskBackoff : undefined,
    startTimeMs: runStartTimeMs,
    runStartTimeMs,
    executionExpirationTimeMs: started.workflowExecutionExpirationTime,
    executionTimeoutMs: started.workflowExecutionTimeout || undefined,
    runTimeoutMs: started.workflowRunTimeout || undefined,
    taskTimeoutMs: started.workflowTaskTimeout || DEFAULT_TASK_TIMEOUT_MS,
    parent: parent && { workflowId: parent.workflowId, runId: parent.runId, namespace: started.parentWorkflowNamespace },
    root: root && { workflowId: root.workflowId, runId: root.runId },
    retryPolicy: started.retryPolicy,
    priority: started.priority && decodePriority(Priority.decode(started.priority)),
    input: payloadsOf(started.input),
    headers: headerFields(started.header),
    memo: started.memo && Memo.decode(started.memo).fields,
    searchAttributes: started.searchAttributes && SearchAttributes.decode(started.searchAttributes).indexedFields,
    lastResult: payloadsOf(started.lastCompletionResult)[0],
    lastFailure: started.continuedFailure && Failure.decode(started.continuedFailure),
    randomSeed: started.originalExecutionRunId || identity.runId,
  };
}
