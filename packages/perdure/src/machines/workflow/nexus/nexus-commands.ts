/** SCHEDULE_NEXUS_OPERATION and REQUEST_CANCEL_NEXUS_OPERATION, checked. What follows from them is in `nexus-operations.ts`. */
import { EventType, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { Command, ScheduleNexusOperationCommandAttributes } from '../../../protocol/index.js';
import { MAXIMUM_DURATION_MS } from '../limits.js';
import type { WorkflowLimits } from '../limits.js';
import { commandExtras } from '../tasks/command-plan.js';
import type { CommandFault, CommandPlan } from '../tasks/command-plan.js';

/** As clients know the command. */
const SCHEDULE = 'ScheduleNexusOperationCommandAttributes';

export function planScheduleOperation(plan: CommandPlan, command: Command): CommandFault | undefined {
  const cause = WorkflowTaskFailedCause.BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES;
  const attributes = command.scheduleNexusOperationCommandAttributes;
  if (attributes === undefined) return { cause, message: `empty ${SCHEDULE}` };
  const { endpoint, service, operation, input } = attributes;
  const endpointId = plan.nexusEndpoints.get(endpoint);
  if (endpointId === undefined) return { cause, message: `endpoint "${endpoint.slice(0, 200)}" not found` };
  const problem = operationProblem(attributes, plan.limits);
  if (problem !== undefined) return { cause, message: `${SCHEDULE}.${problem}` };
  if ((input?.data.byteLength ?? 0) > plan.limits.blobSizeBytes) return { cause, message: `${SCHEDULE}.Input exceeds size limit`, terminates: true };
  if (plan.pendingNexusOperations >= plan.limits.pendingNexusOperations) {
    return {
      cause: WorkflowTaskFailedCause.PENDING_NEXUS_OPERATIONS_LIMIT_EXCEEDED,
      message: `workflow has reached the pending nexus operation limit of ${plan.limits.pendingNexusOperations} for this namespace`,
    };
  }
  plan.pendingNexusOperations += 1;
  plan.newNexusOperations.add(plan.nextEventId);
  const timeouts = operationTimeouts(attributes, plan.state.run.runTimeoutMs);
  const nexusHeader = new Map([...attributes.nexusHeader].map(([name, value]) => [name.toLowerCase(), value]));
  plan.steps.push(({ draft, completedEventId }) => {
    draft.emit(
      EventType.NEXUS_OPERATION_SCHEDULED,
      {
        nexusOperationScheduledEventAttributes: {
          endpoint,
          endpointId,
          service,
          operation,
          input,
          nexusHeader,
          ...timeouts,
          workflowTaskCompletedEventId: completedEventId,
          requestId: draft.moment.newId(),
        },
      },
      commandExtras(command),
    );
  });
  return undefined;
}

export function planCancelOperation(plan: CommandPlan, command: Command): CommandFault | undefined {
  const cause = WorkflowTaskFailedCause.BAD_REQUEST_CANCEL_NEXUS_OPERATION_ATTRIBUTES;
  const attributes = command.requestCancelNexusOperationCommandAttributes;
  if (attributes === undefined) return { cause, message: 'empty CancelNexusOperationCommandAttributes' };
  const { scheduledEventId } = attributes;
  const operation = plan.state.nexusOperations.get(scheduledEventId);
  if (operation === undefined && !plan.newNexusOperations.has(scheduledEventId)) {
    return { cause, message: `requested cancelation for a non-existing or already completed operation with scheduled event ID of ${scheduledEventId}` };
  }
  if (operation?.cancellation !== undefined || plan.cancelledNexusOperations.has(scheduledEventId)) {
    return { cause, message: `cancelation was already requested for an operation with scheduled event ID ${scheduledEventId}` };
  }
  plan.cancelledNexusOperations.add(scheduledEventId);
  plan.steps.push(({ draft, completedEventId }) => {
    draft.emit(
      EventType.NEXUS_OPERATION_CANCEL_REQUESTED,
      { nexusOperationCancelRequestedEventAttributes: { scheduledEventId, workflowTaskCompletedEventId: completedEventId } },
      commandExtras(command),
    );
  });
  return undefined;
}

/** Headers that the server sets itself. */
const RESERVED_HEADERS: readonly string[] = ['request-timeout', 'operation-timeout'];

function operationProblem(attributes: ScheduleNexusOperationCommandAttributes, limits: WorkflowLimits): string | undefined {
  const { service, operation, nexusHeader, scheduleToCloseTimeout = 0, scheduleToStartTimeout = 0, startToCloseTimeout = 0 } = attributes;
  if (Buffer.byteLength(service) > limits.nexusServiceLengthBytes) return `Service exceeds length limit of ${limits.nexusServiceLengthBytes}`;
  if (Buffer.byteLength(operation) > limits.nexusOperationLengthBytes) return `Operation exceeds length limit of ${limits.nexusOperationLengthBytes}`;
  if (scheduleToCloseTimeout < 0) return 'ScheduleToCloseTimeout is invalid: negative duration';
  if (scheduleToStartTimeout < 0) return 'ScheduleToStartTimeout is invalid: negative duration';
  if (startToCloseTimeout < 0) return 'StartToCloseTimeout is invalid: negative duration';
  let headerBytes = 0;
  for (const [name, value] of nexusHeader) {
    headerBytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    if (RESERVED_HEADERS.includes(name.toLowerCase())) return `NexusHeader contains a disallowed header key: "${name.toLowerCase()}"`;
  }
  return headerBytes > limits.nexusHeaderSizeBytes ? 'NexusHeader exceeds size limit' : undefined;
}

type Timeouts = Pick<ScheduleNexusOperationCommandAttributes, 'scheduleToCloseTimeout' | 'scheduleToStartTimeout' | 'startToCloseTimeout'>;

/** No part of an operation outlasts the whole of it, nor that the run. Unset ones stay unset, but for the whole, which the run's bounds. */
function operationTimeouts(asked: Timeouts, runTimeoutMs: number): Timeouts {
  const within = (timeout: number, bound: number): number => (bound > 0 && (timeout === 0 || timeout > bound) ? bound : timeout);
  const whole = within(Math.min(asked.scheduleToCloseTimeout ?? 0, MAXIMUM_DURATION_MS), runTimeoutMs);
  const part = (timeout = 0): number | undefined => (timeout === 0 ? undefined : within(Math.min(timeout, MAXIMUM_DURATION_MS), whole));
  return {
    scheduleToCloseTimeout: whole || undefined,
    scheduleToStartTimeout: part(asked.scheduleToStartTimeout),
    startToCloseTimeout: part(asked.startToCloseTimeout),
  };
}
