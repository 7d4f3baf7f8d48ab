/**
 * Tells the server from time to time that a worker is alive, and how it is doing: what the list of workers in a console shows.
 *
 * Nothing depends on a heartbeat that is lost; so it is sent once, and failures are logged for those who look for them. Servers without
 * the call are asked once. The last state goes with the worker's goodbye.
 */
import { hostname } from 'node:os';
import { Code, RpcError, WorkerStatus, WorkflowService, type Init, type WorkerHeartbeat, type WorkerPollerInfo, type WorkerSlotsInfo } from '../../protocol/index.js';
import type { Transport } from '../../transport/transport.js';
import type { Logger } from '../common/index.js';
import { systemChance, systemTime, type WorkerTime } from '../common/worker-time.js';
import { systemUsage } from './slots/resource-controller.js';
import type { SlotSource } from './slots/slots.js';
import type { CompiledWorkerOptions } from './worker-options.js';

/** How many tasks have ended. */
export interface TaskCounts {
  readonly processed: number;
  readonly failed: number;
}

/** One kind of task, as a worker runs it. */
export interface ObservedSlots {
  readonly slots: SlotSource;
  readonly inFlight: number;
  readonly counts: TaskCounts;
}

/** The pollers of one queue. */
export interface ObservedPolls {
  readonly open: number;
  /** Milliseconds since the epoch. Absent: no poll has brought a task. */
  readonly lastSuccessMs: number | undefined;
  readonly isAutoscaling: boolean;
}

/** What a heartbeat tells of the worker. */
export interface WorkerObservation {
  readonly workflowTasks: ObservedSlots | undefined;
  readonly activityTasks: ObservedSlots | undefined;
  readonly localActivities: ObservedSlots | undefined;
  readonly nexusTasks: ObservedSlots | undefined;
  readonly workflowPolls: ObservedPolls | undefined;
  readonly stickyPolls: ObservedPolls | undefined;
  readonly activityPolls: ObservedPolls | undefined;
  readonly nexusPolls: ObservedPolls | undefined;
  readonly cache: { readonly hits: number; readonly misses: number; readonly size: number };
}

interface HeartbeatSurroundings {
  readonly options: CompiledWorkerOptions;
  readonly instanceKey: string;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly time?: WorkerTime | undefined;
  readonly intervalMs: number;
  readonly observe: () => WorkerObservation;
}

/** The same for all workers of a process. */
const PROCESS_KEY = systemChance.uuid();
const CALL_TIMEOUT_MS = 10_000;
/** Tells CPU since the call before; one for all workers, made with the first heartbeat. */
let usage: ReturnType<typeof systemUsage> | undefined;

export class WorkerHeartbeats {
  readonly #surroundings: HeartbeatSurroundings;
  readonly #time: WorkerTime;
  readonly #startedMs: number;
  #sentMs: number | undefined;
  readonly #before = new Map<string, TaskCounts>();
  #timer: { cancel(): void } | undefined;

  constructor(surroundings: HeartbeatSurroundings) {
    this.#surroundings = surroundings;
    this.#time = surroundings.time ?? systemTime;
    this.#startedMs = this.#time.now();
    this.#send();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The state of the worker, for its goodbye. */
  last(): Init<WorkerHeartbeat> {
    return this.#heartbeat(WorkerStatus.SHUTTING_DOWN);
  }

  #send(): void {
    const { transport, options, intervalMs, logger } = this.#surroundings;
    const { namespace, identity } = options;
    this.#timer = this.#time.setDelay(intervalMs, () => this.#send());
    const request = { namespace, identity, workerHeartbeat: [this.#heartbeat(WorkerStatus.RUNNING)], resourceId: `worker:${PROCESS_KEY}` };
    transport.call(WorkflowService.RecordWorkerHeartbeat, request, { timeoutMs: CALL_TIMEOUT_MS }).catch((error: unknown) => {
      if (error instanceof RpcError && error.code === Code.UNIMPLEMENTED) this.stop();
      logger.debug('A heartbeat of the worker was not recorded', { error });
    });
  }

  #heartbeat(status: WorkerStatus): Init<WorkerHeartbeat> {
    const { options, instanceKey } = this.#surroundings;
    const seen = this.#surroundings.observe();
    const nowMs = this.#time.now();
    const sinceMs = this.#sentMs === undefined ? undefined : nowMs - this.#sentMs;
    this.#sentMs = nowMs;
    const { cpu, memory } = (usage ??= systemUsage())();
    return {
      workerInstanceKey: instanceKey,
      workerIdentity: options.identity,
      hostInfo: { hostName: hostname(), processId: String(process.pid), workerGroupingKey: PROCESS_KEY, currentHostCpuUsage: cpu, currentHostMemUsage: memory },
      taskQueue: options.taskQueue,
      deploymentVersion: options.code.deployment,
      sdkName: 'perdure',
      sdkVersion: '0.1.0',
      status,
      startTime: this.#startedMs,
      heartbeatTime: nowMs,
      elapsedSinceLastHeartbeat: sinceMs,
      workflowTaskSlotsInfo: this.#slotsInfo('workflow', seen.workflowTasks),
      activityTaskSlotsInfo: this.#slotsInfo('activity', seen.activityTasks),
      localActivitySlotsInfo: this.#slotsInfo('local-activity', seen.localActivities),
      nexusTaskSlotsInfo: this.#slotsInfo('nexus', seen.nexusTasks),
      workflowPollerInfo: pollerInfo(seen.workflowPolls),
      workflowStickyPollerInfo: pollerInfo(seen.stickyPolls),
      activityPollerInfo: pollerInfo(seen.activityPolls),
      nexusPollerInfo: pollerInfo(seen.nexusPolls),
      totalStickyCacheHit: seen.cache.hits,
      totalStickyCacheMiss: seen.cache.misses,
      currentStickyCacheSize: seen.cache.size,
    };
  }

  #slotsInfo(kind: string, seen: ObservedSlots | undefined): Init<WorkerSlotsInfo> | undefined {
    if (seen === undefined) return undefined;
    const { slots, inFlight, counts } = seen;
    const { processed, failed } = this.#before.get(kind) ?? { processed: 0, failed: 0 };
    this.#before.set(kind, { processed: counts.processed, failed: counts.failed });
    return {
      // What open polls hold is available: a task that comes takes it.
      currentAvailableSlots: slots.limit === undefined ? 0 : Math.max(0, slots.limit - inFlight),
      currentUsedSlots: inFlight,
      slotSupplierKind: slots.kind,
      totalProcessedTasks: counts.processed,
      totalFailedTasks: counts.failed,
      lastIntervalProcessedTasks: counts.processed - processed,
      lastIntervalFailureTasks: counts.failed - failed,
    };
  }
}

function pollerInfo(seen: ObservedPolls | undefined): Init<WorkerPollerInfo> | undefined {
  return seen && { currentPollers: seen.open, lastSuccessfulPollTime: seen.lastSuccessMs, isAutoscaling: seen.isAutoscaling };
}

export function observedPolls(poller: { readonly open: number; readonly lastSuccessMs: number | undefined } | undefined, kind: string | undefined): ObservedPolls | undefined {
  return poller && { open: poller.open, lastSuccessMs: poller.lastSuccessMs, isAutoscaling: kind === 'autoscaling' };
}
