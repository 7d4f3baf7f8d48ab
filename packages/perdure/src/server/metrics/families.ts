/**
 * Every metric of a server: its name, what it counts and its labels. `docs/reference/metrics.md` is made from these tables.
 *
 * Names and units follow Prometheus' conventions: seconds and bytes, counters end in `_total`. Labels take values from closed sets only.
 */
import { COMMIT_RECORDS, COMMIT_SECONDS, WAKE_SECONDS } from '../../host/stats.js';
import { CALL_SECONDS } from '../../metrics/call-meters.js';
import type { MetricFamily } from '../../metrics/instruments.js';

const QUEUE_LABELS = ['type', 'kind'];

export const ENGINE_METRICS = {
  requests: { name: 'perdure_requests_total', type: 'counter', help: 'RPCs that have ended, over every door, by method and gRPC code.', labels: ['method', 'code'] },
  requestSeconds: { name: 'perdure_request_duration_seconds', type: 'histogram', help: 'How long RPCs took, waits of long polls included.', labels: ['method'], buckets: CALL_SECONDS },
  requestsInFlight: { name: 'perdure_requests_in_flight', type: 'gauge', help: 'RPCs under way, waiting polls included.', labels: ['method'] },
  pollsWaiting: { name: 'perdure_polls_waiting', type: 'gauge', help: 'Polls of workers that wait for a task, by type of task and kind of queue.', labels: QUEUE_LABELS },
  tasksReady: { name: 'perdure_tasks_ready', type: 'gauge', help: 'Tasks that wait for a worker: the backlog of all task queues.', labels: QUEUE_LABELS },
  oldestTask: { name: 'perdure_task_wait_seconds', type: 'gauge', help: 'How long the task that is next on its queue has waited, on the queue where that is longest.', labels: QUEUE_LABELS },
  queues: { name: 'perdure_task_queues', type: 'gauge', help: 'Task queues in use, or in use a moment ago.', labels: QUEUE_LABELS },
  commitSeconds: { name: 'perdure_commit_duration_seconds', type: 'histogram', help: 'How long the store took to make a group of records durable.', labels: [], buckets: COMMIT_SECONDS },
  commitRecords: { name: 'perdure_commit_records', type: 'histogram', help: 'How many records went into one commit. Its sum counts the records written.', labels: [], buckets: COMMIT_RECORDS },
  failedCommits: { name: 'perdure_commit_failures_total', type: 'counter', help: 'Commits that the store refused.', labels: [] },
  pendingRecords: { name: 'perdure_commit_pending_records', type: 'gauge', help: 'Records that are decided and not yet durable.', labels: [] },
  journalBytes: { name: 'perdure_journal_bytes_total', type: 'counter', help: 'Bytes of records made durable, without rows and snapshots.', labels: [] },
  machines: { name: 'perdure_machines_resident', type: 'gauge', help: 'Workflow executions, schedules and others that are in memory.', labels: [] },
  cachedBytes: { name: 'perdure_machines_resident_bytes', type: 'gauge', help: 'What they take, as estimated for the limit of the cache.', labels: [] },
  cacheHits: { name: 'perdure_machine_cache_hits_total', type: 'counter', help: 'Requests whose machine was in memory.', labels: [] },
  loads: { name: 'perdure_machine_loads_total', type: 'counter', help: 'Machines that were read from the store.', labels: [] },
  wakeSeconds: { name: 'perdure_wake_delay_seconds', type: 'histogram', help: 'How much later than its time a machine in memory was woken: timers, time-outs, retries.', labels: [], buckets: WAKE_SECONDS },
} satisfies Readonly<Record<string, MetricFamily>>;

export const PROCESS_METRICS = {
  cpu: { name: 'process_cpu_seconds_total', type: 'counter', help: 'CPU time of the process.', labels: [] },
  memory: { name: 'process_resident_memory_bytes', type: 'gauge', help: 'Memory of the process.', labels: [] },
  startTime: { name: 'process_start_time_seconds', type: 'gauge', help: 'When the process began, in seconds since the epoch.', labels: [] },
  heap: { name: 'nodejs_heap_size_used_bytes', type: 'gauge', help: 'JavaScript objects in memory.', labels: [] },
  loopLagMean: { name: 'nodejs_eventloop_lag_mean_seconds', type: 'gauge', help: 'How late timers ran on average since the last reading.', labels: [] },
  loopLagP99: { name: 'nodejs_eventloop_lag_p99_seconds', type: 'gauge', help: 'The same, of the latest hundredth.', labels: [] },
  loopLagMax: { name: 'nodejs_eventloop_lag_max_seconds', type: 'gauge', help: 'The same, of the latest one.', labels: [] },
} satisfies Readonly<Record<string, MetricFamily>>;

/** In the order of the reference page. */
export const METRIC_SECTIONS: readonly { readonly title: string; readonly families: readonly MetricFamily[] }[] = [
  { title: 'The engine', families: Object.values(ENGINE_METRICS) },
  { title: 'The process', families: Object.values(PROCESS_METRICS) },
];
