/**
 * A worker of a simulation: the SDK's, life after life. What it had in memory is gone with it, and activities that it ran never answer.
 *
 * All lives of all workers share what is costly and holds nothing of a run: the bundle, and the realm in which it was evaluated.
 */
import type { Logger, DataConverter } from '../sdk/common/index.js';
import type { Chance } from '../sdk/common/worker-time.js';
import type { WorkflowExecutor } from '../sdk/replay/executor.js';
import { composeParts, type WorkflowSource } from '../sdk/worker/create.js';
import type { WorkerInterceptors } from '../sdk/worker/interceptors.js';
import type { WorkerOptions } from '../sdk/worker/worker-options.js';
import { Worker } from '../sdk/worker/worker.js';
import type { Timer, VirtualClock } from '../ports/index.js';
import type { SimulatedNetwork } from './simulated-network.js';
import { SimulatedProcess } from './simulated-process.js';

export interface SimulatedWorkerOptions {
  readonly name: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly network: SimulatedNetwork;
  readonly workflows: WorkflowSource;
  /** Made anew for each life. */
  readonly activities: () => object;
  /** Made anew for each life. Default: none. */
  readonly nexusServices?: (() => NexusServices) | undefined;
  /** The version of a deployment that it runs. Default: none. */
  readonly deployment?: Deployment | undefined;
  readonly executorOf: (inner: WorkflowExecutor) => WorkflowExecutor;
  readonly dataConverter?: DataConverter | undefined;
  readonly interceptors?: WorkerInterceptors | undefined;
  readonly logger: Logger;
  readonly onStir: () => void;
  /** The worker ended by itself. */
  readonly onBroken: (error: unknown) => void;
}

export type NexusServices = NonNullable<WorkerOptions['nexusServices']>;
export type Deployment = NonNullable<WorkerOptions['workerDeploymentOptions']>;

/** The limits of a namespace that says nothing of its own. */
const NAMESPACE = { blobSizeLimitBytes: 2 * 2 ** 20, endsPollsOnShutdown: true };
/** Few polls suffice for few runs, and each costs a call. */
const POLLS = { maxConcurrentWorkflowTaskPolls: 2, maxConcurrentActivityTaskPolls: 2, maxConcurrentNexusTaskPolls: 2, maxConcurrentWorkflowTaskExecutions: 20, maxConcurrentActivityTaskExecutions: 20 } as const;

export class SimulatedWorker {
  readonly #options: SimulatedWorkerOptions;
  #worker: Worker | undefined;
  #process: SimulatedProcess | undefined;
  #lives = 0;
  #silentMs = 0;
  #restart: Timer | undefined;

  constructor(options: SimulatedWorkerOptions) {
    this.#options = options;
  }

  /** Whether code of an activity runs that waits for something else than time. */
  get isAtWork(): boolean {
    return (this.#process?.activitiesAtWork ?? 0) > 0;
  }

  runs(process: SimulatedProcess): boolean {
    return this.#process === process;
  }

  start(): void {
    const { name, namespace, taskQueue, clock, chance, network, workflows, activities, nexusServices, deployment, executorOf, dataConverter, interceptors, logger, onStir, onBroken } = this.#options;
    const process = new SimulatedProcess(`${name} ${(this.#lives += 1)}`, clock, onStir);
    this.#process = process;
    const transport = network.connect(process, 'worker', () => this.#silentMs);
    const serves = { activities: activities(), ...(nexusServices && { nexusServices: nexusServices() }), ...(deployment && { workerDeploymentOptions: deployment }) };
    const own = { ...(dataConverter && { dataConverter }), ...(interceptors && { interceptors }) };
    const options = { namespace, taskQueue, identity: name, workflowBundle: workflows.bundle, ...serves, ...POLLS, ...own };
    const parts = composeParts(options, { connection: { transport, time: process, chance }, namespace: NAMESPACE, logger, workflows });
    const worker = new Worker({ ...parts, executor: parts.executor && executorOf(parts.executor) });
    this.#worker = worker;
    worker.run().catch((error: unknown) => process.alive && onBroken(error));
  }

  /** Dies now, and comes back. */
  crash(downMs: number, silentMs = 0): void {
    if (this.#process?.alive !== true) return;
    this.stop(silentMs);
    this.#restart = this.#options.clock.setDelay(downMs, () => this.start());
  }

  /** Dies for good. */
  stop(silentMs = 0): void {
    this.#restart?.cancel();
    this.#silentMs = silentMs;
    this.#process?.kill();
    this.#worker?.abandon();
  }
}
