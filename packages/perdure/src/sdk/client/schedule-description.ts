/** Schedules as the server tells them, in the types that users read; and actions as they are sent. */
import {
  Priority as WirePriority,
  UserMetadata,
  type DescribeScheduleResponse,
  type Encoded,
  type Init,
  type NewWorkflowExecutionInfo,
  type ScheduleActionResult,
  type ScheduleListEntry,
  type SearchAttributes as WireSearchAttributes,
  type SkippedAction as WireSkippedAction,
  type WorkflowExecution,
} from '../../protocol/index.js';
import {
  checkArguments,
  decodeArrayFromBytes,
  decodeFromPayloadsAtIndex,
  decodeMapFromBytes,
  decodePriority,
  decodeSearchAttributes,
  decodeTypedSearchAttributes,
  decompileRetryPolicy,
  extractWorkflowTypeAndConfig,
  payloadMapFromBytes,
  type LoadedDataConverter,
  type SearchAttributes,
  type TypedSearchAttributes,
} from '../common/index.js';
import { inWorkflow } from '../common/serialization-context.js';
import { decodeScheduleSpec } from './schedule-spec.js';
import {
  ScheduleOverlapPolicy,
  scheduleOverlapPolicies,
  skippedActionReasons,
  type ScheduleDescription,
  type ScheduleDescriptionAction,
  type ScheduleExecutionActionResult,
  type ScheduleExecutionResult,
  type ScheduleOptionsAction,
  type ScheduleSummary,
  type SkippedAction,
} from './schedule-types.js';
import { startRequest, type StartContext } from './workflow-options.js';

/** @throws TypeError if something is missing, PayloadConverterError for a value that cannot be sent */
export async function encodeAction(scheduleId: string, action: ScheduleOptionsAction, context: StartContext): Promise<Init<NewWorkflowExecutionInfo>> {
  const { type: _type, workflowType, workflowId = `${scheduleId}-workflow`, args = [], ...options } = action;
  const { type: name, typeInfo } = extractWorkflowTypeAndConfig(workflowType);
  if (name === '') throw new TypeError('`action.workflowType` must be a workflow function or a text that is not empty.');
  await checkArguments(workflowType, args);
  const { namespace: _namespace, identity: _identity, requestId: _requestId, workflowIdConflictPolicy: _policy, workflowStartDelay: _delay, ...info } =
    await startRequest(name, { ...options, workflowId, args: [...args], ...(typeInfo && { typeInfo }) }, context);
  return info;
}

export async function describedSchedule(scheduleId: string, raw: DescribeScheduleResponse, converter: LoadedDataConverter, namespace: string): Promise<ScheduleDescription> {
  const { schedule, info } = raw;
  const action = schedule?.action?.startWorkflow;
  if (schedule?.spec === undefined || action === undefined) throw new Error('The server described a schedule without its spec or its action.');
  const { policies, state } = schedule;
  return {
    scheduleId,
    spec: decodeScheduleSpec(schedule.spec),
    action: await describedAction(action, inWorkflow(converter, namespace, action.workflowId)),
    memo: await decodeMapFromBytes(converter, raw.memo),
    ...labels(raw.searchAttributes),
    policies: {
      overlap: scheduleOverlapPolicies.decode(policies?.overlapPolicy) ?? ScheduleOverlapPolicy.SKIP,
      catchupWindow: policies?.catchupWindow ?? 60_000,
      pauseOnFailure: policies?.pauseOnFailure === true,
    },
    state: {
      paused: state?.paused === true,
      ...(state?.notes !== undefined && state.notes !== '' && { note: state.notes }),
      ...(state?.limitedActions === true && { remainingActions: state.remainingActions }),
    },
    info: {
      recentActions: (info?.recentActions ?? []).map(taken),
      nextActionTimes: (info?.futureActionTimes ?? []).map((time) => new Date(time)),
      numActionsTaken: info?.actionCount ?? 0,
      numActionsMissedCatchupWindow: info?.missedCatchupWindow ?? 0,
      numActionsSkippedOverlap: info?.overlapSkipped ?? 0,
      createdAt: new Date(info?.createTime ?? 0),
      lastUpdatedAt: info?.updateTime === undefined ? undefined : new Date(info.updateTime),
      runningActions: (info?.runningWorkflows ?? []).map(started),
    },
    raw,
  };
}

export async function listedSchedule({ scheduleId, memo, searchAttributes, info }: ScheduleListEntry, converter: LoadedDataConverter): Promise<ScheduleSummary> {
  return {
    scheduleId,
    ...(info?.spec !== undefined && { spec: decodeScheduleSpec(info.spec) }),
    ...(info?.workflowType !== undefined && { action: { type: 'startWorkflow', workflowType: info.workflowType.name } }),
    memo: await decodeMapFromBytes(converter, memo),
    ...labels(searchAttributes),
    state: { paused: info?.paused === true, ...(info?.notes !== undefined && info.notes !== '' && { note: info.notes }) },
    info: {
      recentActions: (info?.recentActions ?? []).map(taken),
      nextActionTimes: (info?.futureActionTimes ?? []).map((time) => new Date(time)),
    },
  };
}

async function describedAction(action: NewWorkflowExecutionInfo, converter: LoadedDataConverter): Promise<ScheduleDescriptionAction> {
  const retry = decompileRetryPolicy(action.retryPolicy);
  const metadata = action.userMetadata && UserMetadata.decode(action.userMetadata);
  const text = async (part: 'summary' | 'details'): Promise<string | undefined> => {
    const payload = metadata?.[part];
    return payload && decodeFromPayloadsAtIndex<string>(converter, 0, [payload]);
  };
  const [staticSummary, staticDetails] = [await text('summary'), await text('details')];
  return {
    type: 'startWorkflow',
    workflowId: action.workflowId,
    workflowType: action.workflowType?.name ?? '',
    taskQueue: action.taskQueue?.name ?? '',
    args: await decodeArrayFromBytes(converter, action.input),
    memo: await decodeMapFromBytes(converter, action.memo),
    ...labels(action.searchAttributes),
    ...(retry !== undefined && { retry }),
    ...(action.workflowExecutionTimeout !== undefined && { workflowExecutionTimeout: action.workflowExecutionTimeout }),
    ...(action.workflowRunTimeout !== undefined && { workflowRunTimeout: action.workflowRunTimeout }),
    ...(action.workflowTaskTimeout !== undefined && { workflowTaskTimeout: action.workflowTaskTimeout }),
    ...(staticSummary !== undefined && { staticSummary }),
    ...(staticDetails !== undefined && { staticDetails }),
    ...(action.priority !== undefined && { priority: decodePriority(WirePriority.decode(action.priority)) }),
  };
}

function labels(attributes: Encoded<WireSearchAttributes> | undefined): { searchAttributes: SearchAttributes; typedSearchAttributes: TypedSearchAttributes } {
  const payloads = attributes && payloadMapFromBytes(attributes);
  return { searchAttributes: decodeSearchAttributes(payloads), typedSearchAttributes: decodeTypedSearchAttributes(payloads) };
}

function taken({ scheduleTime, actualTime, startWorkflowResult }: ScheduleActionResult): ScheduleExecutionResult {
  return {
    scheduledAt: new Date(scheduleTime ?? 0),
    takenAt: new Date(actualTime ?? 0),
    action: started(startWorkflowResult ?? { workflowId: '', runId: '' }),
  };
}

function started({ workflowId, runId }: WorkflowExecution): ScheduleExecutionActionResult {
  return { type: 'startWorkflow', workflow: { workflowId, firstExecutionRunId: runId } };
}

export function skippedAction({ scheduleTime, skipTime, reason, count, message }: WireSkippedAction): SkippedAction {
  return {
    scheduledAt: new Date(scheduleTime ?? 0),
    skippedAt: new Date(skipTime ?? 0),
    reason: skippedActionReasons.decode(reason),
    count,
    ...(message !== '' && { message }),
  };
}
