/**
 * Gathers what a worker is made of: `Worker.create` without the worker.
 *
 * Apart from `worker.ts` because it loads the bundler and the sandbox, which a worker for activities alone never needs.
 */
import { Client, Connection, type ConnectionLike } from '../client/index.js';
import { loadDataConverter } from '../client/load-data-converter.js';
import type { Logger } from '../common/index.js';
import { systemTime } from '../common/worker-time.js';
import type { createWorkflowExecutor } from '../replay/executor.js';
import type { BundleOptions, WorkflowBundle } from '../sandbox/bundle.js';
import { wholeBundle } from '../sandbox/stored-bundle.js';
import type { Realm } from '../sandbox/realm.js';
import { HeapBudget } from './heap-budget.js';
import { LocalActivityRunner } from './local-activity-runner.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { describeNamespace, type NamespaceFacts } from './namespace.js';
import { sinkHost } from './sinks.js';
import { Runtime } from './runtime.js';
import { openLocalActivitySlots, slotContext } from './slots/tuner.js';
import type { SlotSource } from './slots/slots.js';
import { compileWorkerOptions, type CompiledWorkerOptions, type WorkerOptions } from './worker-options.js';
import type { WorkerParts } from './worker.js';

/** Workflow code that does not yield for so long is stopped. */
const DEADLOCK_AFTER_MS = 2_000;

/** What a test environment has differently. */
export interface PartsOverride {
  /** Default: the runtime's. */
  readonly logger?: Logger | undefined;
}

/** @param asked as plugins left them. */
export async function gatherParts(asked: WorkerOptions, override: PartsOverride = {}): Promise<WorkerParts> {
  const mocks = asked.mocks ?? asked.connection?.mocks;
  const given = mocks === undefined ? asked : { ...asked, activities: mocks.activities(asked.activities) };
  const options = compileWorkerOptions(given);
  const logger = override.logger ?? Runtime.instance().logger;
  // Meanwhile the server is asked: compiling takes longer than that, and another process does most of it.
  const workflows = options.servesWorkflows ? workflowsOf(given) : undefined;
  workflows?.catch(() => undefined); // Told below, unless something else fails first.
  let release: (() => Promise<void>) | undefined;
  let connection: ConnectionLike | undefined = given.connection;
  if (connection === undefined) {
    const own = await Connection.connect();
    connection = own;
    release = () => own.close();
  }
  const asking = new AbortController();
  try {
    const [namespace, source] = await Promise.all([describeNamespace(connection.transport, options.namespace, logger, asking.signal), workflows]);
    const parts = composeParts(given, { connection, release, namespace, logger, workflows: source });
    return mocks === undefined || parts.executor === undefined ? parts : { ...parts, executor: mocks.executor(parts.executor, parts.dataConverter, options.namespace) };
  } catch (error) {
    // Something else went wrong: a question that is still open would go on to be asked, and keep the process alive.
    asking.abort();
    await release?.();
    throw error;
  }
}

/** What workflow code is run with. */
export interface WorkflowSource {
  readonly bundle: WorkflowBundle;
  readonly createExecutor: typeof createWorkflowExecutor;
  /** See `WorkflowExecutorOptions`. */
  readonly realm?: Realm;
}

export interface Ingredients extends Pick<WorkerParts, 'connection' | 'release' | 'logger'> {
  readonly namespace: NamespaceFacts;
  /** Absent: the worker has activities only. */
  readonly workflows?: WorkflowSource | undefined;
}

/** Puts a worker's parts together from what is at hand: at once, and without asking anybody. */
export function composeParts(given: WorkerOptions, { connection, release, logger, namespace: facts, workflows }: Ingredients): WorkerParts {
  const namespace = given.disablePayloadErrorLimit === true ? { ...facts, blobSizeLimitBytes: Infinity } : facts;
  const options = compileWorkerOptions(given);
  const dataConverter = loadDataConverter(given.dataConverter);
  const client = new Client({ connection, namespace: options.namespace, dataConverter: given.dataConverter, identity: options.identity, interceptors: given.interceptors?.client, plugins: given.plugins });
  const receiver = Runtime.instance().metricReceiver;
  const metrics = receiver && new WorkerMetrics(receiver, options);
  const { taskQueue, localActivities: activities, activityInterceptors: interceptors } = options;
  const common = { options, connection, release, namespace, dataConverter, logger, client, metrics, plugins: given.plugins };
  if (workflows === undefined) return common;
  const localActivities = new LocalActivityRunner({ namespace: options.namespace, taskQueue, activities, interceptors, dataConverter, logger, client, metrics, time: connection.time }, localActivitySlots(options, connection, logger));
  const executor = workflows.createExecutor({
    bundle: workflows.bundle,
    namespace: options.namespace,
    taskQueue,
    buildId: options.code.buildId || undefined,
    deployment: options.code.deployment,
    maxCachedRuns: options.maxCachedWorkflows,
    cacheBudget: connection.time === undefined ? HeapBudget.ofProcess() : undefined,
    dataConverter,
    logger,
    workflowFailureErrorTypes: given.workflowFailureErrorTypes,
    patchActivationCallback: given.patchActivationCallback,
    localActivities,
    sinks: sinkHost(given.sinks, logger),
    deadlockAfterMs: given.debugMode === true ? undefined : DEADLOCK_AFTER_MS,
    recordMetric: metrics?.record,
    cacheMetrics: metrics,
    ...(workflows.realm && { realm: workflows.realm }),
  });
  return { ...common, executor, localActivities };
}

function localActivitySlots(options: CompiledWorkerOptions, { time = systemTime }: ConnectionLike, logger: Logger): SlotSource {
  return openLocalActivitySlots(options.tuner.localActivity, { context: slotContext(options, 'local-activity'), logger, time });
}

async function workflowsOf(given: WorkerOptions): Promise<WorkflowSource> {
  const bundle = given.workflowBundle === undefined ? await bundleOf(given) : await wholeBundle(given.workflowBundle);
  if (given.watch === true) {
    const { createReloadingExecutor } = await import('../reload/reloading-executor.js');
    return { bundle, createExecutor: (options) => createReloadingExecutor(options, () => bundleOf(given)) };
  }
  const { createWorkflowExecutor: createExecutor } = await import('../replay/executor.js');
  return { bundle, createExecutor };
}

/** Bundles the workflows that the options name. */
export async function bundleOf(options: WorkerOptions): Promise<WorkflowBundle> {
  const { bundleWorkflowCode } = await import('../sandbox/bundle.js');
  return bundleWorkflowCode(bundleOptionsOf(options));
}

/** What a worker's options say about its bundle. */
export function bundleOptionsOf({ workflowsPath = '', dataConverter, bundlerOptions, interceptors, plugins }: WorkerOptions): BundleOptions {
  return {
    workflowsPath,
    ...(dataConverter?.payloadConverterPath && { payloadConverterPath: dataConverter.payloadConverterPath }),
    ...(dataConverter?.failureConverterPath && { failureConverterPath: dataConverter.failureConverterPath }),
    ...(interceptors?.workflowModules && { workflowInterceptorModules: interceptors.workflowModules }),
    ...(bundlerOptions?.ignoreModules && { ignoreModules: bundlerOptions.ignoreModules }),
    ...(bundlerOptions?.sharedPackages && { sharedPackages: bundlerOptions.sharedPackages }),
    ...(plugins && { plugins }),
  };
}
