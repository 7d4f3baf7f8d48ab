/** START_CHILD_WORKFLOW_EXECUTION, checked. What follows from it is in `children.ts`. */
import { EventType, ParentClosePolicy, Priority, TaskQueueKind, WorkflowIdReusePolicy, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { Command, StartChildWorkflowExecutionCommandAttributes } from '../../../protocol/index.js';
import { commandExtras, idProblem, targetNamespace, taskQueueProblem } from '../tasks/command-plan.js';
import type { CommandFault, CommandPlan } from '../tasks/command-plan.js';
import { cronProblem } from '../runs/cron-schedule.js';
import { MAXIMUM_DURATION_MS } from '../limits.js';
import type { WorkflowLimits } from '../limits.js';
import { checkSearchAttributes } from '../properties.js';
import { retryPolicyProblem, withRetryDefaults } from '../activities/retry-policy.js';
import { taskTimeout } from '../runs/start.js';

export function planStartChild(plan: CommandPlan, command: Command): CommandFault | undefined {
  const cause = WorkflowTaskFailedCause.BAD_START_CHILD_EXECUTION_ATTRIBUTES;
  const attributes = command.startChildWorkflowExecutionCommandAttributes;
  if (attributes === undefined) return { cause, message: 'the attributes are not set' };
  const target = targetNamespace(plan, attributes.namespace);
  if (typeof target === 'string') return { cause, message: target };
  const taskQueue = attributes.taskQueue?.name || plan.state.run.taskQueue;
  const problem = childProblem(attributes, taskQueue, plan.limits);
  if (problem !== undefined) return { cause, message: `${problem} (workflow id "${attributes.workflowId.slice(0, 100)}")` };
  const checked = checkSearchAttributes(plan, attributes.searchAttributes, 'drop');
  if (checked.fault !== undefined) return checked.fault;
  const size = sizeProblem(attributes, plan.limits);
  if (size !== undefined) return { cause, message: size, terminates: true };
  if (plan.pendingChildren >= plan.limits.pendingChildren) {
    const message = `the number of pending child workflow executions, ${plan.pendingChildren}, has reached the per-workflow limit of ${plan.limits.pendingChildren}`;
    return { cause: WorkflowTaskFailedCause.PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED, message };
  }
  plan.pendingChildren += 1;
  plan.initiatedChildren.add(attributes.workflowId);
  const timeouts = childTimeouts(attributes, plan.limits);
  plan.steps.push(({ draft, completedEventId }) => {
    const initiatedEventId = draft.emit(
      EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED,
      {
        startChildWorkflowExecutionInitiatedEventAttributes: {
          namespace: target.name,
          namespaceId: target.id,
          workflowId: attributes.workflowId,
          workflowType: attributes.workflowType,
          taskQueue: { name: taskQueue, kind: TaskQueueKind.NORMAL, normalName: '' },
          input: attributes.input,
          ...timeouts,
          parentClosePolicy: attributes.parentClosePolicy || ParentClosePolicy.TERMINATE,
          control: attributes.control,
          workflowTaskCompletedEventId: completedEventId,
          workflowIdReusePolicy: attributes.workflowIdReusePolicy || WorkflowIdReusePolicy.ALLOW_DUPLICATE,
          retryPolicy: attributes.retryPolicy && withRetryDefaults(attributes.retryPolicy),
          cronSchedule: attributes.cronSchedule,
          header: attributes.header,
          // SDKs send an empty one where there is none.
          memo: attributes.memo?.byteLength === 0 ? undefined : attributes.memo,
          searchAttributes: checked.searchAttributes,
          inheritBuildId: attributes.inheritBuildId,
          priority: attributes.priority,
          versioningOverride: attributes.versioningOverride,
        },
      },
      commandExtras(command),
    );
    if (taskQueue !== draft.state.run.taskQueue && plan.versionQueues?.has(taskQueue)) draft.emitPrivate({ childVersionInherited: { initiatedEventId } });
  });
  return undefined;
}

function childProblem(attributes: StartChildWorkflowExecutionCommandAttributes, taskQueue: string, limits: WorkflowLimits): string | undefined {
  const { workflowExecutionTimeout, workflowRunTimeout, workflowTaskTimeout } = attributes;
  const isNegative = [workflowExecutionTimeout, workflowRunTimeout, workflowTaskTimeout].some((timeout) => (timeout ?? 0) < 0);
  return (
    idProblem('the workflow id', attributes.workflowId, limits) ??
    idProblem('the workflow type', attributes.workflowType?.name, limits) ??
    taskQueueProblem(taskQueue, limits) ??
    (isNegative ? 'a timeout is negative' : undefined) ??
    retryPolicyProblem(attributes.retryPolicy) ??
    cronProblem(attributes.cronSchedule) ??
    (attributes.priority !== undefined && Priority.decode(attributes.priority).priorityKey < 0 ? "priority key can't be negative" : undefined)
  );
}

function sizeProblem({ input, memo, searchAttributes }: StartChildWorkflowExecutionCommandAttributes, limits: WorkflowLimits): string | undefined {
  if ((input?.byteLength ?? 0) > limits.blobSizeBytes) return `the input of the child is larger than ${limits.blobSizeBytes} bytes`;
  if ((memo?.byteLength ?? 0) > limits.memoSizeBytes) return `the memo of the child is larger than ${limits.memoSizeBytes} bytes`;
  if ((searchAttributes?.byteLength ?? 0) > limits.searchAttributesSizeBytes) {
    return `the search attributes of the child are larger than ${limits.searchAttributesSizeBytes} bytes`;
  }
  return undefined;
}

/** As for any start: a run is never longer than its chain, a task never longer than its run. */
function childTimeouts(
  attributes: StartChildWorkflowExecutionCommandAttributes,
  limits: WorkflowLimits,
): Pick<StartChildWorkflowExecutionCommandAttributes, 'workflowExecutionTimeout' | 'workflowRunTimeout' | 'workflowTaskTimeout'> {
  const capped = (timeout: number | undefined): number => Math.min(timeout ?? 0, MAXIMUM_DURATION_MS);
  const execution = capped(attributes.workflowExecutionTimeout);
  const asked = capped(attributes.workflowRunTimeout);
  const run = execution > 0 && (asked === 0 || asked > execution) ? execution : asked;
  return {
    workflowExecutionTimeout: attributes.workflowExecutionTimeout === undefined ? undefined : execution,
    workflowRunTimeout: run,
    workflowTaskTimeout: taskTimeout(capped(attributes.workflowTaskTimeout), run, limits),
  };
}
