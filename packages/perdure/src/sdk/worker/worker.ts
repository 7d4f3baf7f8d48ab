/**
 * A worker: serves one task queue with workflows, activities or both.
 *
 * It connects the parts and leads them through their life: pollers bring tasks, runners process them, and `shutdown` ends the one
 * before the other. Everything that a task needs is made once, in the constructor. Invariants: no poll without a free slot; after
 * `shutdown()` no new poll, and `run()` returns only when every task that was taken has been reported, or `shutdownForceTime` is over.
 */
import { TaskQueueType, WorkflowService } from '../../protocol/index.js';
import type { Client, ConnectionLike } from '../client/index.js';
import { IllegalStateError, type HistoryAndWorkflowId, type LoadedDataConverter, type Logger } from '../common/index.js';
import { systemChance, systemTime } from '../common/worker-time.js';
import type { WorkerMetrics } from '../metrics/worker-metrics.js';
import type { WorkflowExecutor } from '../replay/executor.js';
import { ActivityRunner } from './activity-runner.js';
import { offerPlaces } from './eager-starts.js';
import { GracefulShutdownPeriodExpiredError, WorkerAbandonedError } from './errors.js';
import type { LocalActivityRunner } from './local-activity-runner.js';
import { withMetadata } from './logging.js';
import type { NamespaceFacts } from './namespace.js';
import { NexusTasks } from './nexus/nexus-tasks.js';
import { ActivityPayloads } from './payloads.js';
import { activityPoller, workflowPoller, workflowSlots, type OpenPoller, type PollingWorker } from './pollers.js';
import { configuredWorker, throughPlugins, type WorkerPlugin } from './plugins.js';
import type { ReplayHistoriesIterable, ReplayResult, ReplayWorkerOptions } from './replay.js';
import { runUntil, type RunUntilOptions } from './run-until.js';
import { Runtime } from './runtime.js';
import { PacedSlots } from './slots/paced-slots.js';
import type { SlotSource } from './slots/slots.js';
import { openActivitySlots, slotContext } from './slots/tuner.js';
import type { PollerState, State, WorkerStatus } from './status.js';
import { observedPolls, WorkerHeartbeats, type WorkerObservation } from './worker-heartbeat.js';
import type { CompiledWorkerOptions, WorkerOptions } from './worker-options.js';
import { WorkflowRunner } from './workflow-runner.js';

/** How long a server that ends the polls of a stopping worker by itself may take to do so. */
const POLLS_END_WITHIN_MS = 5_000;

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
  /** Absent: nobody wants metrics. */
  readonly metrics?: WorkerMetrics | undefined;
  readonly plugins?: readonly WorkerPlugin[] | undefined;
}

export class Worker {
  readonly #parts: WorkerParts;
  readonly #logger: Logger;
  readonly #stickyQueue: string;
  readonly #instanceKey: string;
  readonly #workflowSlots: SlotSource;
  readonly #activitySlots: SlotSource;
  readonly #activities: ActivityRunner | undefined;
  readonly #workflows: WorkflowRunner | undefined;
  readonly #nexus: NexusTasks | undefined;
  #workflowPoller: OpenPoller | undefined;
  #stickyPoller: OpenPoller | undefined;
  #activityPoller: OpenPoller | undefined;
  #heartbeats: WorkerHeartbeats | undefined;
  #state: State = 'INITIALIZED';
  #stop: (() => void) | undefined;
  #die: ((reason: WorkerAbandonedError) => void) | undefined;

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
    return new Worker(await gatherParts(await configuredWorker(options)));
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
    const { options, executor, namespace, metrics } = parts;
    const connection = metrics?.meteredConnection(parts.connection) ?? parts.connection;
    this.#parts = parts;
    this.#logger = withMetadata(parts.logger, { sdkComponent: 'worker', namespace: options.namespace, taskQueue: options.taskQueue });
    this.#instanceKey = (connection.chance ?? systemChance).uuid();
    this.#stickyQueue = `${options.identity}-${this.#instanceKey}`;
    const time = connection.time ?? systemTime;
    const polling: PollingWorker = { options, connection, instanceKey: this.#instanceKey, logger: this.#logger, metrics };
    const owner = (slotType: 'workflow' | 'activity' | 'nexus') => ({ context: slotContext(options, slotType), logger: this.#logger, time });
    this.#workflowSlots = workflowSlots(options, owner('workflow'));
    const activitySlots = openActivitySlots(options.tuner.activity, owner('activity'));
    this.#activitySlots = options.maxActivitiesPerSecond === undefined ? activitySlots : new PacedSlots(activitySlots, options.maxActivitiesPerSecond, time);
    const common = {
      transport: connection.transport,
      namespace: options.namespace,
      taskQueue: options.taskQueue,
      identity: options.identity,
      logger: parts.logger,
      time: connection.time,
      chance: connection.chance,
      metrics,
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
      this.#activityPoller = activityPoller(polling, this.#activitySlots, this.#activities.start);
    }
    if (options.nexusServices.size > 0 && parts.client !== undefined) {
      const { nexusServices: services, nexusInterceptors: interceptors } = options;
      const { blobSizeLimitBytes } = namespace;
      this.#nexus = new NexusTasks(polling, owner('nexus'), { ...common, services, interceptors, dataConverter: parts.dataConverter, client: parts.client, blobSizeLimitBytes });
    }
    if (executor !== undefined) {
      const { normalWorkflowPolls, stickyWorkflowPolls } = options;
      this.#workflows = new WorkflowRunner({
        ...common,
        code: options.code,
        executor,
        localActivities: parts.localActivities,
        blobSizeLimitBytes: parts.namespace.blobSizeLimitBytes,
        sticky: stickyWorkflowPolls ? { taskQueue: this.#stickyQueue, scheduleToStartTimeoutMs: options.stickyScheduleToStartTimeoutMs } : undefined,
        eager:
          this.#activities && options.maxEagerActivities > 0
            ? { activities: this.#activities, maximumPerTask: options.maxEagerActivities }
            : undefined,
      });
      this.#workflowPoller = workflowPoller(polling, normalWorkflowPolls, this.#workflowSlots, this.#workflows.start);
      if (stickyWorkflowPolls) this.#stickyPoller = workflowPoller(polling, stickyWorkflowPolls, this.#workflowSlots, this.#workflows.start, this.#stickyQueue);
    }
  }

  get #pollers(): OpenPoller[] {
    return [this.#workflowPoller, this.#stickyPoller, this.#activityPoller, this.#nexus?.poller].filter((poller) => poller !== undefined);
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
      workflowPollerState: this.#pollerState(this.#workflowPoller),
      activityPollerState: this.#pollerState(this.#activityPoller),
      nexusPollerState: this.#pollerState(this.#nexus?.poller),
      hasOutstandingWorkflowPoll: (this.#workflowPoller?.polling ?? false) || (this.#stickyPoller?.polling ?? false),
      hasOutstandingActivityPoll: this.#activityPoller?.polling ?? false,
      hasOutstandingNexusPoll: this.#nexus?.poller.polling ?? false,
      numInFlightWorkflowActivations: this.#workflows?.inFlight ?? 0,
      numInFlightActivities: activities + localActivities,
      numInFlightNonLocalActivities: activities,
      numInFlightLocalActivities: localActivities,
      numInFlightNexusOperations: this.#nexus?.runner.inFlight ?? 0,
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
    const stopped = new Promise<void>((resolve, reject) => {
      this.#stop = resolve;
      this.#die = reject;
    });
    await throughPlugins(this.#parts.plugins ?? [], this, () => this.#run(stopped)).finally(() => {
      if (this.#state === 'RUNNING') this.#state = 'FAILED';
    });
  }

  async #run(stopped: Promise<void>): Promise<void> {
    const ignoreSignals = Runtime.instance().onShutdownSignal(() => {
      if (this.#state === 'RUNNING') this.shutdown();
    });
    const pollers = this.#pollers;
    const polling = Promise.all(pollers.map((poller) => poller.run()));
    this.#beginHeartbeats();
    const endOffer = this.#workflows && offerPlaces(this, this.#workflowSlots, this.#workflows);
    const endMetrics = this.#parts.metrics?.started(() => this.#observe());
    this.#logger.info('Worker started', {
      workflows: this.#parts.executor?.workflowTypes ?? [],
      activities: [...this.options.activities.keys()],
      ...(this.#nexus && { nexusServices: [...this.options.nexusServices.keys()] }),
    });
    try {
      await Promise.race([stopped, polling]);
      await this.#drain(polling);
      this.#state = 'STOPPED';
      this.#logger.info('Worker stopped');
    } catch (error) {
      this.#state = 'FAILED';
      if (error instanceof WorkerAbandonedError) return;
      this.#cancelActivities();
      this.#logger.error('Worker failed', { error });
      throw error;
    } finally {
      ignoreSignals();
      this.#heartbeats?.stop();
      endOffer?.();
      endMetrics?.();
      for (const poller of pollers) poller.abort();
      this.#workflows?.abandon();
      this.#activities?.abandon();
      this.#nexus?.runner.abandon();
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

  /** @internal Ends as if the process had died: nobody is told, no activity hears of it. Its connection must be dead by then. */
  abandon(): void {
    this.#die?.(new WorkerAbandonedError());
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
    this.#nexus?.runner.cancelAll();
  }

  async #drainTasks(polling: Promise<unknown>): Promise<void> {
    this.#workflows?.stop();
    await this.#endPolls(polling);
    this.#state = 'DRAINING';
    await this.#workflows?.whenIdle();
    await this.#activities?.whenIdle();
    await this.#nexus?.runner.whenIdle();
    this.#state = 'DRAINED';
  }

  /**
   * Aborting a poll can lose a task that the server hands over in the same instant. So a server that ends the polls of a worker when
   * told of its shutdown gets the time to do that; any other is told as well, for the sake of its sticky tasks, but not waited for.
   */
  async #endPolls(polling: Promise<unknown>): Promise<void> {
    const pollers = this.#pollers;
    for (const poller of pollers) poller.stop();
    this.#workflowSlots.close();
    this.#activitySlots.close();
    this.#nexus?.slots.close();
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
    this.#heartbeats?.stop();
    const { namespace, identity, taskQueue } = this.options;
    const taskQueueTypes = [
      ...(this.#workflows ? [TaskQueueType.WORKFLOW] : []),
      ...(this.#activities ? [TaskQueueType.ACTIVITY] : []),
      ...(this.#nexus ? [TaskQueueType.NEXUS] : []),
    ];
    const request = {
      namespace,
      identity,
      taskQueue,
      taskQueueTypes,
      stickyTaskQueue: this.#workflows === undefined ? '' : this.#stickyQueue,
      workerInstanceKey: this.#instanceKey,
      reason: 'graceful shutdown',
      workerHeartbeat: this.#heartbeats?.last(),
    };
    try {
      await this.connection.transport.call(WorkflowService.ShutdownWorker, request, { timeoutMs: 1_000 });
    } catch (error) {
      // It only spares other workers the sticky timeout. A server that does not know it is fine.
      this.#logger.debug('The server was not told of the shutdown', { error });
    }
  }

  /** None in a time that is not the machine's: it would skip from one heartbeat to the next. */
  #beginHeartbeats(): void {
    const { options, connection, namespace } = this.#parts;
    const intervalMs = Runtime.instance().workerHeartbeatIntervalMs;
    if (intervalMs === 0 || !namespace.takesWorkerHeartbeats || connection.time !== undefined) return;
    const { transport } = connection;
    this.#heartbeats = new WorkerHeartbeats({ options, instanceKey: this.#instanceKey, transport, logger: this.#logger, intervalMs, observe: () => this.#observe() });
  }

  #observe(): WorkerObservation {
    const { options, executor, localActivities } = this.#parts;
    const activities = this.#activities;
    const workflows = this.#workflows;
    return {
      workflowTasks: workflows && { slots: this.#workflowSlots, inFlight: workflows.inFlight, counts: workflows.counts },
      activityTasks: activities && { slots: this.#activitySlots, inFlight: activities.inFlight, counts: activities.counts },
      localActivities: localActivities && { slots: localActivities.slots, inFlight: localActivities.inFlight, counts: localActivities.counts },
      nexusTasks: this.#nexus?.observedTasks,
      nexusPolls: this.#nexus?.observedPolls,
      workflowPolls: observedPolls(this.#workflowPoller, options.normalWorkflowPolls.kind),
      stickyPolls: observedPolls(this.#stickyPoller, options.stickyWorkflowPolls?.kind),
      activityPolls: observedPolls(this.#activityPoller, options.activityPolls.kind),
      cache: { hits: executor?.cacheCounts?.hits ?? 0, misses: executor?.cacheCounts?.misses ?? 0, size: executor?.cachedRuns ?? 0 },
    };
  }

  #pollerState(poller: OpenPoller | undefined): PollerState {
    if (this.#state === 'FAILED') return 'FAILED';
    return this.#state === 'RUNNING' && poller !== undefined ? 'POLLING' : 'SHUTDOWN';
  }
}
