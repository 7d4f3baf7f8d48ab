/** Options of activities that clients start by themselves, and what they become on the wire. */
import {
  Priority as WirePriority,
  UserMetadata,
  type ActivityExecutionStatus as WireStatus,
  type ActivityIdConflictPolicy as WireConflictPolicy,
  type ActivityIdReusePolicy as WireReusePolicy,
  type ActivityOptions as WireOptions,
  type Init,
  type PendingActivityState as WireState,
  type SearchAttributes as WireSearchAttributes,
  type StartActivityExecutionRequest,
} from '../../protocol/index.js';
import {
  compilePriority,
  compileRetryPolicy,
  decodePriority,
  decompileRetryPolicy,
  encodePayloadsWithCodecs,
  encodeSearchAttributes,
  encodeArgumentsToBytes,
  msOptionalToNumber,
  payloadMapToBytes,
  type Duration,
  type PayloadTypeInfo,
  type Priority,
  type RetryPolicy,
  type SearchAttributePair,
  type TypedSearchAttributes,
} from '../common/index.js';
import { enumNames } from '../common/enum-names.js';
import { inActivity } from '../common/serialization-context.js';
import { extrasOf } from './call-extras.js';
import type { CallContext } from './workflow-calls.js';

/** What happens on a start when a *closed* activity with the same id exists. */
export const ActivityIdReusePolicy = {
  /** The default. */
  ALLOW_DUPLICATE: 'ALLOW_DUPLICATE',
  /** Only if the last one did not complete. */
  ALLOW_DUPLICATE_FAILED_ONLY: 'ALLOW_DUPLICATE_FAILED_ONLY',
  REJECT_DUPLICATE: 'REJECT_DUPLICATE',
} as const;
export type ActivityIdReusePolicy = (typeof ActivityIdReusePolicy)[keyof typeof ActivityIdReusePolicy];
const activityIdReusePolicies = enumNames<typeof WireReusePolicy, ActivityIdReusePolicy>('activity id reuse policy', {
  ALLOW_DUPLICATE: 1,
  ALLOW_DUPLICATE_FAILED_ONLY: 2,
  REJECT_DUPLICATE: 3,
});

/** What happens on a start when a *running* activity with the same id exists. */
export const ActivityIdConflictPolicy = {
  /** The start fails with ActivityExecutionAlreadyStartedError. The default. */
  FAIL: 'FAIL',
  /** The start gives a handle of the running one. */
  USE_EXISTING: 'USE_EXISTING',
} as const;
export type ActivityIdConflictPolicy = (typeof ActivityIdConflictPolicy)[keyof typeof ActivityIdConflictPolicy];
const activityIdConflictPolicies = enumNames<typeof WireConflictPolicy, ActivityIdConflictPolicy>('activity id conflict policy', { FAIL: 1, USE_EXISTING: 2 });

export const ActivityExecutionStatus = {
  RUNNING: 'RUNNING',
  COMPLETED: 'COMPLETED',
  FAILED: 'FAILED',
  CANCELED: 'CANCELED',
  TERMINATED: 'TERMINATED',
  TIMED_OUT: 'TIMED_OUT',
  /** It was paused, and no attempt is under way. */
  PAUSED: 'PAUSED',
} as const;
export type ActivityExecutionStatus = (typeof ActivityExecutionStatus)[keyof typeof ActivityExecutionStatus];
export const activityExecutionStatuses = enumNames<typeof WireStatus, ActivityExecutionStatus>('activity status', {
  RUNNING: 1,
  COMPLETED: 2,
  FAILED: 3,
  CANCELED: 4,
  TERMINATED: 5,
  TIMED_OUT: 6,
  PAUSED: 7,
});

/** What an activity that has not ended is doing. */
export const PendingActivityState = {
  /** It waits for a worker, for the end of its start delay or for the next attempt. */
  SCHEDULED: 'SCHEDULED',
  STARTED: 'STARTED',
  /** A worker holds an attempt and is to be told. */
  CANCEL_REQUESTED: 'CANCEL_REQUESTED',
  PAUSED: 'PAUSED',
  /** It was paused while a worker holds an attempt. */
  PAUSE_REQUESTED: 'PAUSE_REQUESTED',
} as const;
export type PendingActivityState = (typeof PendingActivityState)[keyof typeof PendingActivityState];
export const pendingActivityStates = enumNames<typeof WireState, PendingActivityState>('pending activity state', {
  SCHEDULED: 1,
  STARTED: 2,
  CANCEL_REQUESTED: 3,
  PAUSED: 4,
  PAUSE_REQUESTED: 5,
});

/** How an activity is started. One of `startToCloseTimeout` and `scheduleToCloseTimeout` is needed. */
export interface ActivityOptions {
  /** Unique among the running activities of the namespace; best a name from the business, such as `invoice-4711`. */
  id: string;
  /** The queue that its workers poll. */
  taskQueue: string;
  args?: readonly unknown[];
  /** The longest pause between two heartbeats. Default: heartbeats are not required. */
  heartbeatTimeout?: Duration;
  /** Default: tried again without end, after 1 s, 2 s, 4 s … up to 100 s. */
  retry?: RetryPolicy;
  /** Limit of one attempt. What takes longer is tried again. */
  startToCloseTimeout?: Duration;
  /** How long an attempt may wait for a worker. Not tried again. */
  scheduleToStartTimeout?: Duration;
  /** Limit over all attempts, from the end of the start delay on. */
  scheduleToCloseTimeout?: Duration;
  /** One line for those who look at it. */
  summary?: string;
  priority?: Priority;
  /** Time until the first attempt. */
  startDelay?: Duration;
  /** Default ALLOW_DUPLICATE. */
  idReusePolicy?: ActivityIdReusePolicy;
  /** Default FAIL. */
  idConflictPolicy?: ActivityIdConflictPolicy;
  typedSearchAttributes?: SearchAttributePair[] | TypedSearchAttributes;
  /** How arguments and result travel. Default: what `setActivityOptions` says of the function. */
  typeInfo?: PayloadTypeInfo;
}

/** Options to change: a value is set, `null` takes the option away, what is left out stays. */
export interface ActivityOptionsUpdate {
  taskQueue?: string;
  scheduleToCloseTimeout?: Duration | null;
  scheduleToStartTimeout?: Duration | null;
  startToCloseTimeout?: Duration | null;
  heartbeatTimeout?: Duration | null;
  retry?: RetryPolicy | null;
  priority?: Priority | null;
  /** Only until the first attempt begins. */
  startDelay?: Duration | null;
}

/** The options as they are after a change. Durations are in milliseconds. */
export type ActivityOptionsUpdateResult = { [K in keyof ActivityOptionsUpdate]: Exclude<ActivityOptionsUpdate[K], null> };

/**
 * The request, complete with its request id: sent any number of times it starts one activity.
 *
 * @throws TypeError if the id, the queue or both timeouts are missing
 */
export async function startActivityRequest(
  activityType: string,
  options: ActivityOptions,
  { connection, namespace, identity, dataConverter: given }: CallContext,
): Promise<Init<StartActivityExecutionRequest>> {
  if (!options.id) throw new TypeError('`id` must be a text that is not empty.');
  if (!options.taskQueue) throw new TypeError('`taskQueue` must be a text that is not empty.');
  if (options.startToCloseTimeout === undefined && options.scheduleToCloseTimeout === undefined) {
    throw new TypeError('Required either `startToCloseTimeout` or `scheduleToCloseTimeout`: an activity without limit would never be given up.');
  }
  const searchAttributes = encodeSearchAttributes(undefined, options.typedSearchAttributes);
  const extras = extrasOf(options);
  const dataConverter = inActivity(given, namespace, options.id);
  const summary = options.summary === undefined ? undefined : await encodePayloadsWithCodecs(dataConverter.payloadCodecs, [dataConverter.payloadConverter.toPayload(options.summary)]);
  return {
    namespace,
    identity,
    requestId: extras?.requestId ?? connection.newId(),
    activityId: options.id,
    activityType: { name: activityType },
    taskQueue: { name: options.taskQueue, kind: 1 },
    scheduleToCloseTimeout: msOptionalToNumber(options.scheduleToCloseTimeout),
    scheduleToStartTimeout: msOptionalToNumber(options.scheduleToStartTimeout),
    startToCloseTimeout: msOptionalToNumber(options.startToCloseTimeout),
    heartbeatTimeout: msOptionalToNumber(options.heartbeatTimeout),
    retryPolicy: options.retry && compileRetryPolicy(options.retry),
    input: await encodeArgumentsToBytes(dataConverter, options.args ?? [], options.typeInfo?.inputTypes),
    idReusePolicy: activityIdReusePolicies.encode(options.idReusePolicy),
    idConflictPolicy: activityIdConflictPolicies.encode(options.idConflictPolicy),
    searchAttributes: searchAttributes && payloadMapToBytes<WireSearchAttributes>(searchAttributes),
    userMetadata: summary && UserMetadata.encode({ summary: summary[0] }),
    priority: options.priority && WirePriority.encode(compilePriority(options.priority)),
    startDelay: msOptionalToNumber(options.startDelay),
    ...(extras && { links: extras.links, completionCallbacks: extras.completionCallbacks, onConflictOptions: extras.onConflictOptions }),
  };
}

/** The changes, and the mask that names them. */
export function encodeOptionsUpdate(update: ActivityOptionsUpdate): { activityOptions: Init<WireOptions>; updateMask: { paths: string[] } } {
  const { taskQueue, retry, priority } = update;
  const named: [path: string, given: unknown][] = [
    // A queue cannot be taken away.
    ['task_queue.name', taskQueue ?? undefined],
    ['schedule_to_close_timeout', update.scheduleToCloseTimeout],
    ['schedule_to_start_timeout', update.scheduleToStartTimeout],
    ['start_to_close_timeout', update.startToCloseTimeout],
    ['heartbeat_timeout', update.heartbeatTimeout],
    ['retry_policy', retry],
    ['priority', priority],
    ['start_delay', update.startDelay],
  ];
  const some = (duration: Duration | null | undefined): number | undefined => msOptionalToNumber(duration ?? undefined);
  const activityOptions = {
    taskQueue: taskQueue === undefined ? undefined : { name: taskQueue },
    scheduleToCloseTimeout: some(update.scheduleToCloseTimeout),
    scheduleToStartTimeout: some(update.scheduleToStartTimeout),
    startToCloseTimeout: some(update.startToCloseTimeout),
    heartbeatTimeout: some(update.heartbeatTimeout),
    // A policy without anything is the default one.
    retryPolicy: retry === null ? {} : retry && compileRetryPolicy(retry),
    priority: priority ? WirePriority.encode(compilePriority(priority)) : undefined,
    startDelay: some(update.startDelay),
  };
  return { activityOptions, updateMask: { paths: named.filter(([, given]) => given !== undefined).map(([path]) => path) } };
}

export function decodeOptions(options: WireOptions | undefined): ActivityOptionsUpdateResult {
  const retry = decompileRetryPolicy(options?.retryPolicy);
  const result: ActivityOptionsUpdateResult = {};
  if (options?.taskQueue !== undefined) result.taskQueue = options.taskQueue.name;
  for (const name of ['scheduleToCloseTimeout', 'scheduleToStartTimeout', 'startToCloseTimeout', 'heartbeatTimeout', 'startDelay'] as const) {
    const durationMs = options?.[name];
    if (durationMs) result[name] = durationMs;
  }
  if (retry !== undefined) result.retry = retry;
  if (options?.priority !== undefined) result.priority = decodePriority(WirePriority.decode(options.priority));
  return result;
}
