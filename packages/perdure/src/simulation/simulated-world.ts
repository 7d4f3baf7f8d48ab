/**
 * A whole installation in one process, from one seed: a server, workers, a client, the network between them, and what goes wrong.
 *
 * Time is virtual and stands still until everything that can happen has happened; then it goes to what is due next. Chance comes from the
 * seed, in streams that do not disturb each other: leaving a fault out changes no id. So the same seed and the same plan give the same
 * run, byte for byte, as long as the code of activities asks nothing but its arguments, the simulation and memory.
 *
 * `simulate` plays one workflow of a user on it; the tests of the engine play their own stories.
 */
import { FOREVER_MS, seededRandom, VirtualClock, type Random } from '../ports/index.js';
import type { Logger as EngineLogger } from '../ports/index.js';
import { Code, RpcError } from '../protocol/index.js';
import { Client, Connection } from '../sdk/client/index.js';
import type { DataConverter, Logger } from '../sdk/common/index.js';
import type { WorkflowExecutor } from '../sdk/replay/executor.js';
import type { WorkflowSource } from '../sdk/worker/create.js';
import type { WorkerInterceptors } from '../sdk/worker/interceptors.js';
import type { EngineOptions } from '../server/index.js';
import type { Transport } from '../transport/transport.js';
import type { FaultPlan } from './faults.js';
import { RecordingDisk } from './recording-disk.js';
import { SimulatedNetwork } from './simulated-network.js';
import { SimulatedProcess } from './simulated-process.js';
import { SimulatedServer } from './simulated-server.js';
import { SimulatedWorker, type Deployment, type NexusServices } from './simulated-worker.js';

export interface SimulatedWorldOptions {
  readonly seed: number;
  readonly plan: FaultPlan;
  readonly workflows: WorkflowSource;
  /** Every worker serves the workflows, and the activities of its queue. */
  readonly queues: readonly SimulatedQueue[];
  /** Of all workers. Default: none. */
  readonly interceptors?: WorkerInterceptors | undefined;
  readonly executorOf?: ((inner: WorkflowExecutor) => WorkflowExecutor) | undefined;
  readonly dataConverter?: DataConverter | undefined;
  /** Options of the engine that are not the simulation's. */
  readonly engine?: Pick<EngineOptions, 'namespaces' | 'searchAttributes' | 'limits' | 'verify'> | undefined;
  readonly workerLogger?: Logger | undefined;
  readonly engineLogger?: EngineLogger | undefined;
  /** Called at the instant at which a commit is durable. What it throws ends the simulation. */
  readonly onCommit?: ((world: SimulatedWorld) => void) | undefined;
}

export interface SimulatedQueue {
  readonly taskQueue: string;
  readonly workers: number;
  /** Called for each life of each worker. */
  readonly activities: () => object;
  /** As `activities`. Default: none. */
  readonly nexusServices?: (() => NexusServices) | undefined;
  /** The version of a deployment that these workers run. Default: none. */
  readonly deployment?: Deployment | undefined;
}

/** How a piece of a simulation ended: as asked; with nothing due any more; or at the limit of time. */
export type Ending = 'done' | 'stuck' | 'late';

/** Turns of the event loop without anything new, after which nothing more comes by itself. */
const CALM_TURNS = 3;
/** An activity that waits for the simulation in a way that nobody sees is waited for so long, in real time. */
const PATIENCE_MS = 50;
const PATIENT_TURNS = 10;
const ASK_AGAIN_AFTER_MS = 250;
const NAMESPACE = 'default';
/** 2030-01-01. */
const START_MS = Date.UTC(2030, 0, 1);

export class SimulatedWorld {
  readonly clock = new VirtualClock(START_MS);
  readonly disk: RecordingDisk;
  readonly client: Client;
  readonly network: SimulatedNetwork;
  readonly server: SimulatedServer;
  readonly workers: readonly SimulatedWorker[];
  /** Chance for the story, apart from that of faults and of the code under test. */
  readonly random: Random;
  readonly #process: SimulatedProcess;
  readonly #options: SimulatedWorldOptions;
  #stirs = 0;
  #onStir: (() => void) | undefined;
  #broken: { readonly error: unknown } | undefined;

  constructor(options: SimulatedWorldOptions) {
    const { seed, plan, workflows, queues, dataConverter, interceptors } = options;
    const { clock } = this;
    const onStir = (): void => this.#stir();
    const onBroken = (error: unknown): void => this.fail(error);
    this.#options = options;
    this.random = seededRandom(seed ^ 0x5eed_0001, clock);
    this.disk = new RecordingDisk(() => this.#committed());
    const network = (this.network = new SimulatedNetwork(clock, plan, {
      stirred: onStir,
      workerDies: (process, { downMs, silentMs }) => this.workers.find((worker) => worker.runs(process))?.crash(downMs, silentMs),
    }));
    const engine = { ...options.engine, limits: { taskLongPollMs: FOREVER_MS, historyLongPollMs: FOREVER_MS, ...options.engine?.limits } };
    this.server = new SimulatedServer({ clock, random: seededRandom(seed ^ 0x5eed_0002, clock), disk: this.disk, network, plan, engine, logger: options.engineLogger, onStir, onBroken });
    const chanceOf = (stream: number): Random => seededRandom(seed ^ stream, clock);
    const chance = chanceOf(0x5eed_0003);
    this.#process = new SimulatedProcess('client', clock, onStir);
    const connection = Connection.from(insistent(network.connect(this.#process, 'client', () => 0), this.#process), { time: this.#process, chance: chanceOf(0x5eed_0004) });
    this.client = new Client({ connection, identity: 'client', namespace: NAMESPACE, ...(dataConverter && { dataConverter }) });
    const { executorOf = (inner) => inner, workerLogger: logger = silentWorkerLogger } = options;
    const common = { namespace: NAMESPACE, clock, chance, network, workflows, dataConverter, interceptors, executorOf, logger, onStir, onBroken };
    const places = queues.flatMap(({ workers, ...place }) => Array.from({ length: workers }, () => place));
    this.workers = places.map((place, index) => new SimulatedWorker({ ...common, ...place, name: `worker-${index}` }));
  }

  /** Starts the server, and workers when it is there, or nothing more comes of it. */
  async start(): Promise<void> {
    this.server.start();
    await this.#settle();
    for (const worker of this.workers) worker.start();
  }

  get now(): number {
    return this.clock.monotonic();
  }

  /** Ends the simulation: {@link run} throws this. The first one counts. */
  fail(error: unknown): void {
    this.#broken ??= { error };
    this.#stir();
  }

  /** Runs after this much simulated time, whatever dies meanwhile. */
  after(delayMs: number, run: () => void): void {
    this.clock.setDelay(delayMs, run);
  }

  /** Lets everything happen until `isDone`, asked whenever time is about to go on. @throws what {@link fail} was given */
  async run(isDone: () => boolean, longestMs: number): Promise<Ending> {
    const until = this.now + longestMs;
    for (;;) {
      await this.#settle();
      if (this.#broken !== undefined) throw this.#broken.error;
      if (isDone()) return 'done';
      if (this.now >= until) return 'late';
      if (!this.clock.runNext()) return 'stuck';
    }
  }

  /** Everything dies. */
  close(): void {
    this.server.stop();
    for (const worker of this.workers) worker.stop();
    this.#process.kill();
  }

  #committed(): void {
    const faults = this.server.commitIsDurable();
    try {
      this.#options.onCommit?.(this);
    } catch (error) {
      this.fail(error);
    }
    for (const fault of faults) {
      if (fault.kind === 'clockJump') this.clock.step(fault.byMs);
      else this.workers[fault.worker % this.workers.length]?.crash(fault.downMs, fault.silentMs);
    }
  }

  #stir(): void {
    this.#stirs += 1;
    this.#onStir?.();
    this.#onStir = undefined;
  }

  /** Resolves when nothing more comes by itself, or it is all over. */
  async #settle(): Promise<void> {
    for (let calm = 0; calm < CALM_TURNS && this.#broken === undefined; ) {
      const before = this.#stirs;
      if (this.workers.some((worker) => worker.isAtWork)) {
        if (!(await this.#stirred())) return;
        calm = 0;
        continue;
      }
      await new Promise<void>((resolve) => setImmediate(resolve));
      calm = this.clock.hasDeferred || this.#stirs !== before ? 0 : calm + 1;
    }
  }

  /** Waits for real work of an activity. False: it seems to wait for time to go on. */
  async #stirred(): Promise<boolean> {
    const before = this.#stirs;
    await new Promise<void>((resolve) => {
      const timeout = setTimeout(resolve, PATIENCE_MS);
      this.#onStir = () => {
        clearTimeout(timeout);
        resolve();
      };
    });
    // A busy machine may have stopped this process for so long. What is ready has its turn before time goes on: else two runs of a seed differ.
    for (let turn = 0; turn < PATIENT_TURNS && this.#stirs === before; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    return this.#stirs !== before;
  }
}

/** A client that asks until it gets an answer, with the very same request: how long a server is away is no matter of a simulated workflow. */
function insistent(transport: Transport, time: SimulatedProcess): Transport {
  const call: Transport['call'] = async (method, request, options) => {
    for (;;) {
      try {
        return await transport.call(method, request, options);
      } catch (error) {
        if (!(error instanceof RpcError) || error.code !== Code.UNAVAILABLE || options?.signal?.aborted === true) throw error;
        await new Promise<void>((resolve) => void time.setDelay(ASK_AGAIN_AFTER_MS, resolve));
      }
    }
  };
  return { call, close: () => transport.close() };
}

const nothing = (): void => {};
export const silentWorkerLogger: Logger = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };
