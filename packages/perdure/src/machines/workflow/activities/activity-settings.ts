/**
 * The settings of an activity, merged and checked: task queue, timeouts, retry policy, priority. What a client asks for must be what a
 * workflow could have asked for: unset timeouts are filled by the same rules. Shared by `machines/workflow` and `machines/activity`. Pure.
 */
import { Priority, TaskQueueKind } from '../../../protocol/index.js';
import type { ActivityOptions, ActivitySettings, ActivityState, Encoded, RetryPolicy, ScheduleActivityTaskCommandAttributes } from '../../../protocol/index.js';
import { MAXIMUM_DURATION_MS } from '../limits.js';
import type { WorkflowLimits } from '../limits.js';
import { taskQueueProblem } from '../tasks/command-plan.js';
import { backoffMs, retryPolicyProblem, withRetryDefaults } from './retry-policy.js';

type Merge = (settings: ActivitySettings, options: ActivityOptions) => ActivitySettings | string;

const MERGES: ReadonlyMap<string, Merge> = new Map<string, Merge>([
  [
    'taskQueue.name',
    (settings, { taskQueue }) => (taskQueue === undefined ? 'TaskQueue is not provided' : { ...settings, taskQueue: taskQueue.name }),
  ],
  ['scheduleToCloseTimeout', (settings, options) => ({ ...settings, scheduleToCloseTimeoutMs: options.scheduleToCloseTimeout ?? 0 })],
  ['scheduleToStartTimeout', (settings, options) => ({ ...settings, scheduleToStartTimeoutMs: options.scheduleToStartTimeout ?? 0 })],
  ['startToCloseTimeout', (settings, options) => ({ ...settings, startToCloseTimeoutMs: options.startToCloseTimeout ?? 0 })],
  ['heartbeatTimeout', (settings, options) => ({ ...settings, heartbeatTimeoutMs: options.heartbeatTimeout ?? 0 })],
  ['retryPolicy', mergeRetryPolicy((_, policy) => policy)],
  ['retryPolicy.initialInterval', mergeRetryPolicy((before, { initialInterval }) => ({ ...before, initialInterval }))],
  ['retryPolicy.backoffCoefficient', mergeRetryPolicy((before, { backoffCoefficient }) => ({ ...before, backoffCoefficient }))],
  ['retryPolicy.maximumInterval', mergeRetryPolicy((before, { maximumInterval }) => ({ ...before, maximumInterval }))],
  ['retryPolicy.maximumAttempts', mergeRetryPolicy((before, { maximumAttempts }) => ({ ...before, maximumAttempts }))],
  ['priority', (settings, { priority }) => ({ ...settings, priority })],
  ['priority.priorityKey', mergePriority('priorityKey')],
  ['priority.fairnessKey', mergePriority('fairnessKey')],
  ['priority.fairnessWeight', mergePriority('fairnessWeight')],
]);

function mergeRetryPolicy(change: (before: RetryPolicy, asked: RetryPolicy) => RetryPolicy): Merge {
  return (settings, { retryPolicy }) => {
    if (retryPolicy === undefined) return 'RetryPolicy is not provided';
    return { ...settings, retryPolicy: change(settings.retryPolicy ?? withRetryDefaults(undefined), retryPolicy) };
  };
}

function mergePriority(field: keyof Priority): Merge {
  return (settings, options) => {
    const asked = options.priority === undefined ? Priority.create() : Priority.decode(options.priority);
    const before = settings.priority === undefined ? Priority.create() : Priority.decode(settings.priority);
    return { ...settings, priority: Priority.encode({ ...before, [field]: asked[field] }) };
  };
}

/** Whether this path of a field mask names a setting. */
export function isSetting(path: string): boolean {
  return MERGES.has(camelCase(path));
}

/** What else the merged settings must fit. */
export interface SettingsBounds {
  readonly activityId: string;
  /** Of the run; 0 for none. */
  readonly runTimeoutMs: number;
  readonly limits: WorkflowLimits;
}

/**
 * The settings with those that `paths` of a field mask name taken from `options`; or what is wrong with them. Fields that are no settings
 * are passed over.
 */
export function mergeSettings(before: ActivitySettings, options: ActivityOptions, paths: readonly string[], { activityId, runTimeoutMs, limits }: SettingsBounds): ActivitySettings | string {
  let settings = before;
  for (const path of paths) {
    const merged = MERGES.get(camelCase(path))?.(settings, options) ?? settings;
    if (typeof merged === 'string') return merged;
    settings = merged;
  }
  const problem = taskQueueProblem(settings.taskQueue, limits) ?? retryPolicyProblem(settings.retryPolicy) ?? priorityProblem(settings.priority, limits);
  if (problem !== undefined) return problem;
  const timeouts = activityTimeouts(
    {
      scheduleToCloseTimeout: settings.scheduleToCloseTimeoutMs,
      scheduleToStartTimeout: settings.scheduleToStartTimeoutMs,
      startToCloseTimeout: settings.startToCloseTimeoutMs,
      heartbeatTimeout: settings.heartbeatTimeoutMs,
    },
    runTimeoutMs,
  );
  if (typeof timeouts === 'string') return `activity ${activityId}: ${timeouts}`;
  return {
    ...settings,
    scheduleToCloseTimeoutMs: timeouts.scheduleToCloseTimeout ?? 0,
    scheduleToStartTimeoutMs: timeouts.scheduleToStartTimeout ?? 0,
    startToCloseTimeoutMs: timeouts.startToCloseTimeout ?? 0,
    heartbeatTimeoutMs: timeouts.heartbeatTimeout ?? 0,
    retryPolicy: withRetryDefaults(settings.retryPolicy),
  };
}

const camelCase = (path: string): string => path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** What is wrong with a priority that a client chose. */
export function priorityProblem(encoded: Encoded<Priority> | undefined, { fairnessKeyLengthBytes }: WorkflowLimits): string | undefined {
  if (encoded === undefined || encoded.byteLength === 0) return undefined;
  const { priorityKey, fairnessKey, fairnessWeight } = Priority.decode(encoded);
  if (priorityKey < 0) return 'invalid priorities: the priority key is negative';
  if (Buffer.byteLength(fairnessKey) > fairnessKeyLengthBytes) return `invalid priorities: the fairness key is longer than ${fairnessKeyLengthBytes} bytes`;
  if (fairnessWeight < 0) return 'invalid priorities: the fairness weight is negative';
  return undefined;
}

type TimeoutAttributes = Pick<
  ScheduleActivityTaskCommandAttributes,
  'scheduleToCloseTimeout' | 'scheduleToStartTimeout' | 'startToCloseTimeout' | 'heartbeatTimeout'
>;

/** Fills the timeouts that are unset from those that are set, all bounded by the run's. All four are set in the result; 0 is none. */
export function activityTimeouts(asked: TimeoutAttributes, runTimeoutMs: number): Required<TimeoutAttributes> | string {
  const bounded = (timeout = 0): number => Math.min(timeout, MAXIMUM_DURATION_MS);
  const scheduleToClose = bounded(asked.scheduleToCloseTimeout);
  const scheduleToStart = bounded(asked.scheduleToStartTimeout);
  const startToClose = bounded(asked.startToCloseTimeout);
  const heartbeat = bounded(asked.heartbeatTimeout);
  if (scheduleToClose < 0 || scheduleToStart < 0 || startToClose < 0 || heartbeat < 0) return 'a timeout is negative';
  if (scheduleToClose === 0 && startToClose === 0) return 'neither startToCloseTimeout nor scheduleToCloseTimeout is set: set one of them';

  const outer = scheduleToClose || runTimeoutMs;
  const within = (timeout: number, bound: number): number => (bound > 0 && (timeout === 0 || timeout > bound) ? bound : timeout);
  const capped = (timeout: number): number => (runTimeoutMs > 0 ? Math.min(timeout, runTimeoutMs) : timeout);
  const filledStartToClose = capped(scheduleToClose > 0 ? within(startToClose, scheduleToClose) : startToClose);
  return {
    scheduleToCloseTimeout: capped(outer),
    scheduleToStartTimeout: capped(scheduleToClose > 0 ? within(scheduleToStart, scheduleToClose) : scheduleToStart || runTimeoutMs),
    startToCloseTimeout: filledStartToClose,
    heartbeatTimeout: Math.min(heartbeat, filledStartToClose),
  };
}

/** When the backoff of the waiting attempt ends with other settings; 0 unless it waits for that. */
export function newBackoffEnd(activity: ActivityState, settings: ActivitySettings): number {
  if (activity.started || activity.ready || activity.attempt < 2 || activity.lastAttemptCompleteTimeMs === 0) return 0;
  return activity.lastAttemptCompleteTimeMs + Math.ceil(backoffMs(settings.retryPolicy ?? withRetryDefaults(undefined), activity.attempt - 1));
}

/** As clients see them. */
export function optionsOf(activity: ActivityState): ActivityOptions {
  return {
    taskQueue: { name: activity.taskQueue, kind: TaskQueueKind.NORMAL, normalName: '' },
    scheduleToCloseTimeout: activity.scheduleToCloseTimeoutMs,
    scheduleToStartTimeout: activity.scheduleToStartTimeoutMs,
    startToCloseTimeout: activity.startToCloseTimeoutMs,
    heartbeatTimeout: activity.heartbeatTimeoutMs,
    retryPolicy: activity.retryPolicy,
    priority: activity.priority,
  };
}
