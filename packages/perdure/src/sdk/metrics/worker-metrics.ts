/**
 * What a worker measures: the one place that knows which event counts for which metric.
 *
 * A worker without an exporter has none of this, and each call site costs one comparison. Durations are milliseconds.
 */
import { Code, RpcError, WorkflowTaskFailedCause, type Command, type Init, type Method, type PollActivityTaskQueueResponse, type PollWorkflowTaskQueueResponse } from '../../protocol/index.js';
import type { CallOptions, Transport } from '../../transport/transport.js';
import type { ConnectionLike } from '../client/index.js';
import type { MetricTags, RecordMetric } from '../common/metrics.js';
import { systemTime } from '../common/worker-time.js';
import type { WorkerObservation } from '../worker/worker-heartbeat.js';
import type { MetricReceiver, MetricSeries, Observation } from './receiver.js';
import { SDK_METRICS, type SdkMetricKey } from './sdk-metrics.js';

/** Tags of the types of one activity; of a standalone one the workflow type is empty. */
type ActivityTypes = { readonly activityType: string; readonly workflowType: string };

/** Series that are kept at hand. Types are few; should they not be, the exporter's own bound holds. */
const MOST_KEPT = 2_000;

export class WorkerMetrics {
  readonly #receiver: MetricReceiver;
  readonly #base: MetricTags;
  readonly #kept = new Map<string, MetricSeries>();
  readonly #namespace: string;

  constructor(receiver: MetricReceiver, { namespace, taskQueue }: { readonly namespace: string; readonly taskQueue: string }) {
    this.#receiver = receiver;
    this.#namespace = namespace;
    this.#base = { namespace, task_queue: taskQueue };
  }

  /** For metrics of the user's own. */
  readonly record: RecordMetric = (metric, value, tags) => this.#receiver.seriesOf(metric, tags).record(value);

  /** The worker runs. @returns what ends it. */
  started(observe: () => WorkerObservation): () => void {
    this.#add('workerStart', 1);
    return this.#receiver.observe(() => this.#observations(observe()));
  }

  polled(kind: 'workflow' | 'activity' | 'nexus', found: boolean): void {
    if (kind === 'workflow') this.#add(found ? 'workflowPollSucceed' : 'workflowPollEmpty', 1);
    else if (!found) this.#add(kind === 'nexus' ? 'nexusPollEmpty' : 'activityPollEmpty', 1);
  }

  workflowTaskReceived(task: PollWorkflowTaskQueueResponse): void {
    if (task.scheduledTime !== undefined && task.startedTime !== undefined) this.#add('workflowTaskScheduleToStart', Math.max(0, task.startedTime - task.scheduledTime));
  }

  workflowTaskProcessed(workflowType: string, ms: number): void {
    this.#add('workflowTaskExecution', ms, 'workflow_type', workflowType);
  }

  workflowTaskFailed(workflowType: string, cause: WorkflowTaskFailedCause): void {
    this.#add('workflowTaskFailed', 1, 'workflow_type', workflowType, 'failure_reason', FAILURE_REASONS[cause] ?? 'WorkflowError');
  }

  /** The commands were accepted. @param startedAtMs when the run began, milliseconds since the epoch. */
  workflowTaskCompleted(workflowType: string, commands: readonly Init<Command>[], startedAtMs: number | undefined, nowMs: number): void {
    const last = commands.at(-1);
    const ended = last && endOf(last);
    if (ended === undefined) return;
    this.#add(ended, 1, 'workflow_type', workflowType);
    if (startedAtMs !== undefined) this.#add('workflowEndToEnd', Math.max(0, nowMs - startedAtMs), 'workflow_type', workflowType);
  }

  cacheAsked(workflowType: string, hit: boolean): void {
    if (hit) this.#add('cacheHit', 1, 'workflow_type', workflowType);
    else this.#add('cacheMiss', 1);
  }

  cacheEvicted(): void {
    this.#add('cacheEviction', 1);
  }

  activityReceived(task: PollActivityTaskQueueResponse, eager: boolean): void {
    const { activityType, workflowType } = typesOf(task);
    this.#add('activityReceived', 1, 'activity_type', activityType, 'workflow_type', workflowType, 'eager', String(eager));
    const scheduled = task.currentAttemptScheduledTime ?? task.scheduledTime;
    if (scheduled !== undefined && task.startedTime !== undefined) this.#add('activityScheduleToStart', Math.max(0, task.startedTime - scheduled));
  }

  /** @param endToEndMs since the activity was scheduled; only for one that succeeded. */
  activityEnded(task: PollActivityTaskQueueResponse, outcome: 'completed' | 'failed' | 'cancelled' | 'nothing', ms: number, endToEndMs: number): void {
    const types = typesOf(task);
    this.#addFor('activityExecution', ms, types);
    if (outcome === 'failed') this.#addFor('activityFailed', 1, types, 'ActivityError');
    if (outcome === 'completed') this.#addFor('activityEndToEnd', Math.max(0, endToEndMs), types);
  }

  nexusTaskReceived(waitedMs: number): void {
    this.#add('nexusScheduleToStart', waitedMs);
  }

  /** @param reason why it failed; absent if it did not. */
  nexusTaskEnded(ms: number, reason: string | undefined): void {
    this.#add('nexusExecution', ms);
    if (reason !== undefined) this.#add('nexusFailed', 1, 'failure_reason', reason);
  }

  nexusTaskReported(endToEndMs: number): void {
    this.#add('nexusEndToEnd', endToEndMs);
  }

  /** One attempt. */
  localActivityEnded(types: ActivityTypes, outcome: 'completed' | 'failed' | 'cancelled' | 'timed-out', ms: number, endToEndMs: number): void {
    this.#addFor('localActivityTotal', 1, types);
    this.#addFor('localActivityExecution', ms, types);
    if (outcome === 'failed') this.#addFor('localActivityFailed', 1, types, 'ActivityError');
    if (outcome === 'timed-out') this.#addFor('localActivityFailed', 1, types, 'timeout');
    if (outcome === 'cancelled') this.#addFor('localActivityCanceled', 1, types);
    if (outcome === 'completed') this.#addFor('localActivityEndToEnd', Math.max(0, endToEndMs), types);
  }

  /** The connection, with each of the worker's calls counted. */
  meteredConnection({ transport, time, chance }: ConnectionLike): ConnectionLike {
    return { transport: this.#metered(transport, () => (time ?? systemTime).monotonic()), time, chance };
  }

  #metered(transport: Transport, monotonic: () => number): Transport {
    return {
      call: async <Request, Response>(method: Method<Request, Response>, request: Init<Request>, options?: CallOptions): Promise<Response> => {
        const begin = monotonic();
        const long = method.name.startsWith('Poll');
        this.#request(long ? 'longRequest' : 'request', 1, method.name, long);
        try {
          return await transport.call(method, request, options);
        } catch (error) {
          if (error instanceof RpcError && error.code !== Code.CANCELLED) this.#request(long ? 'longRequestFailure' : 'requestFailure', 1, method.name, long, CODE_NAMES.get(error.code) ?? String(error.code));
          throw error;
        } finally {
          this.#request(long ? 'longRequestLatency' : 'requestLatency', monotonic() - begin, method.name, long);
        }
      },
      close: () => transport.close(),
    };
  }

  #request(key: SdkMetricKey, value: number, operation: string, long: boolean, code?: string): void {
    const kept = this.#kept.get(`${key} ${operation} ${code ?? ''}`);
    if (kept !== undefined) return kept.record(value);
    const tags: MetricTags = { ...(long ? this.#base : { namespace: this.#namespace }), operation, ...(code !== undefined && { status_code: code }) };
    this.#keep(`${key} ${operation} ${code ?? ''}`, key, tags).record(value);
  }

  #addFor(key: SdkMetricKey, value: number, { activityType, workflowType }: ActivityTypes, reason?: string): void {
    if (reason === undefined) this.#add(key, value, 'activity_type', activityType, 'workflow_type', workflowType);
    else this.#add(key, value, 'activity_type', activityType, 'workflow_type', workflowType, 'failure_reason', reason);
  }

  /** `pairs`: further tags, name and value in turn. */
  #add(key: SdkMetricKey, value: number, ...pairs: string[]): void {
    const kept = `${key}\u0000${pairs.join('\u0000')}`;
    const series = this.#kept.get(kept);
    if (series !== undefined) return series.record(value);
    const tags = { ...this.#base };
    for (let index = 0; index < pairs.length; index += 2) tags[pairs[index] ?? ''] = pairs[index + 1] ?? '';
    this.#keep(kept, key, tags).record(value);
  }

  #keep(kept: string, key: SdkMetricKey, tags: MetricTags): MetricSeries {
    const series = this.#receiver.seriesOf(SDK_METRICS[key], tags);
    if (this.#kept.size < MOST_KEPT) this.#kept.set(kept, series);
    return series;
  }

  *#observations(worker: WorkerObservation): Generator<Observation> {
    const pollers = { workflow_task: worker.workflowPolls, sticky_workflow_task: worker.stickyPolls, activity_task: worker.activityPolls, nexus_task: worker.nexusPolls };
    for (const [poller_type, polls] of Object.entries(pollers)) {
      if (polls !== undefined) yield { metric: SDK_METRICS.pollers, tags: { ...this.#base, poller_type }, value: polls.open };
    }
    const tasks = { WorkflowWorker: worker.workflowTasks, ActivityWorker: worker.activityTasks, LocalActivityWorker: worker.localActivities, NexusWorker: worker.nexusTasks };
    for (const [worker_type, task] of Object.entries(tasks)) {
      if (task === undefined) continue;
      const tags = { ...this.#base, worker_type };
      yield { metric: SDK_METRICS.slotsUsed, tags, value: task.inFlight };
      if (task.slots.limit !== undefined) yield { metric: SDK_METRICS.slotsAvailable, tags, value: Math.max(0, task.slots.limit - task.inFlight) };
    }
    if (worker.workflowTasks !== undefined) yield { metric: SDK_METRICS.cacheSize, tags: this.#base, value: worker.cache.size };
  }
}

const CODE_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(Code).map(([name, code]) => [Number(code), name]));

const FAILURE_REASONS: Partial<Record<WorkflowTaskFailedCause, string>> = {
  [WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR]: 'NonDeterminismError',
  [WorkflowTaskFailedCause.GRPC_MESSAGE_TOO_LARGE]: 'GrpcMessageTooLarge',
};

function typesOf(task: PollActivityTaskQueueResponse): ActivityTypes {
  return { activityType: task.activityType?.name ?? '', workflowType: task.workflowType?.name ?? '' };
}

function endOf(command: Init<Command>): SdkMetricKey | undefined {
  if (command.completeWorkflowExecutionCommandAttributes !== undefined) return 'workflowCompleted';
  if (command.failWorkflowExecutionCommandAttributes !== undefined) return 'workflowFailed';
  if (command.cancelWorkflowExecutionCommandAttributes !== undefined) return 'workflowCanceled';
  if (command.continueAsNewWorkflowExecutionCommandAttributes !== undefined) return 'workflowContinuedAsNew';
  return undefined;
}
