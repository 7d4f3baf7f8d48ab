/**
 * Running workflow code against histories, without a server: does the code of today still do what it did?
 *
 * For tests before a deployment: replay the histories of running executions on the new code. Each is replayed from its first event to its
 * last completed workflow task; nothing is sent and no activity runs.
 */
import { Failure, History, WorkflowTaskFailedCause, type Encoded } from '../../protocol/index.js';
import { loadDataConverter } from '../client/load-data-converter.js';
import { brandedErrorClass } from '../common/error-brand.js';
import { decodeOptionalFailureToOptionalError, type HistoryAndWorkflowId } from '../common/index.js';
import { createWorkflowExecutor, type WorkflowExecutor } from '../replay/executor.js';
import { DeterminismViolationError } from '../workflow/errors.js';
import { bundleOf } from './create.js';
import { configuredReplay } from './plugins.js';
import { Runtime } from './runtime.js';
import { wholeBundle } from '../sandbox/stored-bundle.js';
import { sinkHost } from './sinks.js';
import type { WorkerOptions } from './worker-options.js';

/** The options of a worker that concern workflow code. */
export type ReplayWorkerOptions = Pick<WorkerOptions, 'workflowsPath' | 'workflowBundle' | 'bundlerOptions' | 'dataConverter' | 'namespace' | 'interceptors' | 'sinks' | 'plugins' | 'workflowFailureErrorTypes'> & ReplayedWorkerOptions;

/** Accepted so that the options of a worker can be given; they have no effect on a replay. */
type ReplayedWorkerOptions = Pick<
  WorkerOptions,
  'identity' | 'disablePayloadErrorLimit' | 'buildId' | 'workerDeploymentOptions' | 'shutdownGraceTime' | 'shutdownForceTime' | 'workflowThreadPoolSize' | 'reuseV8Context' | 'debugMode'
>;

export type ReplayHistoriesIterable = AsyncIterable<HistoryAndWorkflowId> | Iterable<HistoryAndWorkflowId>;

export interface ReplayResult {
  readonly workflowId: string;
  readonly runId: string;
  /** Absent: the code does what the history says. */
  readonly error?: ReplayError | DeterminismViolationError;
}

/** The code broke while a history was replayed, or the history is not one. */
export class ReplayError extends Error {}
brandedErrorClass(ReplayError, 'ReplayError');

/**
 * Replays histories one by one, as they are consumed.
 *
 * @example for await (const { workflowId, error } of runReplayHistories({ workflowsPath }, histories)) if (error) console.error(workflowId, error);
 */
export async function* runReplayHistories(asked: ReplayWorkerOptions, histories: ReplayHistoriesIterable): AsyncGenerator<ReplayResult, void, undefined> {
  const options = await configuredReplay(asked);
  const { logger } = Runtime.instance();
  const dataConverter = loadDataConverter(options.dataConverter);
  const executor = createWorkflowExecutor({
    bundle: options.workflowBundle === undefined ? await bundleOf({ taskQueue: 'replay', ...options }) : await wholeBundle(options.workflowBundle),
    namespace: options.namespace ?? 'default',
    taskQueue: 'replay',
    maxCachedRuns: 0,
    dataConverter,
    logger,
    workflowFailureErrorTypes: options.workflowFailureErrorTypes,
    sinks: sinkHost(options.sinks, logger, true),
  });
  try {
    for await (const history of histories) yield await replay(executor, history);
  } finally {
    await executor.close();
  }

  async function replay(executor: WorkflowExecutor, { workflowId, history }: HistoryAndWorkflowId): Promise<ReplayResult> {
    // Decoded anew: payload codecs change the events, which are the caller's.
    const { events } = History.decode(history instanceof Uint8Array ? history : History.encode(history));
    const started = events[0]?.workflowExecutionStartedEventAttributes;
    const runId = started?.originalExecutionRunId ?? '';
    if (runId === '') return { workflowId, runId, error: new ReplayError(`The history of workflow '${workflowId}' does not begin with WorkflowExecutionStarted.`) };
    // The first event says whose history it is, unless an older server wrote it: code may look at its own id.
    const failed = await executor.replay(started?.workflowId || workflowId, events);
    if (failed === undefined) return { workflowId, runId };
    const cause = await decodeOptionalFailureToOptionalError({ ...dataConverter, payloadCodecs: [] }, Failure.create(failed.failure));
    const kind = failed.cause === WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR ? DeterminismViolationError : ReplayError;
    return { workflowId, runId, error: new kind(failed.failure.message, { cause }) };
  }
}

/** Replays one history. @throws DeterminismViolationError if the code goes another way than the history, ReplayError if it breaks. */
export async function runReplayHistory(options: ReplayWorkerOptions, history: History | Encoded<History>, workflowId = 'replayed'): Promise<void> {
  for await (const { error } of runReplayHistories(options, [{ workflowId, history }])) if (error !== undefined) throw error;
}
