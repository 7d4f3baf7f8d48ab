/**
 * Workflow tasks to their answers.
 *
 * Around the pure replay of a run: which history is at hand and which must be fetched, which runs are kept, payload codecs, queries, and
 * how errors become answers. The worker calls it, for one run at a time; tasks of different runs may overlap, but workflow code of
 * different runs never does, because nothing in between awaits.
 *
 * A run is kept only after a task that went well. Whatever goes wrong, the run is dropped and the next task builds it from history: that
 * is always right, only slower. So duplicates, late tasks, lost answers and refused completions need no care beyond that.
 */
import {
  Failure,
  Payloads,
  QueryResultType,
  WorkflowTaskFailedCause,
  type Command,
  type Encoded,
  type History,
  type Init,
  type Message,
  type PollWorkflowTaskQueueResponse,
  type WorkflowQuery,
  type WorkflowQueryResult,
  type WorkflowTaskCompletedMetadata,
} from '../../protocol/index.js';
import { encodeFailure, type LoadedDataConverter } from '../common/data-converter.js';
import { defaultFailureConverter } from '../common/failure-converter.js';
import type { Logger } from '../common/logger.js';
import { defaultPayloadConverter } from '../common/payload-converter.js';
import type { WorkflowBundle } from '../sandbox/bundle.js';
import { Realm } from '../sandbox/realm.js';
import type { QueryAnswer } from '../workflow/activation.js';
import { decodeEvents, decodeQuery, encodeAnswer, encodeCommands } from './codec-pass.js';
import { NondeterminismError, type NondeterminismReport } from './nondeterminism.js';
import { queryCallOf, ReplayedRun, WorkflowTaskError } from './replayed-run.js';
import { RunCache } from './run-cache.js';
import { runStartFrom } from './run-start.js';
import { TaskHistory } from './task-history.js';
import { UnhandledRejections } from './unhandled-rejections.js';

/** Fetches a page of the history of the task's run; an empty token asks for the first page. */
export type FetchHistory = (nextPageToken: Uint8Array) => Promise<{ readonly history: Encoded<History>; readonly nextPageToken: Uint8Array }>;

export type TaskOutcome =
  | {
      readonly kind: 'completed';
      readonly commands: Init<Command>[];
      readonly messages: Init<Message>[];
      readonly queryResults: Map<string, Init<WorkflowQueryResult>>;
      readonly sdkMetadata?: Init<WorkflowTaskCompletedMetadata>;
      readonly forceNewTask?: boolean;
    }
  | {
      readonly kind: 'failed';
      readonly cause: WorkflowTaskFailedCause;
      readonly failure: Init<Failure>;
      readonly nondeterminism?: NondeterminismReport;
    }
  | {
      readonly kind: 'query';
      readonly answer:
        | { readonly ok: true; readonly result: Payloads }
        | { readonly ok: false; readonly message: string; readonly failure: Init<Failure> };
    };

export interface WorkflowExecutor {
  /** Processes one workflow task (or direct query) to its answer. Errors of user code never throw from here; those of `fetchHistory` do. */
  handle(task: PollWorkflowTaskQueueResponse, fetchHistory: FetchHistory): Promise<TaskOutcome>;
  /** Drops a kept run; its next task must carry, or will fetch, the whole history. */
  evict(runId: string): void;
  readonly cachedRuns: number;
  /** The workflow types that the bundle exports. */
  readonly workflowTypes: readonly string[];
  close(): Promise<void>;
}

export interface WorkflowExecutorOptions {
  readonly bundle: WorkflowBundle;
  readonly namespace: string;
  readonly taskQueue: string;
  /** How many runs are kept between their tasks. 0: each task replays from the first event. */
  readonly maxCachedRuns: number;
  readonly dataConverter: LoadedDataConverter;
  readonly logger: Logger;
}

/** @throws WorkflowBundleError if the bundle was made by another version, or its modules cannot be evaluated. */
export function createWorkflowExecutor(options: WorkflowExecutorOptions): WorkflowExecutor {
  return new Executor(options);
}

/** What official SDKs need to know to replay our histories: they choose between old and new ways by these numbers. */
const SDK_METADATA: Init<WorkflowTaskCompletedMetadata> = { sdkName: 'perdure', sdkVersion: '0.1.0', coreUsedFlags: [1, 2, 3], langUsedFlags: [1, 2] };

class Executor implements WorkflowExecutor {
  readonly #options: WorkflowExecutorOptions;
  readonly #realm: Realm;
  readonly #cache: RunCache;
  readonly #rejections: UnhandledRejections;
  readonly workflowTypes: readonly string[];
  /** Set while one task has the realm to itself; others wait for it. */
  #alone: Promise<unknown> | undefined;

  constructor(options: WorkflowExecutorOptions) {
    this.#options = options;
    this.#realm = new Realm(options.bundle, options.logger);
    this.#cache = new RunCache(options.maxCachedRuns);
    this.#rejections = new UnhandledRejections((promise) => this.#realm.ownsPromise(promise));
    this.workflowTypes = this.#realm.workflowNames();
  }

  get cachedRuns(): number {
    return this.#cache.size;
  }

  evict(runId: string): void {
    this.#cache.delete(runId);
  }

  async close(): Promise<void> {
    this.#cache.clear();
    this.#rejections.close();
  }

  async handle(task: PollWorkflowTaskQueueResponse, fetchHistory: FetchHistory): Promise<TaskOutcome> {
    const history = new TaskHistory(task, fetchHistory);
    const outcome = await this.#attempt(task, history);
    if (outcome !== 'repeat-alone') return outcome;
    while (this.#alone !== undefined) await this.#alone;
    const alone = this.#attempt(task, history, true);
    this.#alone = alone.catch(() => undefined).finally(() => (this.#alone = undefined));
    const repeated = await alone;
    if (repeated === 'repeat-alone') throw new Error('A workflow task that ran alone was asked to run alone.');
    return repeated;
  }

  /** One try. `repeat-alone`: an unhandled rejection came up and it is not known whose it is. */
  async #attempt(task: PollWorkflowTaskQueueResponse, history: TaskHistory, alone = false): Promise<TaskOutcome | 'repeat-alone'> {
    const runId = task.workflowExecution?.runId ?? '';
    const taken = this.#cache.take(runId);
    const cached = taken !== undefined && history.continues(taken.lastStartedEventId) ? taken : undefined;
    const events = cached === undefined ? await history.whole() : await history.rest();
    const codecs = this.#options.dataConverter.payloadCodecs;
    if (codecs.length > 0) await history.decodeOnce(events, () => decodeEvents(codecs, events));
    const queries = await this.#queriesOf(task);
    if (!alone) while (this.#alone !== undefined) await this.#alone;
    let run: ReplayedRun;
    let outcome: TaskOutcome;
    try {
      run = cached ?? new ReplayedRun(this.#realm, runStartFrom(events[0], this.#identity(task)));
      run.apply(events, task.startedEventId);
      if (task.startedEventId > 0 && run.lastStartedEventId !== task.startedEventId) {
        throw new RangeError(`The history of the workflow task ends before its WorkflowTaskStarted, event ${task.startedEventId}.`);
      }
      outcome = this.#answer(task, run, queries);
    } catch (error) {
      return this.#encoded(this.#failed(task, error));
    }
    const turn = await this.#rejections.endOfTurn();
    if (turn.rejection !== undefined) {
      if (turn.runs > 1) return 'repeat-alone';
      return this.#encoded(this.#failed(task, unhandledRejection(turn.rejection.reason)));
    }
    // A closed run has nothing to wait for but queries, which are rare and can replay.
    if (!run.closed && this.#options.maxCachedRuns > 0) this.#cache.put(run);
    return this.#encoded(outcome);
  }

  #answer(task: PollWorkflowTaskQueueResponse, run: ReplayedRun, queries: ReadonlyMap<string, WorkflowQuery>): TaskOutcome {
    if (task.query !== undefined) {
      const query = queries.get('') ?? task.query;
      const answer = run.query(queryCallOf(query.queryType, query.queryArgs));
      return {
        kind: 'query',
        answer: answer.ok ? { ok: true, result: Payloads.create({ payloads: [answer.payload] }) } : answer,
      };
    }
    const queryResults = new Map<string, Init<WorkflowQueryResult>>();
    for (const [id, query] of queries) queryResults.set(id, queryResult(run.query(queryCallOf(query.queryType, query.queryArgs))));
    const metadata = run.sdkMetadataRecorded ? {} : { sdkMetadata: SDK_METADATA };
    return { kind: 'completed', commands: run.buildCommands(), messages: [], queryResults, ...metadata };
  }

  /** Errors as answers. A query that cannot be answered says why; a task that cannot be completed fails and is tried again. */
  #failed(task: PollWorkflowTaskQueueResponse, error: unknown): TaskOutcome {
    const failure = error instanceof WorkflowTaskError ? error.taskError.failure : defaultFailureConverter.errorToFailure(error, defaultPayloadConverter);
    if (task.query !== undefined) return { kind: 'query', answer: { ok: false, message: failure.message, failure } };
    if (error instanceof NondeterminismError) {
      const { report } = error;
      const stackTrace = report.actual?.stack ? `${error.name}: ${error.message}\n${report.actual.stack}` : failure.stackTrace;
      return { kind: 'failed', cause: WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR, failure: { ...failure, stackTrace }, nondeterminism: report };
    }
    return { kind: 'failed', cause: WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE, failure };
  }

  #identity(task: PollWorkflowTaskQueueResponse) {
    const { namespace, taskQueue } = this.#options;
    return { namespace, taskQueue, workflowId: task.workflowExecution?.workflowId ?? '', runId: task.workflowExecution?.runId ?? '' };
  }

  /** Attached queries by id; a direct query under the empty id. */
  async #queriesOf(task: PollWorkflowTaskQueueResponse): Promise<ReadonlyMap<string, WorkflowQuery>> {
    const codecs = this.#options.dataConverter.payloadCodecs;
    if (codecs.length === 0) return task.queries;
    const decoded = new Map<string, WorkflowQuery>();
    for (const [id, query] of task.queries) decoded.set(id, await decodeQuery(codecs, query));
    if (task.query !== undefined) decoded.set('', await decodeQuery(codecs, task.query));
    return decoded;
  }

  async #encoded(outcome: TaskOutcome): Promise<TaskOutcome> {
    const codecs = this.#options.dataConverter.payloadCodecs;
    if (codecs.length === 0) return outcome;
    const encode = async (failure: Init<Failure>): Promise<Failure> => encodeFailure(codecs, Failure.create(failure));
    if (outcome.kind === 'failed') return { ...outcome, failure: await encode(outcome.failure) };
    if (outcome.kind === 'query') {
      const { answer } = outcome;
      if (!answer.ok) return { kind: 'query', answer: { ...answer, failure: await encode(answer.failure) } };
      const [payload] = answer.result.payloads;
      return { kind: 'query', answer: { ok: true, result: Payloads.create({ payloads: payload ? [await encodeAnswer(codecs, payload)] : [] }) } };
    }
    const queryResults = new Map<string, Init<WorkflowQueryResult>>();
    for (const [id, result] of outcome.queryResults) {
      const [payload] = result.answer === undefined ? [] : Payloads.decode(result.answer).payloads;
      const answer = payload && Payloads.encode({ payloads: [await encodeAnswer(codecs, payload)] });
      const failure = result.failure && Failure.encode(await encode(Failure.decode(result.failure)));
      queryResults.set(id, { ...result, answer, failure });
    }
    return { ...outcome, commands: await encodeCommands(codecs, outcome.commands), queryResults };
  }
}

function queryResult(answer: QueryAnswer): Init<WorkflowQueryResult> {
  return answer.ok
    ? { resultType: QueryResultType.ANSWERED, answer: Payloads.encode({ payloads: [answer.payload] }) }
    : { resultType: QueryResultType.FAILED, errorMessage: answer.message, failure: Failure.encode(answer.failure) };
}

function unhandledRejection(reason: unknown): Error {
  const { message, stackTrace } = defaultFailureConverter.errorToFailure(reason, defaultPayloadConverter);
  const error = new Error(
    `A promise was rejected and nothing handles it: ${message}. Await it, or attach a catch handler where it is made; ` +
      'a promise that is awaited only later needs one as well.',
    { cause: reason },
  );
  error.name = 'UnhandledRejectionError';
  if (stackTrace !== '') error.stack = stackTrace;
  return error;
}
