/**
 * Gathers what a worker is made of: `Worker.create` without the worker.
 *
 * Apart from `worker.ts` because it loads the bundler and the sandbox, which a worker for activities alone never needs.
 */
import { Client, Connection, type ConnectionLike } from '../client/index.js';
import { loadDataConverter } from '../client/load-data-converter.js';
import type { LoadedDataConverter, Logger } from '../common/index.js';
import type { WorkflowExecutor } from '../replay/executor.js';
import type { WorkflowBundle } from '../sandbox/bundle.js';
import { LocalActivityRunner } from './local-activity-runner.js';
import { describeNamespace } from './namespace.js';
import { sinkHost } from './sinks.js';
import { Runtime } from './runtime.js';
import { compileWorkerOptions, type CompiledWorkerOptions, type WorkerOptions } from './worker-options.js';
import type { WorkerParts } from './worker.js';

/** Workflow code that does not yield for so long is stopped. */
const DEADLOCK_AFTER_MS = 2_000;

/** What a test environment has differently. */
export interface PartsOverride {
  /** Default: the runtime's. */
  readonly logger?: Logger | undefined;
}

export async function gatherParts(given: WorkerOptions, override: PartsOverride = {}): Promise<WorkerParts> {
  const options = compileWorkerOptions(given);
  const logger = override.logger ?? Runtime.instance().logger;
  const dataConverter = loadDataConverter(given.dataConverter);
  let release: (() => Promise<void>) | undefined;
  let connection: ConnectionLike | undefined = given.connection;
  if (connection === undefined) {
    const own = await Connection.connect();
    connection = own;
    release = () => own.close();
  }
  try {
    const namespace = await describeNamespace(connection.transport, options.namespace, logger);
    const client = new Client({ connection, namespace: options.namespace, dataConverter: given.dataConverter, identity: options.identity, interceptors: given.interceptors?.client });
    const { taskQueue, localActivities: activities, activityInterceptors: interceptors, localActivitySlots } = options;
    const localActivities = options.servesWorkflows
      ? new LocalActivityRunner({ namespace: options.namespace, taskQueue, activities, interceptors, dataConverter, logger, client, time: connection.time }, localActivitySlots)
      : undefined;
    const executor = localActivities && (await createExecutor(given, options, dataConverter, logger, localActivities));
    return { options, connection, release, namespace, dataConverter, logger, executor, localActivities, client };
  } catch (error) {
    await release?.();
    throw error;
  }
}

async function createExecutor(
  given: WorkerOptions,
  options: CompiledWorkerOptions,
  dataConverter: LoadedDataConverter,
  logger: Logger,
  localActivities: LocalActivityRunner,
): Promise<WorkflowExecutor> {
  const { createWorkflowExecutor } = await import('../replay/executor.js');
  const bundle = given.workflowBundle ?? (await bundleOf(given));
  return createWorkflowExecutor({
    bundle,
    namespace: options.namespace,
    taskQueue: options.taskQueue,
    buildId: options.buildId,
    maxCachedRuns: options.maxCachedWorkflows,
    dataConverter,
    logger,
    localActivities,
    sinks: sinkHost(given.sinks, logger),
    deadlockAfterMs: given.debugMode === true ? undefined : DEADLOCK_AFTER_MS,
  });
}

/** Bundles the workflows that the options name. */
export async function bundleOf({ workflowsPath = '', dataConverter, bundlerOptions, interceptors }: WorkerOptions): Promise<WorkflowBundle> {
  const { bundleWorkflowCode } = await import('../sandbox/bundle.js');
  return bundleWorkflowCode({
    workflowsPath,
    ...(dataConverter?.payloadConverterPath && { payloadConverterPath: dataConverter.payloadConverterPath }),
    ...(dataConverter?.failureConverterPath && { failureConverterPath: dataConverter.failureConverterPath }),
    ...(interceptors?.workflowModules && { workflowInterceptorModules: interceptors.workflowModules }),
    ...(bundlerOptions?.ignoreModules && { ignoreModules: bundlerOptions.ignoreModules }),
  });
}
