/**
 * CONTINUE_AS_NEW → WorkflowExecutionContinuedAsNew, and a new run in the same commit.
 *
 * What the command leaves out comes from this run; memo and search attributes are carried only if the command has them (SDKs send them).
 * Attempts start again at 1. A run that continues as new at once is slowed down, so that a mistake is not an endless loop.
 */
import { ContinueAsNewInitiator, ContinueAsNewVersioningBehavior, EventType, TaskQueueKind, WorkflowExecutionStartedEventAttributes, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { Command, ContinueAsNewWorkflowExecutionCommandAttributes } from '../../../protocol/index.js';
import { commandExtras, idProblem, taskQueueProblem } from '../tasks/command-plan.js';
import type { CommandFault, CommandPlan } from '../tasks/command-plan.js';
import { cronProblem } from './cron-schedule.js';
import type { Draft } from '../draft.js';
import { restOfMinimumRun, succeed } from './next-run.js';
import { checkSearchAttributes } from '../properties.js';
import { retryPolicyProblem, withRetryDefaults } from '../activities/retry-policy.js';
import { taskTimeout } from './start.js';
import { inheritedToMove, inheritedVersion } from './version-binding.js';
import { inheritanceAttributes } from './versioning.js';

export function planContinueAsNew(plan: CommandPlan, command: Command): CommandFault | undefined {
  const bad = (message: string): CommandFault => ({ cause: WorkflowTaskFailedCause.BAD_CONTINUE_AS_NEW_ATTRIBUTES, message });
  const attributes = command.continueAsNewWorkflowExecutionCommandAttributes;
  if (attributes === undefined) return bad('the attributes are not set');
  const { run } = plan.state;
  const workflowType = attributes.workflowType?.name || run.workflowType;
  const taskQueue = attributes.taskQueue?.name || run.taskQueue;
  const problem =
    idProblem('workflow type', workflowType, plan.limits) ??
    taskQueueProblem(taskQueue, plan.limits) ??
    retryPolicyProblem(attributes.retryPolicy) ??
    ((attributes.workflowRunTimeout ?? 0) < 0 || (attributes.workflowTaskTimeout ?? 0) < 0 || (attributes.backoffStartInterval ?? 0) < 0
      ? 'a timeout is negative'
      : undefined) ??
    cronProblem(attributes.cronSchedule);
  if (problem !== undefined) return bad(problem);
  const limit = plan.limits.blobSizeBytes;
  if ((attributes.input?.byteLength ?? 0) > limit) return { ...bad(`the input is larger than ${limit} bytes`), terminates: true };
  if ((attributes.memo?.byteLength ?? 0) > plan.limits.memoSizeBytes) {
    return { ...bad(`the memo is larger than ${plan.limits.memoSizeBytes} bytes`), terminates: true };
  }
  const checked = checkSearchAttributes(plan, attributes.searchAttributes, 'drop');
  if (checked.fault !== undefined) return checked.fault;
  plan.steps.push(({ draft, completedEventId }) => {
    const next = nextRun(draft, { ...attributes, searchAttributes: checked.searchAttributes }, workflowType, taskQueue, taskQueue === run.taskQueue || plan.versionQueues?.has(taskQueue) === true);
    const newExecutionRunId = succeed(draft, next);
    draft.emit(
      EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
      {
        workflowExecutionContinuedAsNewEventAttributes: {
          newExecutionRunId,
          workflowType: { name: workflowType },
          taskQueue: { name: taskQueue, kind: TaskQueueKind.NORMAL, normalName: '' },
          input: next.input,
          workflowRunTimeout: next.workflowRunTimeout,
          workflowTaskTimeout: next.workflowTaskTimeout,
          workflowTaskCompletedEventId: completedEventId,
          // As the command has them; what became of them stands in the next run.
          backoffStartInterval: attributes.backoffStartInterval,
          initiator: attributes.initiator,
          failure: next.continuedFailure,
          lastCompletionResult: next.lastCompletionResult,
          header: next.header,
          memo: next.memo,
          searchAttributes: next.searchAttributes,
          inheritBuildId: attributes.inheritBuildId,
          initialVersioningBehavior: attributes.initialVersioningBehavior,
        },
      },
      commandExtras(command),
    );
  });
  return undefined;
}

function nextRun(
  draft: Draft,
  attributes: ContinueAsNewWorkflowExecutionCommandAttributes,
  workflowType: string,
  taskQueue: string,
  hasVersion: boolean,
): WorkflowExecutionStartedEventAttributes {
  const { run } = draft.state;
  const runTimeout = cap(attributes.workflowRunTimeout || run.runTimeoutMs, run.executionTimeoutMs);
  const { initialVersioningBehavior: initial } = attributes;
  const stays = initial === ContinueAsNewVersioningBehavior.UNSPECIFIED;
  const inherited = !stays ? inheritedToMove(run, initial) : hasVersion ? inheritedVersion(run) : undefined;
  return WorkflowExecutionStartedEventAttributes.create({
    ...inheritanceAttributes(inherited),
    // It knew that the routing leads elsewhere, and stays: it is not told again.
    declinedTargetVersionUpgrade: inherited?.pinned && run.notifiedTarget && { deploymentVersion: run.notifiedTarget, revisionNumber: run.notifiedRevision },
    workflowType: { name: workflowType },
    taskQueue: { name: taskQueue, kind: TaskQueueKind.NORMAL },
    workflowId: run.workflowId,
    input: attributes.input,
    header: attributes.header,
    memo: attributes.memo,
    searchAttributes: attributes.searchAttributes,
    workflowExecutionTimeout: run.executionTimeoutMs || undefined,
    workflowExecutionExpirationTime: run.executionExpiresAtMs || undefined,
    workflowRunTimeout: runTimeout,
    workflowTaskTimeout: taskTimeout(attributes.workflowTaskTimeout || run.taskTimeoutMs, runTimeout, draft.limits),
    firstWorkflowTaskBackoff: Math.max(attributes.backoffStartInterval ?? 0, restOfMinimumRun(draft)),
    cronSchedule: attributes.cronSchedule,
    initiator: attributes.initiator || ContinueAsNewInitiator.WORKFLOW,
    continuedFailure: attributes.failure,
    lastCompletionResult: attributes.lastCompletionResult,
    retryPolicy: attributes.retryPolicy && withRetryDefaults(attributes.retryPolicy),
    attempt: 1,
    parentWorkflowNamespaceId: run.parentNamespaceId,
    parentWorkflowNamespace: run.parentNamespace,
    parentInitiatedEventId: run.parentInitiatedEventId,
    parentWorkflowExecution: run.parent,
    rootWorkflowExecution: run.root,
  });
}

function cap(value: number, maximum: number): number {
  return maximum > 0 && (value === 0 || value > maximum) ? maximum : value;
}
