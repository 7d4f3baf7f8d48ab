/**
 * A worker: serves one task queue with workflows, activities or both.
 *
 * It connects the parts and leads them through their life: pollers bring tasks, runners process them, and `shutdown` ends the one
 * before the other. Everything that a task needs is made once, in the constructor. Invariants: no poll without a free slot; after
 * `shutdown()` no new poll, and `run()` returns only when every task that was taken has been reported, or `shutdownForceTime` is over.
 */
import { randomUUID } from 'node:crypto';
import {
  TaskQueueKind,
  TaskQueueType,
  WorkflowService,
  type PollActivityTaskQueueResponse,
  type PollWorkflowTaskQueueResponse,
} from '../../protocol/index.js';
import type { Client, ConnectionLike } from '../client/index.js';
import { IllegalStateError, type Duration, type LoadedDataConverter, type Logger } from '../common/index.js';
import type { WorkflowExecutor } from '../replay/executor.js';
import { ActivityRunner } from './activity-runner.js';
import { GracefulShutdownPeriodExpiredError } from './errors.js';
import type { LocalActivityRunner } from './local-activity-runner.js';
import { withMetadata } from './logging.js';
import type { NamespaceFacts } from './namespace.js';
import { ActivityPayloads } from './payloads.js';
import { Poller } from './poller.js';
import type { HistoryAndWorkflowId, ReplayHistoriesIterable, ReplayResult, ReplayWorkerOptions } from './replay.js';
import { runUntil } from './run-until.js';
import { Runtime } from './runtime.js';
import { Slots } from './slots.js';
import type { CompiledWorkerOptions, PollCount, WorkerOptions } from './worker-options.js';
import { WorkflowRunner } from './workflow-runner.js';

/** Longer than the server's longest wait, so that only a dead connection meets it. */
const POLL_TIMEOUT_MS = 70_000;
/** How long a server that ends the polls of a stopping worker by itself may take to do so. */
const POLLS_END_WITHIN_MS = 5_000;

/**
 * - `INITIALIZED`: created, not running yet
 * - `RUNNING`: polls and processes tasks
 * - `STOPPING`: `shutdown()` was called, polls are ending
 * - `DRAINING`: no poll is open, tasks that were taken are still in progress
 * - `DRAINED`: nothing is in progress
 * - `STOPPED`: `run()` has ended
 * - `FAILED`: `run()` has ended with an error
 */
export type State = 'INITIALIZED' | 'RUNNING' | 'STOPPING' | 'DRAINING' | 'DRAINED' | 'STOPPED' | 'FAILED';
export type PollerState = 'POLLING' | 'SHUTDOWN' | 'FAILED';

export interface WorkerStatus {
  readonly runState: State;
  readonly workflowPollerState: PollerState;
  readonly activityPollerState: PollerState;
  readonly hasOutstandingWorkflowPoll: boolean;
  readonly hasOutstandingActivityPoll: boolean;
  readonly numInFlightWorkflowActivations: number;
  readonly numInFlightActivities: number;
  readonly numInFlightNonLocalActivities: number;
  readonly numInFlightLocalActivities: number;
  readonly numCachedWorkflows: number;
}

export interface RunUntilOptions {
  /** How long the promise may take to end after the worker has stopped. Default: no limit. */
  readonly promiseCompletionTimeout?: Duration;
}

/** What a worker is made of. `Worker.create` gathers it. */
export interface WorkerParts {
  readonly options: CompiledWorkerOptions;
  readonly connection: ConnectionLike;
  /** Called when the worker has stopped, to close what was opened for it alone. */
  readonly release?: (() => Promise<void>) | undefined;
  readonly namespace: NamespaceFacts;
  readonly dataConverter: LoadedDataConverter;
  readonly logger: Logger;
  readonly executor?: WorkflowExecutor | undefined;
  /** What the executor runs local activities with. */
  readonly localActivities?: LocalActivityRunner | undefined;
  readonly client?: Client | undefined;
}

export class Worker {
  readonly #parts: WorkerParts;
  readonly #logger: Logger;
  readonly #stickyQueue: string;
  readonly #instanceKey = randomUUID();
  readonly #workflowSlots: Slots;
  readonly #activitySlots: Slots;
  readonly #activities: ActivityRunner | undefined;
  readonly #workflows: WorkflowRunner | undefined;
  readonly #workflowPollers: Poller<PollWorkflowTaskQueueResponse>[] = [];
  readonly #activityPollers: Poller<PollActivityTaskQueueResponse>[] = [];
  #state: State = 'INITIALIZED';
  #stop: (() => void) | undefined;

  /**
   * Checks the options, asks the server for the namespace, bundles the workflows.
   *
   * @throws ValueError for a wrong option, NamespaceNotFoundError, and whatever is wrong with the workflow code.
   *
   * ```ts
   * const workflowsPath = fileURLToPath(new URL('./workflows.js', import.meta.url));
   * const worker = await Worker.create({ taskQueue: 'orders', workflowsPath, activities });
   * await worker.run();
   * ```
   */
  static async create(options: WorkerOptions): Promise<Worker> {
    const { gatherParts } = await import('./create.js');
    return new Worker(await gatherParts(options));
  }

  /** See `runReplayHistories` in `replay.ts`: replays histories on the workflow code that the options name, without a server. */
  static async *runReplayHistories(options: ReplayWorkerOptions, histories: ReplayHistoriesIterable): AsyncGenerator<ReplayResult, void, undefined> {
    const { runReplayHistories } = await import('./replay.js');
    yield* runReplayHistories(options, histories);
  }

  /** Replays one history. @throws DeterminismViolationError if the code goes another way than the history, ReplayError if it breaks. */
  static async runReplayHistory(options: ReplayWorkerOptions, history: HistoryAndWorkflowId['history'], workflowId?: string): Promise<void> {
    const { runReplayHistory } = await import('./replay.js');
    await runReplayHistory(options, history, workflowId);
  }

  /** @internal Use {@link Worker.create}. */
  constructor(parts: WorkerParts) {
    const { options, executor, connection, namespace } = parts;
    this.#parts = parts;
    this.#logger = withMetadata(parts.logger, { sdkComponent: 'worker', namespace: options.namespace, taskQueue: options.taskQueue });
    this.#stickyQueue = `${options.identity}-${this.#instanceKey}`;
    this.#workflowSlots = new Slots(options.workflowTaskSlots);
    this.#activitySlots = new Slots(options.activityTaskSlots);
    const common = {
      transport: connection.transport,
      namespace: options.namespace,
      taskQueue: options.taskQueue,
      identity: options.identity,
      logger: parts.logger,
      time: connection.time,
    };
    if (options.activities.size > 0) {
      this.#activities = new ActivityRunner(
        {
          ...common,
          activities: options.activities,
          interceptors: options.activityInterceptors,
          payloads: new ActivityPayloads(parts.dataConverter),
          client: parts.client,
          heartbeatThrottle: options.heartbeatThrottle,
          blobSizeLimitBytes: namespace.blobSizeLimitBytes,
        },
        this.#activitySlots,
      );
      this.#activityPollers.push(this.#activityPoller(this.#activities));
    }
    if (executor !== undefined) {
      const cached = options.maxCachedWorkflows > 0;
      this.#workflows = new WorkflowRunner({
        ...common,
        buildId: options.buildId,
        executor,
        slots: this.#workflowSlots,
        localActivities: parts.localActivities,
        sticky: cached ? { taskQueue: this.#stickyQueue, scheduleToStartTimeoutMs: options.stickyScheduleToStartTimeoutMs } : undefined,
        eager:
          this.#activities && options.maxEagerActivities > 0
            ? { activities: this.#activities, maximumPerTask: options.maxEagerActivities }
            : undefined,
      });
      this.#workflowPollers.push(this.#workflowPoller(this.#workflows, options.normalWorkflowPolls, false));
      if (cached) this.#workflowPollers.push(this.#workflowPoller(this.#workflows, options.stickyWorkflowPolls, true));
    }
  }

  get options(): CompiledWorkerOptions {
    return this.#parts.options;
  }

  get connection(): ConnectionLike {
    return this.#parts.connection;
  }

  /** A client for the worker's server and namespace; the same that activities find in their context. */
  get client(): Client | undefined {
    return this.#parts.client;
  }

  getState(): State {
    return this.#state;
  }

  getStatus(): WorkerStatus {
    const activities = this.#activities?.inFlight ?? 0;
    const localActivities = this.#parts.localActivities?.inFlight ?? 0;
    return {
      runState: this.#state,
      workflowPollerState: this.#pollerState(this.#workflowPollers),
      activityPollerState: this.#pollerState(this.#activityPollers),
      hasOutstandingWorkflowPoll: this.#workflowPollers.some((poller) => poller.polling),
      hasOutstandingActivityPoll: this.#activityPollers.some((poller) => poller.polling),
      numInFlightWorkflowActivations: this.#workflows?.inFlight ?? 0,
      numInFlightActivities: activities + localActivities,
      numInFlightNonLocalActivities: activities,
      numInFlightLocalActivities: localActivities,
      numCachedWorkflows: this.#parts.executor?.cachedRuns ?? 0,
    };
  }

  /**
   * Polls and processes tasks until {@link shutdown} is called or a shutdown signal comes (see `Runtime`), and all tasks are done.
   *
   * @throws IllegalStateError if called twice, WorkerPollError when the server keeps refusing polls,
   * GracefulShutdownPeriodExpiredError when tasks outlast `shutdownForceTime`.
   */
  async run(): Promise<void> {
    if (this.#state !== 'INITIALIZED') throw new IllegalStateError(`A worker runs once; this one is ${this.#state}`);
    this.#state = 'RUNNING';
    const stopped = new Promise<void>((resolve) => (this.#stop = resolve));
    const ignoreSignals = Runtime.instance().onShutdownSignal(() => {
      if (this.#state === 'RUNNING') this.shutdown();
    });
    const pollers = [...this.#workflowPollers, ...this.#activityPollers];
    const polling = Promise.all(pollers.map((poller) => poller.run()));
    this.#logger.info('Worker started', {
      workflows: this.#parts.executor?.workflowTypes ?? [],
      activities: [...this.options.activities.keys()],
    });
    try {
      await Promise.race([stopped, polling]);
      await this.#drain(polling);
      this.#state = 'STOPPED';
      this.#logger.info('Worker stopped');
    } catch (error) {
      this.#state = 'FAILED';
      this.#cancelActivities();
      this.#logger.error('Worker failed', { error });
      throw error;
    } finally {
      ignoreSignals();
      for (const poller of pollers) poller.abort();
      this.#workflows?.abandon();
      this.#activities?.abandon();
      await this.#parts.executor?.close();
      await this.#parts.release?.();
    }
  }

  /**
   * Runs until the promise ends, then shuts down and waits for that.
   *
   * @returns what the promise gives.
   * @throws what the promise or the worker throws; CombinedWorkerRunError if both do; PromiseCompletionTimeoutError.
   */
  runUntil<Result>(promiseOrFunction: Promise<Result> | (() => Promise<Result>), options: RunUntilOptions = {}): Promise<Result> {
    return runUntil(this, promiseOrFunction, options);
  }

  /** Starts to shut down: ends polling, gives activities `shutdownGraceTime`, then cancels them. `run()` ends when all is done. */
  shutdown(): void {
    if (this.#state !== 'RUNNING') throw new IllegalStateError(`Only a running worker can be shut down; this one is ${this.#state}`);
    this.#state = 'STOPPING';
    this.#logger.info('Worker is shutting down');
    this.#stop?.();
  }

  async #drain(polling: Promise<unknown>): Promise<void> {
    const { shutdownGraceTimeMs, shutdownForceTimeMs } = this.options;
    let force: NodeJS.Timeout | undefined;
    const forced = new Promise<never>((_resolve, reject) => {
      if (shutdownForceTimeMs === undefined) return;
      const message = `Tasks were still running ${shutdownForceTimeMs} ms after shutdown (shutdownForceTime). Exit the process.`;
      force = setTimeout(() => reject(new GracefulShutdownPeriodExpiredError(message)), shutdownForceTimeMs);
    });
    const grace = setTimeout(() => this.#cancelActivities(), shutdownGraceTimeMs);
    try {
      await Promise.race([this.#drainTasks(polling), forced]);
    } finally {
      clearTimeout(force);
      clearTimeout(grace);
    }
  }

  #cancelActivities(): void {
    this.#activities?.cancelAll('WORKER_SHUTDOWN', { workerShutdown: true });
    this.#parts.localActivities?.stop();
  }

  async #drainTasks(polling: Promise<unknown>): Promise<void> {
    this.#workflows?.stop();
    await this.#endPolls(polling);
    this.#state = 'DRAINING';
    // A workflow task may start eager activities until its end; an activity never starts a workflow task here.
    await this.#workflows?.whenIdle();
    await this.#activities?.whenIdle();
    this.#state = 'DRAINED';
  }

  /**
   * Aborting a poll can lose a task that the server hands over in the same instant. So a server that ends the polls of a worker when
   * told of its shutdown gets the time to do that; any other is told as well, for the sake of its sticky tasks, but not waited for.
   */
  async #endPolls(polling: Promise<unknown>): Promise<void> {
    const pollers = [...this.#workflowPollers, ...this.#activityPollers];
    for (const poller of pollers) poller.stop();
    this.#workflowSlots.close();
    this.#activitySlots.close();
    const told = this.#tellShutdown();
    if (this.#parts.namespace.endsPollsOnShutdown) {
      let late: NodeJS.Timeout | undefined;
      const timeout = new Promise<void>((resolve) => (late = setTimeout(resolve, POLLS_END_WITHIN_MS)));
      await Promise.race([polling, timeout]).finally(() => clearTimeout(late));
    }
    for (const poller of pollers) poller.abort();
    await polling;
    await told;
  }

  async #tellShutdown(): Promise<void> {
    const { namespace, identity, taskQueue } = this.options;
    const taskQueueTypes = [
      ...(this.#workflows ? [TaskQueueType.WORKFLOW] : []),
      ...(this.#activities ? [TaskQueueType.ACTIVITY] : []),
    ];
    const request = {
      namespace,
      identity,
      taskQueue,
      taskQueueTypes,
      stickyTaskQueue: this.#workflows === undefined ? '' : this.#stickyQueue,
      workerInstanceKey: this.#instanceKey,
      reason: 'graceful shutdown',
    };
    try {
      await this.connection.transport.call(WorkflowService.ShutdownWorker, request, { timeoutMs: 1_000 });
    } catch (error) {
      // It only spares other workers the sticky timeout. A server that does not know it is fine.
      this.#logger.debug('The server was not told of the shutdown', { error });
    }
  }

  #workflowPoller(runner: WorkflowRunner, polls: PollCount, sticky: boolean): Poller<PollWorkflowTaskQueueResponse> {
    const { taskQueue, namespace, identity } = this.options;
    const request = {
      namespace,
      identity,
      workerInstanceKey: this.#instanceKey,
      taskQueue: sticky
        ? { name: this.#stickyQueue, kind: TaskQueueKind.STICKY, normalName: taskQueue }
        : { name: taskQueue, kind: TaskQueueKind.NORMAL },
    };
    return new Poller({
      name: `workflow tasks on "${taskQueue}"`,
      concurrency: polls.least,
      maxConcurrency: polls.most,
      slots: this.#workflowSlots,
      logger: this.#logger,
      start: runner.start,
      poll: async (signal) => {
        const call = this.connection.transport.call(WorkflowService.PollWorkflowTaskQueue, request, { signal, timeoutMs: POLL_TIMEOUT_MS });
        const task = await call;
        return task.taskToken.byteLength > 0 ? task : undefined;
      },
    });
  }

  #activityPoller(runner: ActivityRunner): Poller<PollActivityTaskQueueResponse> {
    const { taskQueue, namespace, identity, activityPolls, maxTaskQueueActivitiesPerSecond } = this.options;
    const request = {
      namespace,
      identity,
      workerInstanceKey: this.#instanceKey,
      taskQueue: { name: taskQueue, kind: TaskQueueKind.NORMAL },
      taskQueueMetadata:
        maxTaskQueueActivitiesPerSecond === undefined ? undefined : { maxTasksPerSecond: maxTaskQueueActivitiesPerSecond },
    };
    return new Poller({
      name: `activity tasks on "${taskQueue}"`,
      concurrency: activityPolls.least,
      maxConcurrency: activityPolls.most,
      slots: this.#activitySlots,
      logger: this.#logger,
      start: runner.start,
      poll: async (signal) => {
        const call = this.connection.transport.call(WorkflowService.PollActivityTaskQueue, request, { signal, timeoutMs: POLL_TIMEOUT_MS });
        const task = await call;
        return task.taskToken.byteLength > 0 ? task : undefined;
      },
    });
  }

  #pollerState(pollers: readonly { readonly polling: boolean }[]): PollerState {
    if (this.#state === 'FAILED') return 'FAILED';
    return this.#state === 'RUNNING' && pollers.length > 0 ? 'POLLING' : 'SHUTDOWN';
  }
}
