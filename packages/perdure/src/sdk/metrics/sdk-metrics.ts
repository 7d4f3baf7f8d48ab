/**
 * The metrics of the SDK itself, under the names, tags and buckets that dashboards for Temporal's SDKs expect.
 *
 * The table is the whole truth: nothing is measured that it does not name, and the reference page is made of it. Names go without the
 * prefix (`temporal_` unless configured otherwise). Latencies are in milliseconds unless configured otherwise.
 */
import type { Metric } from '../common/metrics.js';

export interface SdkMetric extends Metric {
  readonly description: string;
  /** Beside `service_name`. */
  readonly tags: readonly string[];
  /** Latencies: milliseconds, or seconds if the exporter wants these. */
  readonly isDuration?: true;
  /** Upper bounds in milliseconds. */
  readonly buckets?: readonly number[];
}

/** For histograms that say nothing else. */
export const DEFAULT_BUCKETS: readonly number[] = [50, 100, 500, 1_000, 2_500, 10_000];
const TASK_BUCKETS = [1, 10, 20, 50, 100, 200, 500, 1_000];
const QUEUE_BUCKETS = [100, 500, 1_000, 5_000, 10_000, 100_000, 1_000_000];
const ACTIVITY_BUCKETS = [50, 100, 500, 1_000, 5_000, 10_000, 60_000];
const WORKFLOW_BUCKETS = [
  100, 500, 1_000, 1_500, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 30_600_000, 86_400_000,
];

const QUEUE = ['namespace', 'task_queue'];
const WORKFLOW = [...QUEUE, 'workflow_type'];
const ACTIVITY = [...QUEUE, 'activity_type', 'workflow_type'];

const counter = (name: string, tags: readonly string[], description: string): SdkMetric => ({ name, kind: 'counter', valueType: 'int', tags, description });
const gauge = (name: string, tags: readonly string[], description: string): SdkMetric => ({ name, kind: 'gauge', valueType: 'int', tags, description });
const latency = (name: string, tags: readonly string[], description: string, buckets: readonly number[] = DEFAULT_BUCKETS): SdkMetric => ({
  name, kind: 'histogram', valueType: 'int', isDuration: true, tags, description, buckets,
});

export const SDK_METRICS = {
  workerStart: counter('worker_start', QUEUE, 'Workers that were started.'),
  pollers: gauge('num_pollers', [...QUEUE, 'poller_type'], 'Polls that are open, by kind of queue.'),
  slotsAvailable: gauge('worker_task_slots_available', [...QUEUE, 'worker_type'], 'Tasks that could start at once, where their number is fixed.'),
  slotsUsed: gauge('worker_task_slots_used', [...QUEUE, 'worker_type'], 'Tasks that are being processed.'),

  workflowPollSucceed: counter('workflow_task_queue_poll_succeed', QUEUE, 'Polls that brought a workflow task.'),
  workflowPollEmpty: counter('workflow_task_queue_poll_empty', QUEUE, 'Polls for workflow tasks that brought none.'),
  workflowTaskScheduleToStart: latency('workflow_task_schedule_to_start_latency', QUEUE, 'How long workflow tasks waited for a worker.', QUEUE_BUCKETS),
  workflowTaskExecution: latency('workflow_task_execution_latency', WORKFLOW, 'How long the worker took for workflow tasks, replay included.', TASK_BUCKETS),
  workflowTaskFailed: counter('workflow_task_execution_failed', [...WORKFLOW, 'failure_reason'], 'Workflow tasks that failed: `NonDeterminismError`, `WorkflowError` or `GrpcMessageTooLarge`.'),

  workflowCompleted: counter('workflow_completed', WORKFLOW, 'Runs that completed.'),
  workflowFailed: counter('workflow_failed', WORKFLOW, 'Runs that failed.'),
  workflowCanceled: counter('workflow_canceled', WORKFLOW, 'Runs that ended as cancelled.'),
  workflowContinuedAsNew: counter('workflow_continue_as_new', WORKFLOW, 'Runs that continued as new.'),
  workflowEndToEnd: latency('workflow_endtoend_latency', WORKFLOW, 'From the start of a run to its end.', WORKFLOW_BUCKETS),

  cacheHit: counter('sticky_cache_hit', WORKFLOW, 'Workflow tasks whose run was in memory.'),
  cacheMiss: counter('sticky_cache_miss', QUEUE, 'Workflow tasks whose run had to be built from its history.'),
  cacheEviction: counter('sticky_cache_total_forced_eviction', QUEUE, 'Runs that left memory to make room.'),
  cacheSize: gauge('sticky_cache_size', QUEUE, 'Runs in memory.'),

  activityPollEmpty: counter('activity_poll_no_task', QUEUE, 'Polls for activities that brought none.'),
  activityReceived: counter('activity_task_received', [...ACTIVITY, 'eager'], 'Activity tasks that came, by poll or with the reply to a workflow task (`eager`).'),
  activityScheduleToStart: latency('activity_schedule_to_start_latency', QUEUE, 'How long activity tasks waited for a worker.', QUEUE_BUCKETS),
  activityExecution: latency('activity_execution_latency', ACTIVITY, 'How long attempts of activities took.', ACTIVITY_BUCKETS),
  activityFailed: counter('activity_execution_failed', [...ACTIVITY, 'failure_reason'], 'Attempts of activities that failed.'),
  activityEndToEnd: latency('activity_succeed_endtoend_latency', ACTIVITY, 'From the moment an activity was scheduled to its success, all attempts together.'),

  localActivityTotal: counter('local_activity_total', ACTIVITY, 'Attempts of local activities.'),
  localActivityExecution: latency('local_activity_execution_latency', ACTIVITY, 'How long attempts of local activities took.', ACTIVITY_BUCKETS),
  localActivityFailed: counter('local_activity_execution_failed', [...ACTIVITY, 'failure_reason'], 'Attempts of local activities that failed.'),
  localActivityCanceled: counter('local_activity_execution_cancelled', ACTIVITY, 'Local activities that ended as cancelled.'),
  localActivityEndToEnd: latency('local_activity_succeed_endtoend_latency', ACTIVITY, 'From the moment a local activity was scheduled to its success.'),

  nexusPollEmpty: counter('nexus_poll_no_task', QUEUE, 'Polls for Nexus tasks that brought none.'),
  nexusScheduleToStart: latency('nexus_task_schedule_to_start_latency', QUEUE, 'How long Nexus tasks waited for a worker.', QUEUE_BUCKETS),
  nexusExecution: latency('nexus_task_execution_latency', QUEUE, 'How long handlers of Nexus operations took.', ACTIVITY_BUCKETS),
  nexusFailed: counter('nexus_task_execution_failed', [...QUEUE, 'failure_reason'], 'Nexus tasks that failed: `handler_error_…` with the type, `operation_failed`, `operation_canceled` or `timeout`.'),
  nexusEndToEnd: latency('nexus_task_endtoend_latency', QUEUE, 'From the moment a Nexus task was scheduled to its answer.'),

  request: counter('request', ['namespace', 'operation'], 'Requests to the server, retries one by one.'),
  requestFailure: counter('request_failure', ['namespace', 'operation', 'status_code'], 'Requests that failed.'),
  requestLatency: latency('request_latency', ['namespace', 'operation'], 'How long requests took.'),
  longRequest: counter('long_request', [...QUEUE, 'operation'], 'Long polls.'),
  longRequestFailure: counter('long_request_failure', [...QUEUE, 'operation', 'status_code'], 'Long polls that failed.'),
  longRequestLatency: latency('long_request_latency', [...QUEUE, 'operation'], 'How long polls were open.'),
} as const satisfies Record<string, SdkMetric>;

export type SdkMetricKey = keyof typeof SDK_METRICS;

/** Whether a metric is one of the SDK's own. */
export function isSdkMetric(metric: Metric): metric is SdkMetric {
  return 'tags' in metric;
}
