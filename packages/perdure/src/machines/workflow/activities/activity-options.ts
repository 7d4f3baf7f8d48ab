/**
 * Changing the options of a pending activity: task queue, timeouts, retry policy, priority; all of them or some (a field mask), or back
 * to what the workflow asked for.
 *
 * The result must be what a workflow could have asked for: unset timeouts are filled by the same rules. Deadlines count with the new
 * timeouts at once, also for an attempt that a worker holds; a backoff is computed anew.
 */
import { Priority, RpcError, TaskQueueKind } from '../../../protocol/index.js';
import type { ActivityOptions, ActivityOptionsUpdated, ActivitySettings, ActivityState, Encoded, RetryPolicy } from '../../../protocol/index.js';
import { activityTimeouts } from './activities.js';
import type { ActivityOptionsReply, UpdateActivityOptionsInput } from './activity-operations-inputs.js';
import { reschedule, select, useSettings } from './activity-operations.js';
import { taskQueueProblem } from '../tasks/command-plan.js';
import { activityKey } from '../debts.js';
import type { WorkflowLimits } from '../limits.js';
import type { Draft } from '../draft.js';
import { invalid } from '../refusals.js';
import { backoffMs, retryPolicyProblem, withRetryDefaults } from './retry-policy.js';
import { must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';

export function updateActivityOptions(draft: Draft, { selection, change }: UpdateActivityOptionsInput): ActivityOptionsReply | RpcError {
  const selected = select(draft.state, selection);
  if (selected instanceof RpcError) return selected;
  const changes: { activity: ActivityState; settings: ActivitySettings }[] = [];
  for (const activity of selected) {
    const settings = change.kind === 'restore' ? (activity.originalSettings ?? settingsOf(activity)) : merge(draft, activity, change.options, change.paths);
    if (settings instanceof RpcError) return settings;
    changes.push({ activity, settings });
  }
  for (const { activity, settings } of changes) {
    const attemptAtMs = newBackoffEnd(activity, settings);
    draft.emitPrivate({ activityOptionsUpdated: { scheduledEventId: activity.scheduledEventId, settings, attemptAtMs } });
  }
  return { kind: 'activity-options', options: optionsOf(must(selected[0], 'activity')) };
}

/** 0 unless the next attempt waits for its backoff to end. */
function newBackoffEnd(activity: ActivityState, settings: ActivitySettings): number {
  if (activity.started || activity.ready || activity.attempt < 2 || activity.lastAttemptCompleteTimeMs === 0) return 0;
  return activity.lastAttemptCompleteTimeMs + Math.ceil(backoffMs(settings.retryPolicy ?? withRetryDefaults(undefined), activity.attempt - 1));
}

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

/** Fields that an activity of a workflow does not have are passed over. */
function merge(draft: Draft, activity: ActivityState, options: ActivityOptions, paths: readonly string[]): ActivitySettings | RpcError {
  let settings = settingsOf(activity);
  for (const path of paths) {
    const merged = MERGES.get(camelCase(path))?.(settings, options) ?? settings;
    if (typeof merged === 'string') return invalid(merged);
    settings = merged;
  }
  const problem = taskQueueProblem(settings.taskQueue, draft.limits) ?? retryPolicyProblem(settings.retryPolicy) ?? priorityProblem(settings.priority, draft.limits);
  if (problem !== undefined) return invalid(problem);
  const timeouts = activityTimeouts(
    {
      scheduleToCloseTimeout: settings.scheduleToCloseTimeoutMs,
      scheduleToStartTimeout: settings.scheduleToStartTimeoutMs,
      startToCloseTimeout: settings.startToCloseTimeoutMs,
      heartbeatTimeout: settings.heartbeatTimeoutMs,
    },
    draft.state.run.runTimeoutMs,
  );
  if (typeof timeouts === 'string') return invalid(`activity ${activity.activityId}: ${timeouts}`);
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

// ── views and events ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function settingsOf(activity: ActivityState): ActivitySettings {
  const { taskQueue, scheduleToCloseTimeoutMs, scheduleToStartTimeoutMs, startToCloseTimeoutMs, heartbeatTimeoutMs, retryPolicy, priority } = activity;
  return { taskQueue, scheduleToCloseTimeoutMs, scheduleToStartTimeoutMs, startToCloseTimeoutMs, heartbeatTimeoutMs, retryPolicy, priority };
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

export function applyActivityOptionsUpdated(state: WorkflowState, updated: ActivityOptionsUpdated, applying: Applying): void {
  const activity = must(state.activities.get(updated.scheduledEventId), 'activity');
  activity.originalSettings ??= settingsOf(activity);
  useSettings(activity, must(updated.settings, 'settings'));
  if (updated.attemptAtMs > 0) reschedule(state, activity, updated.attemptAtMs, applying);
  applying.touch(activityKey(updated.scheduledEventId));
}
