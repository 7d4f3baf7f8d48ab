/**
 * Plays one seed of a user's workflow to its end, and says what was wrong with it.
 *
 * What a run does depends on the seed, the faults and the deliveries alone. Wrong is: an invariant of the user that does not hold, a
 * workflow that does not end, workflow code that breaks or goes another way when it is replayed, also once more from the first event when
 * all is over.
 */
import { RpcError, WorkflowExecutionStatus, WorkflowTaskFailedCause, type HistoryEvent } from '../protocol/index.js';
import { seededRandom } from '../ports/index.js';
import { WorkflowNotFoundError, type WorkflowHandle } from '../sdk/client/index.js';
import { msToNumber, type Workflow, type WorkflowResultType } from '../sdk/common/index.js';
import { loadDataConverter } from '../sdk/client/load-data-converter.js';
import type { FailedTask } from '../sdk/replay/outcome.js';
import type { TaskOutcome, WorkflowExecutor } from '../sdk/replay/executor.js';
import type { SinkHost } from '../sdk/sandbox/realm.js';
import type { WorkflowSource } from '../sdk/worker/create.js';
import { sinkHost } from '../sdk/worker/sinks.js';
import type { SinkCall } from '../sdk/workflow/sinks.js';
import { mockedActivities } from '../testing/mocked-activities.js';
import { MockingExecutor, type MockedRun } from '../testing/mocking-executor.js';
import { Mocks } from '../testing/mocks.js';
import type { FaultPlan } from './faults.js';
import type { RecordedRun } from './recording-disk.js';
import type { Delivery, MessageOutcome, SimulatedView, SimulationOptions } from './simulation-options.js';
import { silentWorkerLogger as silentLogger, SimulatedWorld, type SimulatedQueue } from './simulated-world.js';

/** What went wrong. Two failures of one kind are taken for the same when faults are left out. */
export type FailureKind = 'invariant' | 'never ended' | 'workflow code' | 'nondeterminism' | 'engine';

export interface RunFailure {
  readonly kind: FailureKind;
  readonly error: unknown;
}

export interface PlayedRun {
  readonly failure: RunFailure | undefined;
  readonly fingerprint: string;
  readonly commits: number;
}

/** What is the same for all seeds. */
export interface Stage {
  readonly workflowType: string;
  readonly workflows: WorkflowSource;
  readonly sinks: SinksOfSeed;
}

/** The sinks of the seed that is played. All seeds share a realm, and a realm has one host of sinks. */
export class SinksOfSeed implements SinkHost {
  /** Absent: calls are dropped, as those of a replay when all is over. */
  current: SinkHost | undefined;

  call(calls: readonly SinkCall[]): void {
    this.current?.call(calls);
  }

  done(runId: string): Promise<void> | undefined {
    return this.current?.done(runId);
  }
}

const TASK_QUEUE = 'simulated';
const WORKFLOW_ID = 'simulated';
const YEAR_MS = 366 * 86_400_000;
/** In a row; then the run fails, so that a simulation hears of it. */
const MOST_TASK_FAILURES = 3;
const MOST_ACTIVITY_ATTEMPTS = 100;

export async function play<W extends Workflow, State>(options: SimulationOptions<W, State>, stage: Stage, seed: number, plan: FaultPlan, deliveries: readonly Delivery[]): Promise<PlayedRun> {
  const run = new Play(options, stage, seed, plan, deliveries);
  const failure = await run.play();
  return { failure, fingerprint: run.world.disk.fingerprint(), commits: run.world.disk.commits };
}

class Play<W extends Workflow, State> {
  readonly world: SimulatedWorld;
  readonly #options: SimulationOptions<W, State>;
  readonly #stage: Stage;
  readonly #seed: number;
  readonly #deliveries: readonly Delivery[];
  readonly #mocks = new Mocks();
  readonly #mockedRuns = new Map<string, MockedRun>();
  readonly #outcomes: MessageOutcome[] = [];
  #state: { readonly value: State } | undefined;
  #executor: WorkflowExecutor | undefined;
  #startedAtMs = 0;
  #closedAt = { commits: 0, closed: false };

  constructor(options: SimulationOptions<W, State>, stage: Stage, seed: number, plan: FaultPlan, deliveries: readonly Delivery[]) {
    this.#options = options;
    this.#stage = stage;
    this.#seed = seed;
    this.#deliveries = deliveries;
    const { dataConverter, workerLogger, interceptors, searchAttributes, always } = options;
    const dataConverterOfMocks = loadDataConverter(dataConverter);
    this.world = new SimulatedWorld({
      seed,
      plan,
      workflows: stage.workflows,
      queues: this.#queues(),
      workerLogger,
      dataConverter,
      interceptors,
      engine: searchAttributes && { searchAttributes },
      executorOf: (inner) => {
        this.#executor = this.#watched(inner);
        return new MockingExecutor(this.#executor, { mocks: this.#mocks, dataConverter: dataConverterOfMocks, failAfterAttempts: MOST_TASK_FAILURES, runs: this.#mockedRuns });
      },
      onCommit: () => {
        if (always === undefined || this.#state === undefined) return;
        try {
          always(this.#view());
        } catch (error) {
          throw new Broken('invariant', error);
        }
      },
    });
  }

  #queues(): SimulatedQueue[] {
    const { taskQueue = TASK_QUEUE, taskQueues = {}, workers = 2, activities } = this.#options;
    const made = (given: typeof activities) => (): object =>
      mockedActivities(typeof given === 'function' ? given(this.#stateOfSeed) : given, this.#mocks, { mostAttempts: MOST_ACTIVITY_ATTEMPTS });
    const further = Object.entries(taskQueues).map(([name, queue]) => ({ taskQueue: name, workers: queue.workers ?? 1, activities: made(queue.activities ?? activities) }));
    return [{ taskQueue, workers, activities: made(activities) }, ...further];
  }

  async play(): Promise<RunFailure | undefined> {
    try {
      await this.#play();
      return undefined;
    } catch (error) {
      return error instanceof Broken ? { kind: error.kind, error: error.cause } : { kind: 'engine', error };
    } finally {
      this.#stage.sinks.current = undefined;
      this.world.close();
    }
  }

  async #play(): Promise<void> {
    const { world } = this;
    const { setup, mayStayOpen = false, endsWithin, sinks, workerLogger = silentLogger } = this.#options;
    const random = seededRandom(this.#seed ^ 0x5e70b, { now: () => 0 });
    const value = await setup?.({ seed: this.#seed, mock: this.#mocks, random });
    this.#state = { value: value as State };
    this.#stage.sinks.current = sinks && sinkHost(typeof sinks === 'function' ? sinks(value as State) : sinks, workerLogger);
    await world.start();
    const longestMs = endsWithin === undefined ? YEAR_MS : msToNumber(endsWithin);
    const handle = await this.#start(longestMs);
    this.#startedAtMs = world.now;
    for (const delivery of this.#deliveries) this.#deliver(delivery, handle);
    const isQuiet = (): boolean => this.#outcomes.length === this.#deliveries.length;
    const ending = await world.run(() => this.#isClosed() && isQuiet(), longestMs);
    if (ending !== 'done' && !this.#isClosed() && !mayStayOpen) throw new Broken('never ended', new Error(await this.#describeOpen(ending, longestMs)));
    this.#stage.sinks.current = undefined;
    await this.#checkReplay();
    await this.#checkEnd(handle);
  }

  /** Once it is durable: a start that was not answered is asked for again. */
  async #start(longestMs: number): Promise<WorkflowHandle<W>> {
    const { args, start, taskQueue = TASK_QUEUE } = this.#options;
    const options = { workflowId: WORKFLOW_ID, ...start, taskQueue, args: args ?? [] };
    return this.#await(this.world.client.workflow.start(this.#stage.workflowType, options as never), longestMs) as Promise<WorkflowHandle<W>>;
  }

  /** Lets the simulation go on until the promise ends. */
  async #await<T>(promise: Promise<T>, longestMs = YEAR_MS): Promise<T> {
    let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
    promise.then(
      (value) => (outcome = { value }),
      (error: unknown) => (outcome = { error }),
    );
    await this.world.run(() => outcome !== undefined, longestMs);
    if (outcome === undefined) throw new Error('A request of the client was never answered.');
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  #deliver({ message, atMs }: Delivery, handle: WorkflowHandle<W>): void {
    const given = this.#options.messages?.[message];
    if (given === undefined) throw new RangeError(`There is no message ${message}: deliveries name messages by their place.`);
    this.world.after(atMs, () => {
      Promise.resolve()
        .then(() => given.send(handle, this.#stateOfSeed, this.world.client))
        .then(
          (value) => this.#outcomes.push({ message, value }),
          (error: unknown) => this.#outcomes.push({ message, error }),
        );
    });
  }

  #isClosed(): boolean {
    const { disk } = this.world;
    if (this.#closedAt.commits !== disk.commits) {
      // A workflow that continues as new, or is retried, has another run.
      const latest = this.#latestRun;
      this.#closedAt = { commits: disk.commits, closed: latest !== undefined && isFinal(disk.lastEvent(latest.runId)) };
    }
    return this.#closedAt.closed;
  }

  get #latestRun(): RecordedRun | undefined {
    return this.world.disk.runs.findLast(({ workflowId }) => workflowId === (this.#options.start?.workflowId ?? WORKFLOW_ID));
  }

  #events(): readonly HistoryEvent[] {
    const latest = this.#latestRun;
    return latest === undefined ? [] : this.world.disk.events(latest.runId);
  }

  #view(): SimulatedView<State> {
    return { seed: this.#seed, state: this.#stateOfSeed, nowMs: this.world.now - this.#startedAtMs, events: () => this.#events(), messages: this.#outcomes };
  }

  get #stateOfSeed(): State {
    if (this.#state === undefined) throw new Error('The seed is not set up yet.');
    return this.#state.value;
  }

  async #checkEnd(handle: WorkflowHandle<W>): Promise<void> {
    if (!this.#isClosed()) return this.#callFinally(undefined, undefined);
    let result: WorkflowResultType<W> | undefined;
    let error: unknown;
    try {
      result = await this.#await(handle.result());
    } catch (caught) {
      if (caught instanceof RpcError || caught instanceof WorkflowNotFoundError) throw caught;
      error = caught;
    }
    if (error !== undefined && /'?WorkflowTaskFailedError'?/.test(String((error as { cause?: { type?: unknown } }).cause?.type))) throw new Broken('workflow code', (error as Error).cause);
    await this.#callFinally(result, error);
  }

  async #callFinally(result: WorkflowResultType<W> | undefined, error: unknown): Promise<void> {
    try {
      await this.#options.finally?.({ ...this.#view(), result, error });
    } catch (caught) {
      throw new Broken('invariant', caught);
    }
  }

  /** Notes code that went another way than its history: the run would be tried again and again, and may even get away with it. */
  #watched(inner: WorkflowExecutor): WorkflowExecutor {
    const handle = async (...args: Parameters<WorkflowExecutor['handle']>): Promise<TaskOutcome> => {
      const outcome = await inner.handle(...args);
      if (outcome.kind === 'failed' && outcome.cause === WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR) this.world.fail(new Broken('nondeterminism', new Error(outcome.failure.message)));
      // A task is answered when its calls of sinks have ended, as in production.
      await this.#stage.sinks.done(args[0].workflowExecution?.runId ?? '');
      return outcome;
    };
    return {
      handle,
      evict: (runId) => inner.evict(runId),
      forgetLastTask: (runId, eventId) => inner.forgetLastTask(runId, eventId),
      replay: (workflowId, events) => inner.replay(workflowId, events),
      get cachedRuns() {
        return inner.cachedRuns;
      },
      workflowTypes: inner.workflowTypes,
      close: () => inner.close(),
    };
  }

  /** Each history must lead the code the same way again, from its first event. */
  async #checkReplay(): Promise<void> {
    const executor = this.#executor;
    for (const { workflowId, runId } of executor === undefined ? [] : this.world.disk.runs) {
      const events = this.world.disk.events(runId);
      const type = events[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name ?? '';
      if (!executor!.workflowTypes.includes(type) || this.#mockedRuns.has(runId)) continue;
      const failed: FailedTask | undefined = await executor!.replay(workflowId, events);
      if (failed?.cause === WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR) throw new Broken('nondeterminism', new Error(`${workflowId}: ${failed.failure.message}`));
    }
  }

  async #describeOpen(ending: string, longestMs: number): Promise<string> {
    const described = this.world.client.workflowService.describeWorkflowExecution({ namespace: 'default', execution: { workflowId: this.#options.start?.workflowId ?? WORKFLOW_ID } });
    const { pendingActivities, pendingChildren, workflowExecutionInfo } = await this.#await(described, 60_000);
    const status = workflowExecutionInfo?.status === WorkflowExecutionStatus.RUNNING ? 'is running' : 'is not running';
    const pending = [...pendingActivities.map(({ activityType }) => `activity '${activityType?.name ?? ''}'`), ...pendingChildren.map(({ workflowTypeName }) => `child '${workflowTypeName}'`)];
    const why = ending === 'stuck' ? 'Nothing is due any more, nobody sends anything' : `${longestMs} ms of simulated time are over (endsWithin)`;
    return `${why}, and the workflow ${status}. It waits for: ${pending.join(', ') || 'a message'}.`;
  }
}

/** Why a run failed, on its way out. */
class Broken extends Error {
  constructor(
    readonly kind: FailureKind,
    cause: unknown,
  ) {
    super(`A simulation failed (${kind}).`, { cause });
  }
}

function isFinal(event: HistoryEvent | undefined): boolean {
  if (event === undefined) return false;
  const { workflowExecutionCompletedEventAttributes: completed, workflowExecutionFailedEventAttributes: failed, workflowExecutionTimedOutEventAttributes: timedOut } = event;
  const successor = completed?.newExecutionRunId ?? failed?.newExecutionRunId ?? timedOut?.newExecutionRunId ?? '';
  const closed = completed ?? failed ?? timedOut ?? event.workflowExecutionCanceledEventAttributes ?? event.workflowExecutionTerminatedEventAttributes;
  return closed !== undefined && successor === '';
}
