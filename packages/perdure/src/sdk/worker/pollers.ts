/** The pollers of one worker: what they ask for, and on which queues. */
import {
  TaskQueueKind,
  WorkflowService,
  type Init,
  type Method,
  type PollActivityTaskQueueResponse,
  type PollNexusTaskQueueResponse,
  type PollerScalingDecision,
  type PollWorkflowTaskQueueResponse,
} from '../../protocol/index.js';
import type { ConnectionLike } from '../client/index.js';
import type { Logger } from '../common/index.js';
import type { WorkerMetrics } from '../metrics/worker-metrics.js';
import type { PollCount } from './poll-behavior.js';
import { Poller } from './poller.js';
import { SharedSlots } from './slots/shared-slots.js';
import type { Slot, SlotSource } from './slots/slots.js';
import { openWorkflowSlots, type SlotsOwner } from './slots/tuner.js';
import type { CompiledWorkerOptions } from './worker-options.js';

/** Longer than the server's longest wait, so that only a dead connection meets it. */
const POLL_TIMEOUT_MS = 70_000;

export interface PollingWorker {
  readonly options: CompiledWorkerOptions;
  readonly connection: ConnectionLike;
  readonly instanceKey: string;
  readonly logger: Logger;
  readonly metrics?: WorkerMetrics | undefined;
}

/** A poller of any kind of task. */
export type OpenPoller = Pick<Poller<unknown>, 'run' | 'stop' | 'abort' | 'open' | 'polling' | 'lastSuccessMs'>;

type StartTask<Task> = (task: Task, slot: Slot) => void;
type PolledTask = { readonly taskToken: Uint8Array; readonly pollerScalingDecision?: PollerScalingDecision | undefined };

/** The slots of workflow tasks. Fixed numbers of polls leave slots for each other; others need a referee. */
export function workflowSlots({ tuner, normalWorkflowPolls, stickyWorkflowPolls }: CompiledWorkerOptions, owner: SlotsOwner): SlotSource {
  const slots = openWorkflowSlots(tuner.workflow, owner);
  const mayStarve = tuner.workflow.type !== 'fixed-size' || normalWorkflowPolls.kind === 'autoscaling';
  return mayStarve && stickyWorkflowPolls !== undefined ? new SharedSlots(slots) : slots;
}

/** @param stickyQueue the queue of the runs that are cached here; absent: the normal queue is polled. */
export function workflowPoller(worker: PollingWorker, count: PollCount, slots: SlotSource, start: StartTask<PollWorkflowTaskQueueResponse>, stickyQueue?: string): Poller<PollWorkflowTaskQueueResponse> {
  const { taskQueue } = worker.options;
  const queue = stickyQueue === undefined ? { name: taskQueue, kind: TaskQueueKind.NORMAL } : { name: stickyQueue, kind: TaskQueueKind.STICKY, normalName: taskQueue };
  const request = { ...commonOf(worker), taskQueue: queue };
  return poller(worker, 'workflow', count, slots, start, WorkflowService.PollWorkflowTaskQueue, request, stickyQueue !== undefined);
}

export function activityPoller(worker: PollingWorker, slots: SlotSource, start: StartTask<PollActivityTaskQueueResponse>): Poller<PollActivityTaskQueueResponse> {
  const { taskQueue, activityPolls, maxTaskQueueActivitiesPerSecond: maxTasksPerSecond } = worker.options;
  const request = {
    ...commonOf(worker),
    taskQueue: { name: taskQueue, kind: TaskQueueKind.NORMAL },
    taskQueueMetadata: maxTasksPerSecond === undefined ? undefined : { maxTasksPerSecond },
  };
  return poller(worker, 'activity', activityPolls, slots, start, WorkflowService.PollActivityTaskQueue, request, false);
}

export function nexusPoller(worker: PollingWorker, slots: SlotSource, start: StartTask<PollNexusTaskQueueResponse>): Poller<PollNexusTaskQueueResponse> {
  const { taskQueue, nexusPolls } = worker.options;
  const request = { ...commonOf(worker), taskQueue: { name: taskQueue, kind: TaskQueueKind.NORMAL } };
  return poller(worker, 'nexus', nexusPolls, slots, start, WorkflowService.PollNexusTaskQueue, request, false);
}

function commonOf({ options, instanceKey }: PollingWorker) {
  const { namespace, identity, code } = options;
  return {
    namespace,
    identity,
    workerInstanceKey: instanceKey,
    workerVersionCapabilities: code.useVersioning ? { buildId: code.buildId, useVersioning: true } : undefined,
    deploymentOptions: code.options,
  };
}

function poller<Request, Task extends PolledTask>(
  { options, connection, logger, metrics }: PollingWorker,
  kind: 'workflow' | 'activity' | 'nexus',
  count: PollCount,
  slots: SlotSource,
  start: StartTask<Task>,
  method: Method<Request, Task>,
  request: Init<Request>,
  isSticky: boolean,
): Poller<Task> {
  const { transport, time, chance } = connection;
  const poll = async (signal: AbortSignal, advised: (delta: number) => void): Promise<Task | undefined> => {
    const task = await transport.call(method, request, { signal, timeoutMs: POLL_TIMEOUT_MS });
    if (task.pollerScalingDecision !== undefined) advised(task.pollerScalingDecision.pollRequestDeltaSuggestion);
    const found = task.taskToken.byteLength > 0;
    metrics?.polled(kind, found);
    return found ? task : undefined;
  };
  const name = `${kind} tasks on "${options.taskQueue}"`;
  const polls = count.kind === 'by-load' ? { concurrency: count.least, maxConcurrency: count.most } : { concurrency: count.initial, scaling: count };
  return new Poller({ name, ...polls, slots, isSticky, logger, time, chance, start, poll });
}
