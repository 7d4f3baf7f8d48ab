/** Checks of schedules before they become inputs of the machine. The spec is brought into its one form here, too. */
import { SpecError } from '../machines/calendar/ranges.js';
import { SCHEDULE_SUFFIX_BYTES, canonicalSpec } from '../machines/schedule/index.js';
import {
  type Schedule,
  ScheduleOverlapPolicy,
  ScheduleSpec,
  StartWorkflowExecutionRequest,
  TaskQueueKind,
  WorkflowIdReusePolicy,
  type NewWorkflowExecutionInfo,
  type SchedulePatch,
} from '../protocol/index.js';
import type { ServedNamespace } from './namespace-registry.js';
import { checkPriority } from './priority.js';
import { invalidArgument } from './refusals.js';
import { checkedSearchAttributes } from './search-attributes.js';
import { checkStart } from './workflow.js';

/** @throws RpcError INVALID_ARGUMENT */
export function checkedSchedule(schedule: Schedule | undefined, namespace: ServedNamespace): Schedule {
  const info = schedule?.action?.startWorkflow;
  if (schedule === undefined || info === undefined) throw invalidArgument('Only StartWorkflow action is supported for schedules');
  const searchAttributes = checkAction(info, namespace);
  checkPolicies(schedule);
  return { ...schedule, spec: checkedSpec(schedule.spec), action: { startWorkflow: { ...withQueueKind(info), searchAttributes } } };
}

function checkAction(info: NewWorkflowExecutionInfo, namespace: ServedNamespace): NewWorkflowExecutionInfo['searchAttributes'] {
  const { limits } = namespace;
  if (info.cronSchedule !== '') throw invalidArgument('Scheduled workflow must not contain CronSchedule');
  const { ALLOW_DUPLICATE, UNSPECIFIED } = WorkflowIdReusePolicy;
  if (info.workflowIdReusePolicy !== UNSPECIFIED && info.workflowIdReusePolicy !== ALLOW_DUPLICATE) {
    throw invalidArgument('Scheduled workflow must not contain WorkflowIDReusePolicy');
  }
  checkStart(StartWorkflowExecutionRequest.create({ ...info }), limits);
  const bytes = Buffer.byteLength(info.workflowId) + SCHEDULE_SUFFIX_BYTES;
  if (bytes > limits.idLengthBytes) {
    throw invalidArgument(`WorkflowId exceeds maximum allowed length (${bytes}/${limits.idLengthBytes}): the time of each action is appended to it.`);
  }
  checkPriority(info.priority, limits);
  return checkedSearchAttributes(info.searchAttributes, namespace);
}

function withQueueKind(info: NewWorkflowExecutionInfo): NewWorkflowExecutionInfo {
  const { taskQueue } = info;
  return taskQueue === undefined ? info : { ...info, taskQueue: { ...taskQueue, kind: TaskQueueKind.NORMAL } };
}

/** @throws RpcError INVALID_ARGUMENT with the text that clients look for */
function checkedSpec(spec: ScheduleSpec | undefined): ScheduleSpec {
  try {
    return canonicalSpec(spec ?? ScheduleSpec.create());
  } catch (error) {
    if (error instanceof SpecError) throw invalidArgument(`Invalid schedule spec: ${error.message}`);
    throw error;
  }
}

function checkPolicies({ policies, state }: Schedule): void {
  checkOverlapPolicy(policies?.overlapPolicy ?? 0);
  if ((state?.remainingActions ?? 0) < 0) throw invalidArgument('RemainingActions must not be negative.');
}

function checkOverlapPolicy(policy: number): void {
  if (!Object.values(ScheduleOverlapPolicy).some((known) => known === policy)) throw invalidArgument(`The overlap policy ${policy} is unknown.`);
}

export function checkPatch(patch: SchedulePatch | undefined): void {
  if (patch === undefined) return;
  if (patch.triggerImmediately !== undefined) checkOverlapPolicy(patch.triggerImmediately.overlapPolicy);
  for (const { overlapPolicy } of patch.backfillRequest) checkOverlapPolicy(overlapPolicy);
}
