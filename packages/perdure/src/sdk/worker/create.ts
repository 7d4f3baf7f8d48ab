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
import { describeNamespace } from './namespace.js';
import { Runtime } from './runtime.js';
import { compileWorkerOptions, type CompiledWorkerOptions, type WorkerOptions } from './worker-options.js';
import type { WorkerParts } from './worker.js';

export async function gatherParts(given: WorkerOptions): Promise<WorkerParts> {
  const options = compileWorkerOptions(given);
  const logger = Runtime.instance().logger;
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
    const executor = options.servesWorkflows ? await createExecutor(given, options, dataConverter, logger) : undefined;
    const client = new Client({ connection, namespace: options.namespace, dataConverter: given.dataConverter, identity: options.identity });
    return { options, connection, release, namespace, dataConverter, logger, executor, client };
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
): Promise<WorkflowExecutor> {
  const { createWorkflowExecutor } = await import('../replay/executor.js');
  const bundle = given.workflowBundle ?? (await bundleOf(given));
  return createWorkflowExecutor({
    bundle,
    namespace: options.namespace,
    taskQueue: options.taskQueue,
    maxCachedRuns: options.maxCachedWorkflows,
    dataConverter,
    logger,
  });
}

async function bundleOf({ workflowsPath = '', dataConverter, bundlerOptions }: WorkerOptions): Promise<WorkflowBundle> {
  const { bundleWorkflowCode } = await import('../sandbox/bundle.js');
  return bundleWorkflowCode({
    workflowsPath,
    ...(dataConverter?.payloadConverterPath && { payloadConverterPath: dataConverter.payloadConverterPath }),
    ...(dataConverter?.failureConverterPath && { failureConverterPath: dataConverter.failureConverterPath }),
    ...(bundlerOptions?.ignoreModules && { ignoreModules: bundlerOptions.ignoreModules }),
  });
}
