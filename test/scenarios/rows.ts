/**
 * The rows of the compatibility table: what Temporal's API knows, by name. A scenario names the rows that it exercises; the types are made
 * from the protocol's own enums and services, so a row that does not exist does not compile.
 *
 * Most rows are *observable*: the recorder sees them in requests, replies and histories, and a claim that it did not see fails the
 * scenario. The rest ({@link CLAIMED_ONLY}) concern what stays inside an SDK and leaves no mark on the wire.
 */
import {
  ActivityIdConflictPolicy,
  ActivityIdReusePolicy,
  CancelExternalWorkflowExecutionFailedCause,
  CommandType,
  ContinueAsNewInitiator,
  ContinueAsNewVersioningBehavior,
  EventType,
  OperatorService,
  ParentClosePolicy,
  QueryRejectCondition,
  ResetReapplyExcludeType,
  ResetReapplyType,
  RetryState,
  ScheduleOverlapPolicy,
  SignalExternalWorkflowExecutionFailedCause,
  StartChildWorkflowExecutionFailedCause,
  UpdateWorkflowExecutionLifecycleStage,
  VersioningBehavior,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowService,
  WorkflowTaskFailedCause,
} from '#perdure/protocol/index';

/** Timeouts that a history shows. */
export const TIMEOUTS = [
  'workflow.execution',
  'workflow.run',
  'workflowTask.startToClose',
  'workflowTask.scheduleToStart',
  'activity.scheduleToClose',
  'activity.scheduleToStart',
  'activity.startToClose',
  'activity.heartbeat',
  'child.execution',
  'child.run',
  'nexus.scheduleToClose',
  'nexus.scheduleToStart',
  'nexus.startToClose',
] as const;

/** What an SDK does by itself, or what is in an answer only: neither requests nor histories show it. */
export const CLAIMED_ONLY = [
  'timeout:localActivity.startToClose',
  'timeout:localActivity.scheduleToClose',
  'timeout:standaloneActivity.scheduleToClose',
  'timeout:standaloneActivity.scheduleToStart',
  'timeout:standaloneActivity.startToClose',
  'timeout:standaloneActivity.heartbeat',
  'policy:activityCancellation.TRY_CANCEL',
  'policy:activityCancellation.WAIT_CANCELLATION_COMPLETED',
  'policy:activityCancellation.ABANDON',
  'policy:childCancellation.TRY_CANCEL',
  'policy:childCancellation.WAIT_CANCELLATION_REQUESTED',
  'policy:childCancellation.WAIT_CANCELLATION_COMPLETED',
  'policy:childCancellation.ABANDON',
  'policy:nexusCancellation.TRY_CANCEL',
  'policy:nexusCancellation.WAIT_CANCELLATION_REQUESTED',
  'policy:nexusCancellation.WAIT_CANCELLATION_COMPLETED',
  'policy:nexusCancellation.ABANDON',
  'policy:retry.maximumAttempts',
  'policy:retry.nonRetryableErrorTypes',
  'policy:retry.nextRetryDelay',
  'policy:retry.maximumInterval',
] as const;

/** The enums whose members are rows, each under the prefix of its rows. */
export const ENUM_ROWS = {
  'command:': CommandType,
  'event:': EventType,
  'policy:idReuse.': WorkflowIdReusePolicy,
  'policy:idConflict.': WorkflowIdConflictPolicy,
  'policy:parentClose.': ParentClosePolicy,
  'policy:queryReject.': QueryRejectCondition,
  'policy:resetReapply.': ResetReapplyType,
  'policy:resetExclude.': ResetReapplyExcludeType,
  'policy:continueAsNew.': ContinueAsNewInitiator,
  'policy:updateWait.': UpdateWorkflowExecutionLifecycleStage,
  'policy:retryState.': RetryState,
  'policy:activityIdReuse.': ActivityIdReusePolicy,
  'policy:activityIdConflict.': ActivityIdConflictPolicy,
  'policy:scheduleOverlap.': ScheduleOverlapPolicy,
  'policy:versioning.': VersioningBehavior,
  'policy:continueAsNewVersioning.': ContinueAsNewVersioningBehavior,
  'cause:workflowTask.': WorkflowTaskFailedCause,
  'cause:startChild.': StartChildWorkflowExecutionFailedCause,
  'cause:signalExternal.': SignalExternalWorkflowExecutionFailedCause,
  'cause:cancelExternal.': CancelExternalWorkflowExecutionFailedCause,
} as const;

type EnumRows = { [P in keyof typeof ENUM_ROWS]: `${P}${Exclude<keyof (typeof ENUM_ROWS)[P] & string, 'UNSPECIFIED'>}` }[keyof typeof ENUM_ROWS];

export type Row =
  | EnumRows
  | `rpc:${(keyof typeof WorkflowService | keyof typeof OperatorService) & string}`
  | `timeout:${(typeof TIMEOUTS)[number]}`
  | (typeof CLAIMED_ONLY)[number];

export type Prefix = keyof typeof ENUM_ROWS;

/** The row of an enum's value; undefined for "unspecified" and for values that this version does not know. */
export function rowOf(prefix: Prefix, value: number | undefined): Row | undefined {
  if (value === undefined || value === 0) return undefined;
  const name = Object.entries(ENUM_ROWS[prefix]).find(([, number]) => number === value)?.[0];
  return name === undefined ? undefined : (`${prefix}${name}` as Row);
}

/** Every row, in the order of the table. */
export function allRows(): Row[] {
  const rows: string[] = [];
  for (const [prefix, values] of Object.entries(ENUM_ROWS)) rows.push(...Object.keys(values).filter((name) => name !== 'UNSPECIFIED').map((name) => prefix + name));
  rows.push(...TIMEOUTS.map((name) => `timeout:${name}`), ...CLAIMED_ONLY);
  rows.push(...[...Object.keys(WorkflowService), ...Object.keys(OperatorService)].map((name) => `rpc:${name}`));
  return rows as Row[];
}

const claimedOnly: ReadonlySet<string> = new Set(CLAIMED_ONLY);

export function isObservable(row: Row): boolean {
  return !claimedOnly.has(row);
}
