/**
 * Workflow tasks to their answers.
 *
 * Around the pure replay of a run: which history is at hand and which must be fetched, which runs are kept, payload codecs, queries, and
 * how errors become answers. The worker calls it, for one run at a time; tasks of different runs may overlap, but workflow code of
 * different runs never does, because nothing in between awaits.
 *
 * A task whose code waits for local activities is answered when they have ended. If that takes long it is answered before, with what there
 * is, and asks for a further task, so that the server knows that somebody is at work; the activities go on meanwhile.
 *
 * A run is kept only after a task that went well. Whatever goes wrong, the run is dropped and the next task builds it from history: that
 * is always right, only slower. So duplicates, late tasks, lost answers and refused completions need no care beyond that.
 */
import {
  Payloads,
  type Encoded,
  type History,
  type HistoryEvent,
  type Init,
  type PollWorkflowTaskQueueResponse,
  type WorkflowQuery,
  type WorkflowQueryResult,
  type WorkflowTaskCompletedMetadata,
} from '../../protocol/index.js';
import type { LoadedDataConverter } from '../common/data-converter.js';
import type { Logger } from '../common/logger.js';
import type { WorkflowBundle } from '../sandbox/bundle.js';
import { Realm, type RealmOptions, type SinkHost } from '../sandbox/realm.js';
import type { RunStart, WorkerVersion } from '../workflow/activation.js';
import { decodeEvents, decodeQuery, decodeUpdateRequest } from './codec-pass.js';
import type { LocalActivityHost } from './local-activities.js';
import { failedTask, unhandledRejection } from './failed-task.js';
import { failWorkflow } from './machines/close.js';
import { isNondeterminismFailure } from './nondeterminism.js';
import { patchActivation, type PatchActivationCallback } from './patch-activation.js';
import { queryCallOf, ReplayedRun } from './replayed-run.js';
import { encodeOutcome, queryResult, type FailedTask, type TaskOutcome, type UncodedOutcome } from './outcome.js';
import { RunCodecs } from './run-codecs.js';
import { RunCache, type CacheBudget, type CacheMetrics } from './run-cache.js';
import { runStartFrom } from './run-start.js';
import { TaskHistory } from './task-history.js';
import { UnhandledRejections } from './unhandled-rejections.js';
import { updateOfMessage, type IncomingUpdate } from './updates.js';

export type { TaskOutcome } from './outcome.js';

/** Called when a task waits for nothing but local activities; what it gives is called when the task goes on. */
export type OnRest = () => () => void;
const notTold: OnRest = () => () => {};

/** Fetches a page of the history of the task's run; an empty token asks for the first page. */
export type FetchHistory = (nextPageToken: Uint8Array) => Promise<{ readonly history: Encoded<History>; readonly nextPageToken: Uint8Array }>;

export interface WorkflowExecutor {
  /** Processes one workflow task (or direct query) to its answer. Errors of user code never throw from here; those of `fetchHistory` do. */
  handle(task: PollWorkflowTaskQueueResponse, fetchHistory: FetchHistory, onRest?: OnRest): Promise<TaskOutcome>;
  /** Drops a kept run; its next task must carry, or will fetch, the whole history. */
  evict(runId: string): void;
  /** The server dropped the task that was just answered, because it left no trace: history goes on after that event. */
  forgetLastTask(runId: string, lastStartedEventId: number): void;
  /**
   * Runs workflow code against a whole history, without a server. Nothing is kept.
   *
   * @returns why the task failed in which the code went another way than history, or broke; undefined if all is well.
   */
  replay(workflowId: string, events: readonly HistoryEvent[]): Promise<FailedTask | undefined>;
  readonly cachedRuns: number;
  /** Tasks that found their run kept, and that had to build it. Absent: not counted. */
  readonly cacheCounts?: { readonly hits: number; readonly misses: number };
  /** The workflow types that the bundle exports. */
  readonly workflowTypes: readonly string[];
  close(): Promise<void>;
}

export interface WorkflowExecutorOptions extends Pick<RealmOptions, 'deadlockAfterMs' | 'recordMetric'> {
  readonly bundle: WorkflowBundle;
  readonly namespace: string;
  readonly taskQueue: string;
  /** What workflows are told of the worker's code. */
  readonly buildId?: string | undefined;
  /** The version of a deployment that the worker runs. */
  readonly deployment?: { readonly buildId: string; readonly deploymentName: string } | undefined;
  /** How many runs are kept between their tasks. 0: each task replays from the first event. */
  readonly maxCachedRuns: number;
  /** How many bytes the kept runs may hold. Default: no limit. */
  readonly cacheBudget?: CacheBudget | undefined;
  readonly dataConverter: LoadedDataConverter;
  readonly logger: Logger;
  /** See the worker's option. Default: none. */
  readonly workflowFailureErrorTypes?: Readonly<Record<string, readonly string[]>> | undefined;
  /** See the worker's option. Default: all patches are taken. */
  readonly patchActivationCallback?: PatchActivationCallback | undefined;
  /** Runs local activities. Absent: there are none. */
  readonly localActivities?: LocalActivityHost | undefined;
  /** Makes the calls of sinks. Absent: there are none, and code that calls one is told in the log. */
  readonly sinks?: SinkHost | undefined;
  /** Told of each task whose run was, or should have been, in memory, and of runs that made room. */
  readonly cacheMetrics?: CacheMetrics | undefined;
  /** Made of the same bundle, by an executor that is not used any more: saves evaluating it again. It keeps its own logger and sinks. Default: a new one. */
  readonly realm?: Realm | undefined;
}

/** @throws WorkflowBundleError if the bundle was made by another version, or its modules cannot be evaluated. */
export function createWorkflowExecutor(options: WorkflowExecutorOptions): WorkflowExecutor {
  return new Executor(options);
}

/** Attached queries by id; a direct query under the empty id. */
type Queries = ReadonlyMap<string, WorkflowQuery>;

/** The code has acted on everything that the task brought. */
interface Begun {
  readonly kind: 'begun';
  readonly run: ReplayedRun;
  readonly queries: Queries;
}

type Attempt =
  | Begun
  | { readonly kind: 'finished'; readonly outcome: UncodedOutcome }
  /** An unhandled rejection came up and it is not known whose it is. */
  | { readonly kind: 'ambiguous'; readonly reason: unknown };

interface Deadline {
  /** What comes first: a result of a local activity, or the time to renew the task. Not to be called before the last call ended. */
  orArrival(): Promise<'arrival' | 'deadline'>;
  end(): void;
}

/** What official SDKs need to know to replay our histories: they choose between old and new ways by these numbers. */
const SDK_METADATA: Init<WorkflowTaskCompletedMetadata> = { sdkName: 'perdure', sdkVersion: '0.1.0', coreUsedFlags: [1, 2, 3], langUsedFlags: [1, 2] };

class Executor implements WorkflowExecutor {
  readonly #options: WorkflowExecutorOptions;
  readonly #realm: Realm;
  readonly #cache: RunCache;
  readonly #rejections: UnhandledRejections;
  readonly #workerVersion: WorkerVersion;
  readonly workflowTypes: readonly string[];
  readonly cacheCounts = { hits: 0, misses: 0 };
  /** Set while one task has the realm to itself; others wait for it. */
  #alone: Promise<unknown> | undefined;

  constructor(options: WorkflowExecutorOptions) {
    this.#options = options;
    this.#realm = options.realm ?? new Realm(options.bundle, options.logger, options);
    this.#cache = new RunCache(options.maxCachedRuns, options.cacheBudget, options.cacheMetrics);
    this.#rejections = new UnhandledRejections((promise) => this.#realm.ownsPromise(promise));
    this.#workerVersion = { buildId: options.buildId, deployment: options.deployment };
    this.workflowTypes = this.#realm.workflowNames();
  }

  get cachedRuns(): number {
    return this.#cache.size;
  }

  evict(runId: string): void {
    this.#cache.delete(runId);
  }

  forgetLastTask(runId: string, lastStartedEventId: number): void {
    this.#cache.get(runId)?.forgetLastTask(lastStartedEventId);
  }

  async close(): Promise<void> {
    this.#cache.close();
    this.#rejections.close();
  }

  async handle(task: PollWorkflowTaskQueueResponse, fetchHistory: FetchHistory, onRest: OnRest = notTold): Promise<TaskOutcome> {
    const outcome = await this.#handle(task, fetchHistory, onRest);
    await this.#options.sinks?.done(task.workflowExecution?.runId ?? '');
    return outcome;
  }

  async #handle(task: PollWorkflowTaskQueueResponse, fetchHistory: FetchHistory, onRest: OnRest): Promise<TaskOutcome> {
    const arrivedMs = this.#options.localActivities?.now() ?? 0;
    const history = new TaskHistory(task, fetchHistory);
    let attempt = await this.#attempt(task, history);
    if (attempt.kind === 'begun') attempt = await this.#goOn(attempt, task, arrivedMs, onRest);
    if (attempt.kind === 'ambiguous') attempt = await this.#attemptAlone(task, history);
    if (attempt.kind === 'begun') attempt = await this.#goOn(attempt, task, arrivedMs, onRest);
    if (attempt.kind === 'ambiguous') return this.#encoded(task, this.#failed(task, unhandledRejection(attempt.reason)));
    if (attempt.kind === 'begun') throw new Error('A workflow task was neither finished nor refused.');
    return this.#encoded(task, attempt.outcome);
  }

  /** A codec that fails is the reason of a failed task: it is tried again, and whoever looks sees why. */
  async #encoded(task: PollWorkflowTaskQueueResponse, outcome: UncodedOutcome): Promise<TaskOutcome> {
    const codecs = this.#codecsOf(task.workflowExecution?.workflowId);
    try {
      return await encodeOutcome(codecs, outcome);
    } catch (error) {
      this.evict(task.workflowExecution?.runId ?? '');
      const failed = this.#failed(task, error);
      // The codec's own words are no data of the user's: if it cannot encode even them, they go as they are.
      return encodeOutcome(codecs, failed).catch(() => encodeOutcome(undefined, failed));
    }
  }

  async replay(workflowId: string, events: readonly HistoryEvent[]): Promise<FailedTask | undefined> {
    const runId = events[0]?.workflowExecutionStartedEventAttributes?.originalExecutionRunId ?? '';
    const codecs = this.#codecsOf(workflowId);
    codecs?.learn(events);
    try {
      if (codecs !== undefined) await decodeEvents(codecs, events);
    } catch (error) {
      return failedTask(error);
    }
    while (this.#alone !== undefined) await this.#alone;
    let failed: unknown;
    let run: ReplayedRun | undefined;
    try {
      run = new ReplayedRun(this.#realm, this.#startOf(events[0], { workflowId, runId }));
      run.apply(events, 0);
      run.matchRest(events);
    } catch (error) {
      failed = error;
    }
    run?.dispose();
    await this.#options.sinks?.done(runId);
    const turn = await this.#rejections.endOfTurn();
    failed ??= turn.rejection && unhandledRejection(turn.rejection.reason);
    return failed === undefined ? undefined : failedTask(failed);
  }

  async #attemptAlone(task: PollWorkflowTaskQueueResponse, history: TaskHistory): Promise<Attempt> {
    while (this.#alone !== undefined) await this.#alone;
    const alone = this.#attempt(task, history, true);
    this.#alone = alone.catch(() => undefined).finally(() => (this.#alone = undefined));
    return alone;
  }

  /** Brings the run to this task and lets its code act. */
  async #attempt(task: PollWorkflowTaskQueueResponse, history: TaskHistory, alone = false): Promise<Attempt> {
    const taken = this.#cache.take(task.workflowExecution?.runId ?? '');
    const cached = taken !== undefined && history.continues(taken.lastStartedEventId) ? taken : undefined;
    if (cached === undefined) taken?.dispose();
    if (cached !== undefined) this.cacheCounts.hits += 1;
    // The first task of a run finds nothing because there is nothing to find.
    else if (task.previousStartedEventId > 0) this.cacheCounts.misses += 1;
    if (task.previousStartedEventId > 0 && !alone) this.#options.cacheMetrics?.cacheAsked(task.workflowType?.name ?? '', cached !== undefined);
    let run: ReplayedRun | undefined = cached;
    const codecs = run?.codecs ?? this.#codecsOf(task.workflowExecution?.workflowId);
    let queries: Queries;
    try {
      const events = cached === undefined ? await history.whole() : await history.rest(cached.lastStartedEventId);
      let updates: readonly IncomingUpdate[];
      try {
        codecs?.learn(events);
        if (codecs !== undefined) await history.decodeOnce(events, (fresh) => decodeEvents(codecs, fresh));
        queries = await this.#queriesOf(task, codecs);
        updates = await this.#updatesOf(task, codecs);
      } catch (error) {
        run?.dispose();
        return { kind: 'finished', outcome: this.#failed(task, error) };
      }
      if (!alone) while (this.#alone !== undefined) await this.#alone;
      try {
        run ??= new ReplayedRun(this.#realm, this.#startOf(events[0], task.workflowExecution), this.#options.localActivities, this.#workerVersion);
        run.codecs = codecs;
        run.apply(events, task.startedEventId, updates, task.attempt > 1 ? 'always' : 'affordable');
        if (task.startedEventId > 0 && run.lastStartedEventId !== task.startedEventId) {
          throw new RangeError(`The history of the workflow task ends before its WorkflowTaskStarted, event ${task.startedEventId}.`);
        }
      } catch (error) {
        run?.dispose();
        return { kind: 'finished', outcome: this.#failed(task, error) };
      }
    } catch (error) {
      run?.dispose();
      throw error;
    }
    return (await this.#afterTurn(run, task)) ?? { kind: 'begun', run, queries };
  }

  /** Waits for local activities, as long as the task may last, and answers it. */
  async #goOn({ run, queries }: Begun, task: PollWorkflowTaskQueueResponse, arrivedMs: number, onRest: OnRest): Promise<Attempt> {
    // Whoever asks must not wait for local activities: their results come with the next task.
    let forceNewTask = run.awaitsLocalActivities && queries.size > 0;
    if (run.awaitsLocalActivities && !forceNewTask && task.query === undefined) {
      const deadline = this.#deadlineOf(run, arrivedMs);
      try {
        while (run.awaitsLocalActivities && !forceNewTask) {
          const resume = onRest();
          forceNewTask = (await deadline.orArrival().finally(resume)) === 'deadline';
          if (forceNewTask) break;
          try {
            run.resolveLocalActivity();
          } catch (error) {
            run.dispose();
            return { kind: 'finished', outcome: this.#failed(task, error) };
          }
          const refused = await this.#afterTurn(run, task);
          if (refused !== undefined) return refused;
        }
      } finally {
        deadline.end();
      }
    }
    const outcome = this.#answer(task, run, queries, forceNewTask);
    // A closed run has nothing to wait for but queries, which are rare and can replay.
    if (run.closed || (this.#options.maxCachedRuns === 0 && !run.awaitsLocalActivities)) run.dispose();
    else this.#cache.put(run);
    return { kind: 'finished', outcome };
  }

  /** Finds out whether the code that has just run forgot a promise. */
  async #afterTurn(run: ReplayedRun, task: PollWorkflowTaskQueueResponse): Promise<Attempt | undefined> {
    const turn = await this.#rejections.endOfTurn();
    if (turn.rejection === undefined) return undefined;
    run.dispose();
    const { reason } = turn.rejection;
    return turn.runs > 1 ? { kind: 'ambiguous', reason } : { kind: 'finished', outcome: this.#failed(task, unhandledRejection(reason)) };
  }

  #deadlineOf(run: ReplayedRun, arrivedMs: number): Deadline {
    let wake: ((reason: 'arrival' | 'deadline') => void) | undefined;
    let due = false;
    const end = this.#options.localActivities!.renewAfter(arrivedMs, run.taskTimeoutMs, () => {
      due = true;
      wake?.('deadline');
    });
    return {
      end,
      orArrival: () =>
        new Promise((resolve) => {
          wake = resolve;
          if (due) resolve('deadline');
          else run.onLocalActivity(() => resolve('arrival'));
        }),
    };
  }

  #answer(task: PollWorkflowTaskQueueResponse, run: ReplayedRun, queries: Queries, forceNewTask: boolean): UncodedOutcome {
    if (task.query !== undefined) {
      const query = queries.get('') ?? task.query;
      const answer = run.query(queryCallOf('', query));
      return {
        kind: 'query',
        answer: answer.ok ? { ok: true, result: Payloads.create({ payloads: [answer.payload] }) } : answer,
      };
    }
    const queryResults = new Map<string, Init<WorkflowQueryResult>>();
    for (const [id, query] of queries) queryResults.set(id, queryResult(run.query(queryCallOf(id, query))));
    const metadata = run.sdkMetadataRecorded ? {} : { sdkMetadata: SDK_METADATA };
    const force = forceNewTask ? { forceNewTask } : {};
    const { versioningBehavior } = run;
    const behavior = versioningBehavior === undefined ? {} : { versioningBehavior };
    return { kind: 'completed', commands: run.buildCommands(), updates: run.outgoingUpdates, queryResults, ...metadata, ...force, ...behavior, ...(run.closed && { runStartTimeMs: run.origin.runStartTimeMs }) };
  }

  /** Errors as answers. A query that cannot be answered says why; a task that cannot be completed fails and is tried again. */
  #failed(task: PollWorkflowTaskQueueResponse, error: unknown): UncodedOutcome {
    const failed = failedTask(error);
    const { failure } = failed;
    if (task.query !== undefined) return { kind: 'query', answer: { ok: false, message: failure.message ?? '', failure } };
    if (failed.nondeterminism === undefined || !isNondeterminismFailure(this.#failureErrorTypes(task.workflowType?.name ?? ''))) return failed;
    return { kind: 'completed', commands: [failWorkflow(failure)], updates: [], queryResults: new Map() };
  }

  #startOf(first: HistoryEvent | undefined, execution: { readonly workflowId: string; readonly runId: string } | undefined): RunStart {
    const { namespace, taskQueue, localActivities } = this.#options;
    const { workflowId = '', runId = '' } = execution ?? {};
    const start = runStartFrom(first, { namespace, taskQueue, workflowId, runId });
    const activatesPatch = patchActivation(this.#options.patchActivationCallback);
    return { ...start, activatesPatch, failureErrorTypes: this.#failureErrorTypes(start.workflowType), hasLocalActivity: (name) => localActivities?.has(name) ?? false };
  }

  #failureErrorTypes(workflowType: string): readonly string[] | undefined {
    const { workflowFailureErrorTypes: types } = this.#options;
    return types && [...(types['*'] ?? []), ...(types[workflowType] ?? [])];
  }

  /** Undefined: the worker has none. */
  #codecsOf(workflowId = ''): RunCodecs | undefined {
    const { payloadCodecs } = this.#options.dataConverter;
    return payloadCodecs.length === 0 ? undefined : new RunCodecs(payloadCodecs, this.#options.namespace, workflowId);
  }

  async #updatesOf(task: PollWorkflowTaskQueueResponse, codecs: RunCodecs | undefined): Promise<readonly IncomingUpdate[]> {
    const updates = task.messages.map(updateOfMessage);
    if (codecs !== undefined) for (const { request } of updates) await decodeUpdateRequest(codecs.own, request);
    return updates;
  }

  /** Attached queries by id; a direct query under the empty id. */
  async #queriesOf(task: PollWorkflowTaskQueueResponse, codecs: RunCodecs | undefined): Promise<Queries> {
    if (codecs === undefined) return task.queries;
    const decoded = new Map<string, WorkflowQuery>();
    for (const [id, query] of task.queries) decoded.set(id, await decodeQuery(codecs.own, query));
    if (task.query !== undefined) decoded.set('', await decodeQuery(codecs.own, task.query));
    return decoded;
  }
}
