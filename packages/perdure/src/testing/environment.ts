/**
 * A test environment: the production engine inside a test, with a clock of its own, and workers whose activities and child workflows
 * can be mocked. What time does is in `time-keeper.ts`, what stands behind an environment in `worlds.ts`.
 *
 * One environment belongs to one test or one file of tests; hundreds live side by side in a process. Whoever makes one closes it.
 */
import { randomUUID } from 'node:crypto';
import { FOREVER_MS } from '../ports/index.js';
import { Client, type Connection, type ConnectionLike, type WorkflowHandle, type WorkflowStartOptions } from '../sdk/client/index.js';
import { DefaultLogger, IllegalStateError, msToNumber, type DataConverter, type Duration, type Logger, type Workflow, type WorkflowResultType } from '../sdk/common/index.js';
import { gatherParts } from '../sdk/worker/create.js';
import { configuredWorker } from '../sdk/worker/plugins.js';
import { Worker } from '../sdk/worker/worker.js';
import type { WorkerOptions } from '../sdk/worker/worker-options.js';
import { consoleLogger, type Engine } from '../server/index.js';
import { cachedBundle } from './bundle-cache.js';
import { Mocks } from './mocks.js';
import { createNexusEndpoint, deleteNexusEndpoint, type NexusEndpointIdentifier } from './nexus-endpoints.js';
import { RunningWorker } from './running-worker.js';
import { stallReport } from './stall-report.js';
import { fromTemporal, type TemporalStyleOptions } from './temporal-options.js';
import { openLocalWorld, openServerWorld, openSkippingWorld, type World, type WorldEngineOptions } from './worlds.js';

export interface TestEnvironmentOptions extends Omit<WorldEngineOptions, 'retentionMs'>, TemporalStyleOptions {
  /** How long closed executions stay, on the environment's clock. Default: for ever. */
  readonly retentionMs?: number;
  /**
   * Run the same tests against a server elsewhere: its `host:port`. Options of the engine have no effect then, and time is real, unless
   * the server has a TestService (`perdure server start-dev --test-service`). Default: the environment variable `PERDURE_TEST_ADDRESS`,
   * and without it an engine in this process.
   */
  readonly address?: string | undefined;
  /** False: the engine runs on the machine's clock. Default: true. */
  readonly timeSkipping?: boolean;
  /** What the clock shows at first. Default: now. */
  readonly startTime?: Date | number | string;
  /** Decides ids and jitter: the same seed gives the same. Default: 1. */
  readonly seed?: number;
  /** The namespace of `client` and of workers. Default: `default`. */
  readonly namespace?: string;
  /** How values become payloads, for `client` and workers. */
  readonly dataConverter?: DataConverter;
  /** Where workers, workflows and activities log to. Default: errors on standard error. */
  readonly workerLogger?: Logger;
  /**
   * A workflow task that failed so often in a row fails its run, so that the test hears of it. `Infinity`: never, as in production.
   * Default: 3; against a server elsewhere as well.
   */
  readonly failAfterTaskFailures?: number;
  /** Where time is skipped: an activity that did not succeed in so many attempts is not tried again, so that the test ends. Default: 100. */
  readonly failAfterActivityAttempts?: number;
}

/** The options of a worker; what is left out is the environment's. `taskQueue` is the environment's own by default. */
export type TestWorkerOptions = Partial<WorkerOptions> & {
  /** The worker has no workflows of its own, but serves those that are mocked. Default: false. */
  readonly servesMockedWorkflows?: boolean;
};

export type RunOptions<W extends Workflow> = Omit<WorkflowStartOptions<W>, 'taskQueue' | 'workflowId'> & { readonly taskQueue?: string; readonly workflowId?: string };

/** Few polls suffice in one process, and their order is easier to follow. */
const POLLS = { maxConcurrentWorkflowTaskPolls: 4, maxConcurrentActivityTaskPolls: 4 } as const;
/** Activities that ignore the end of their worker must not keep the test from ending. */
const SHUTDOWN_FORCE_MS = 5_000;

export class TestEnvironment implements AsyncDisposable {
  readonly client: Client;
  readonly namespace: string;
  /** The task queue of workers and runs that name none. */
  readonly taskQueue: string;
  /** Mocks of activities and child workflows, for all workers of this environment. */
  readonly mock: Mocks;
  readonly #world: World;
  readonly #workers = new Set<RunningWorker>();
  readonly #dataConverter: DataConverter | undefined;
  readonly #logger: Logger;
  #runs = 0;
  #closed: Promise<void> | undefined;

  /**
   * Opens an environment: by default the production engine in this process, in memory, with a clock that skips.
   *
   * @throws ServiceError if `address` is given and no server answers there; what `openEngine` throws.
   * @example
   * ```ts
   * await using env = await TestEnvironment.create();
   * await using worker = await env.worker({ workflowsPath, activities });
   * assert.equal(await env.run(approval, { args: ['order-1'] }), 'expired after 24 hours');
   * ```
   */
  static async create(given: TestEnvironmentOptions = {}): Promise<TestEnvironment> {
    const options = fromTemporal(given);
    const { address = process.env['PERDURE_TEST_ADDRESS'], timeSkipping = true, startTime, seed = 1, namespace } = options;
    const engine = { ...engineOptions(options), logger: options.logger ?? consoleLogger({ level: 'error' }), namespaces: [...(options.namespaces ?? []), ...(namespace === undefined ? [] : [namespace])] };
    const world = address
      ? await openServerWorld(address)
      : timeSkipping
        ? await openSkippingWorld({ ...engine, seed, startMs: startTime === undefined ? Date.now() : msOfDate(startTime), onStall: (workflowIds) => void env.#reportStall(workflowIds) })
        : await openLocalWorld(engine);
    const env = new TestEnvironment(world, options);
    return env;
  }

  /** {@link create}, under the name that it has in Temporal's SDK. */
  static createTimeSkipping(options: TestEnvironmentOptions = {}): Promise<TestEnvironment> {
    return TestEnvironment.create({ ...options, timeSkipping: true });
  }

  /** An engine in this process on the machine's clock. */
  static createLocal(options: TestEnvironmentOptions = {}): Promise<TestEnvironment> {
    return TestEnvironment.create({ ...options, timeSkipping: false });
  }

  /** An environment on a server that runs already. */
  static createFromExistingServer(options: TestEnvironmentOptions = {}): Promise<TestEnvironment> {
    return TestEnvironment.create({ ...options, address: options.address ?? 'localhost:7233' });
  }

  private constructor(world: World, options: TestEnvironmentOptions) {
    const { namespace = 'default', client, dataConverter = client?.dataConverter } = options;
    this.#world = world;
    this.mock = new Mocks({
      failAfterTaskFailures: options.failAfterTaskFailures ?? 3,
      failAfterActivityAttempts: world.skipsTime ? (options.failAfterActivityAttempts ?? 100) : Infinity,
      onLeftOpen: (activity) => world.leftOpen?.(activity),
    });
    this.#logger = options.workerLogger ?? new DefaultLogger('ERROR');
    this.namespace = namespace;
    // On a server that others use as well, nothing may be mixed up.
    this.taskQueue = world.engine === undefined ? `test-${randomUUID()}` : 'test';
    this.#dataConverter = dataConverter;
    this.client = new Client({ identity: 'test', ...client, connection: world.connection, namespace, ...(dataConverter && { dataConverter }) });
  }

  /** For further clients. */
  get connection(): Connection {
    return this.#world.connection;
  }

  /** For workers that are made with `Worker.create`. They see the environment's clock and mocks. */
  get nativeConnection(): ConnectionLike {
    const { transport, time, chance } = this.#world.workerConnection;
    return { transport, time, chance, mocks: this.mock };
  }

  /** The engine in this process. Absent for a server elsewhere. */
  get engine(): Engine | undefined {
    return this.#world.engine;
  }

  get supportsTimeSkipping(): boolean {
    return this.#world.skipsTime;
  }

  /** What the environment's clock shows; that of a server elsewhere, as far as it is known. */
  currentTime(): Date {
    return new Date(this.#world.now());
  }

  /** What the environment's clock shows, in milliseconds since the epoch. */
  currentTimeMs(): Promise<number> {
    return this.#world.askTime();
  }

  /**
   * Skips this much time. Resolves when all that is due until then, the last instant included, has happened; activities that take real
   * time may go on. Where time is real it waits.
   *
   * @example await env.sleep('30 days');
   */
  sleep(duration: Duration): Promise<void> {
    return this.#world.sleep(msToNumber(duration));
  }

  /** A worker that does not run yet, for `worker.runUntil(…)`. Mocks reach it. @throws what `Worker.create` throws */
  async createWorker(given: TestWorkerOptions): Promise<Worker> {
    const { servesMockedWorkflows = false, ...rest } = given;
    const options = await configuredWorker({
      connection: this.nativeConnection,
      namespace: this.namespace,
      taskQueue: this.taskQueue,
      shutdownForceTime: SHUTDOWN_FORCE_MS,
      ...(this.#dataConverter && { dataConverter: this.#dataConverter }),
      ...(this.supportsTimeSkipping && { ...POLLS, identity: 'test-worker' }),
      mocks: this.mock,
      ...rest,
    });
    const bundle = options.workflowsPath === undefined ? undefined : await cachedBundle(options);
    const parts = await gatherParts(withBundle(options, bundle), { logger: this.#logger });
    if (parts.executor !== undefined || !servesMockedWorkflows) return new Worker(parts);
    return new Worker({ ...parts, executor: this.mock.executor(undefined, parts.dataConverter, this.namespace) });
  }

  /**
   * A worker that runs until it is disposed of, at the latest with the environment.
   *
   * @example await using worker = await env.worker({ workflowsPath, activities });
   */
  async worker(options: TestWorkerOptions): Promise<RunningWorker> {
    const running = new RunningWorker(await this.createWorker(options), () => this.#workers.delete(running));
    this.#workers.add(running);
    return running;
  }

  /**
   * An endpoint for the Nexus services of a worker of this environment. Without `taskQueue` it leads to the environment's.
   *
   * @throws ServiceError if the name is taken or is none.
   * @example await env.createNexusEndpoint('payments');
   */
  createNexusEndpoint(name: string, taskQueue: string = this.taskQueue): Promise<NexusEndpointIdentifier> {
    return createNexusEndpoint(this.connection, name, this.namespace, taskQueue);
  }

  deleteNexusEndpoint(endpoint: Pick<NexusEndpointIdentifier, 'id' | 'version'>): Promise<void> {
    return deleteNexusEndpoint(this.connection, endpoint);
  }

  /** Starts a workflow; see `client.workflow.start`. Its id and task queue need not be given. */
  start<W extends Workflow>(workflow: W | string, options: RunOptions<W>): Promise<WorkflowHandle<W>> {
    return this.client.workflow.start(workflow, this.#withDefaults(workflow, options));
  }

  /** Starts a workflow and waits for its result; time is skipped meanwhile. Its id and task queue need not be given. */
  run<W extends Workflow>(workflow: W | string, options: RunOptions<W>): Promise<WorkflowResultType<W>> {
    return this.client.workflow.execute(workflow, this.#withDefaults(workflow, options));
  }

  /** Stops all workers of {@link worker} and closes the engine. Idempotent. @throws what a worker ended with */
  teardown(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.teardown();
  }

  async #close(): Promise<void> {
    const ended = await Promise.allSettled([...this.#workers].map((worker) => worker.stop()));
    await this.#world.close();
    const failed = ended.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #reportStall(workflowIds: readonly string[]): Promise<void> {
    const transport = this.engine?.transport;
    if (transport !== undefined && this.#closed === undefined) this.#logger.error(await stallReport(transport, this.namespace, workflowIds));
  }

  #withDefaults<W extends Workflow>(workflow: W | string, options: RunOptions<W>): WorkflowStartOptions<W> {
    if (this.#closed !== undefined) throw new IllegalStateError('The test environment is closed.');
    const name = typeof workflow === 'string' ? workflow : workflow.name;
    const workflowId = this.engine === undefined ? `${name}-${randomUUID()}` : `${name}-${(this.#runs += 1)}`;
    return { taskQueue: this.taskQueue, workflowId, ...options } as WorkflowStartOptions<W>;
  }
}

function withBundle(options: WorkerOptions, bundle: WorkerOptions['workflowBundle']): WorkerOptions {
  if (bundle === undefined) return options;
  const { workflowsPath: _, ...rest } = options;
  return { ...rest, workflowBundle: bundle };
}

/** What is closed stays, unless the test says how long: a result must not be gone because the test slept for a month. */
function engineOptions({ searchAttributes, callbackAddresses, limits, filename, verify, retentionMs = FOREVER_MS }: TestEnvironmentOptions): WorldEngineOptions {
  return Object.fromEntries(Object.entries({ searchAttributes, callbackAddresses, limits, filename, verify, retentionMs }).filter(([, value]) => value !== undefined));
}

function msOfDate(given: Date | number | string): number {
  const ms = new Date(given).getTime();
  if (Number.isNaN(ms)) throw new TypeError(`startTime is no date: ${String(given)}`);
  return ms;
}
