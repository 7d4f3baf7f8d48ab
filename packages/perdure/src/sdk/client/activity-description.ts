/** What the server tells about activities that no workflow started, in the types that users read. */
import {
  Priority as WirePriority,
  UserMetadata,
  type ActivityCallbackInfo,
  type ActivityExecutionInfo as WireInfo,
  type ActivityExecutionListInfo as WireListInfo,
  type DescribeActivityExecutionResponse,
  type Encoded,
  type SearchAttributes as WireSearchAttributes,
  type WorkerDeploymentVersion,
} from '../../protocol/index.js';
import {
  decodeArrayFromBytes,
  decodeFromBytesAtIndex,
  decodeFromPayloadsAtIndex,
  decodePriority,
  decodeTypedSearchAttributes,
  decompileRetryPolicy,
  payloadMapFromBytes,
  type LoadedDataConverter,
  type Priority,
  type RetryPolicy,
  type TypedSearchAttributes,
} from '../common/index.js';
import { activityExecutionStatuses, pendingActivityStates, type ActivityExecutionStatus, type PendingActivityState } from './activity-options.js';
import { decodeFailureBytes } from './workflow-result.js';

/** The protocol's own messages, for what has no name here yet. */
export type RawActivityExecutionInfo = WireInfo;
export type RawActivityExecutionListInfo = WireListInfo;
export type RawActivityExecutionCallbacks = ActivityCallbackInfo[];

/** An activity as lists show it. */
export interface ActivityExecutionInfo {
  readonly activityId: string;
  readonly activityRunId: string;
  readonly activityType: string;
  readonly taskQueue: string;
  readonly status: ActivityExecutionStatus;
  /** When it was started. */
  readonly scheduleTime?: Date;
  /** When the first attempt was due: later than `scheduleTime` with a start delay. */
  readonly executionTime?: Date;
  readonly closeTime?: Date;
  readonly executionDurationMs?: number;
  readonly typedSearchAttributes: TypedSearchAttributes;
  /** Of a list: the protocol message it was read from. */
  readonly rawListInfo?: RawActivityExecutionListInfo;
}

/** An activity with everything the server tells. What is large comes only if it was asked for. */
export interface ActivityExecutionDescription extends ActivityExecutionInfo {
  /** What it is doing, while it has not ended. */
  readonly runState?: PendingActivityState;
  readonly scheduleToCloseTimeoutMs?: number;
  readonly scheduleToStartTimeoutMs?: number;
  readonly startToCloseTimeoutMs?: number;
  readonly heartbeatTimeoutMs?: number;
  readonly startDelayMs?: number;
  readonly retryPolicy: RetryPolicy;
  readonly priority: Priority;
  /** The latest attempt: 1 for the first. */
  readonly attempt: number;
  readonly lastStartedTime?: Date;
  readonly lastWorkerIdentity?: string;
  readonly lastDeploymentVersion?: WorkerDeploymentVersion;
  readonly lastAttemptCompleteTime?: Date;
  /** While it waits for the next attempt. */
  readonly currentRetryIntervalMs?: number;
  readonly nextAttemptScheduleTime?: Date;
  readonly lastHeartbeatTime?: Date;
  readonly totalHeartbeatCount?: number;
  /** When it times out as a whole. */
  readonly expirationTime?: Date;
  readonly canceledReason?: string;
  readonly hasHeartbeatDetails: boolean;
  readonly hasLastFailure: boolean;
  readonly hasInput: boolean;
  readonly hasResult: boolean;
  readonly hasOutcomeFailure: boolean;
  getHeartbeatDetails<T = unknown>(): Promise<T | undefined>;
  /** Of the last attempt that failed. */
  getLastFailure(): Promise<Error | undefined>;
  /** The arguments. */
  getInput<T extends unknown[] = unknown[]>(): Promise<T | undefined>;
  getResult<T = unknown>(): Promise<T | undefined>;
  /** How it ended, if it did not complete. */
  getOutcomeFailure(): Promise<Error | undefined>;
  /** The summary given at the start. */
  getSummary(): Promise<string | undefined>;
  readonly rawInfo: RawActivityExecutionInfo;
  readonly rawCallbacks: RawActivityExecutionCallbacks;
}

type Common = Pick<WireInfo, 'activityId' | 'runId' | 'activityType' | 'taskQueue' | 'status' | 'scheduleTime' | 'executionTime' | 'closeTime' | 'executionDuration' | 'searchAttributes'>;

function commonInfo(info: Common): ActivityExecutionInfo {
  return {
    activityId: info.activityId,
    activityRunId: info.runId,
    activityType: info.activityType?.name ?? '',
    taskQueue: info.taskQueue,
    // A status of a later protocol has no name here.
    status: activityExecutionStatuses.decode(info.status) ?? 'RUNNING',
    ...dates(info, ['scheduleTime', 'executionTime', 'closeTime']),
    ...(info.executionDuration !== undefined && { executionDurationMs: info.executionDuration }),
    typedSearchAttributes: attributesOf(info.searchAttributes),
  };
}

export function listedActivity(info: WireListInfo): ActivityExecutionInfo {
  return { ...commonInfo(info), rawListInfo: info };
}

export function describedActivity(response: DescribeActivityExecutionResponse, converter: LoadedDataConverter): ActivityExecutionDescription {
  const { info, input, outcome } = response;
  if (info === undefined) throw new Error('The server described an activity without its info.');
  const runState = pendingActivityStates.decode(info.runState);
  return {
    ...commonInfo(info),
    ...(runState !== undefined && { runState }),
    ...positive('scheduleToCloseTimeoutMs', info.scheduleToCloseTimeout),
    ...positive('scheduleToStartTimeoutMs', info.scheduleToStartTimeout),
    ...positive('startToCloseTimeoutMs', info.startToCloseTimeout),
    ...positive('heartbeatTimeoutMs', info.heartbeatTimeout),
    ...positive('startDelayMs', info.startDelay),
    ...positive('currentRetryIntervalMs', info.currentRetryInterval),
    ...positive('totalHeartbeatCount', info.totalHeartbeatCount),
    ...dates(info, ['lastStartedTime', 'lastAttemptCompleteTime', 'nextAttemptScheduleTime', 'lastHeartbeatTime', 'expirationTime']),
    ...(info.lastWorkerIdentity !== '' && { lastWorkerIdentity: info.lastWorkerIdentity }),
    ...(info.lastDeploymentVersion && { lastDeploymentVersion: info.lastDeploymentVersion }),
    ...(info.canceledReason !== '' && { canceledReason: info.canceledReason }),
    retryPolicy: decompileRetryPolicy(info.retryPolicy) ?? {},
    priority: decodePriority(info.priority && WirePriority.decode(info.priority)),
    attempt: info.attempt,
    hasHeartbeatDetails: info.heartbeatDetails !== undefined,
    hasLastFailure: info.lastFailure !== undefined,
    hasInput: input !== undefined,
    hasResult: outcome?.result !== undefined,
    hasOutcomeFailure: outcome?.failure !== undefined,
    getHeartbeatDetails: async <T>() => (info.heartbeatDetails === undefined ? undefined : decodeFromBytesAtIndex<T>(converter, 0, info.heartbeatDetails)),
    getLastFailure: () => decodeFailureBytes(converter, info.lastFailure),
    getInput: async <T extends unknown[]>() => (input === undefined ? undefined : ((await decodeArrayFromBytes(converter, input)) as T)),
    getResult: async <T>() => (outcome?.result === undefined ? undefined : decodeFromBytesAtIndex<T>(converter, 0, outcome.result)),
    getOutcomeFailure: () => decodeFailureBytes(converter, outcome?.failure),
    getSummary: async () => {
      const summary = info.userMetadata && UserMetadata.decode(info.userMetadata).summary;
      return summary && decodeFromPayloadsAtIndex<string>(converter, 0, [summary]);
    },
    rawInfo: info,
    rawCallbacks: response.callbacks,
  };
}

function attributesOf(encoded: Encoded<WireSearchAttributes> | undefined): TypedSearchAttributes {
  return decodeTypedSearchAttributes(encoded && payloadMapFromBytes(encoded));
}

/** Those that are set. */
function dates<Name extends string>(from: Partial<Record<Name, number | undefined>>, names: readonly Name[]): { [K in Name]?: Date } {
  const found: { [K in Name]?: Date } = {};
  for (const name of names) {
    const ms = from[name];
    if (ms !== undefined) found[name] = new Date(ms);
  }
  return found;
}

/** Zero is what the server says for none. */
function positive<Name extends string>(name: Name, value: number | undefined): { [K in Name]?: number } {
  const found: { [K in Name]?: number } = {};
  if (value) found[name] = value;
  return found;
}
