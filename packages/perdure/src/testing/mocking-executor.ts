/**
 * Workflow tasks in a test environment: those of mocked children are answered here, all others by the user's code.
 *
 * Two things end a run here that would otherwise be tried for ever, each with a failure that says what is wrong: a workflow type that no
 * worker has, and code that keeps failing its workflow task, or keeps deciding what the server refuses. A test that waits for the result hears of it at once.
 *
 * A mocked run lives in its history like any other: a delay is a timer, so time is skipped and nothing is lost between two tasks.
 */
import { Code, CommandType, EventType, Failure, RpcError, WorkflowTaskFailedCause, type Command, type HistoryEvent, type Init, type PollWorkflowTaskQueueResponse } from '../protocol/index.js';
import { ApplicationFailure, decodeArrayFromBytes, encodeErrorToFailure, encodeToBytes, type LoadedDataConverter } from '../sdk/common/index.js';
import { inWorkflow } from '../sdk/common/serialization-context.js';
import type { FetchHistory, OnRest, TaskOutcome, WorkflowExecutor } from '../sdk/replay/executor.js';
import { TaskHistory } from '../sdk/replay/task-history.js';
import type { ChildWorkflowMock } from './child-workflow-mock.js';
import type { Answer } from './mock-answers.js';
import { list } from './mocked-activities.js';
import type { Mocks } from './mocks.js';

export interface MockingOptions {
  readonly mocks: Mocks;
  readonly dataConverter: LoadedDataConverter;
  /** Of the worker. Default: `default`. */
  readonly namespace?: string;
  /** After so many failed attempts of a workflow task in a row its run fails. */
  readonly failAfterAttempts: number;
  /** What was chosen for the runs of mocked workflows. Workers that follow each other share it. Default: one of its own. */
  readonly runs?: Map<string, MockedRun>;
}

const TIMER_ID = 'mock';
const TASK_ENDS: ReadonlySet<EventType> = new Set([EventType.WORKFLOW_TASK_COMPLETED, EventType.WORKFLOW_TASK_FAILED, EventType.WORKFLOW_TASK_TIMED_OUT]);
/** Of the reasons to fail a task: those that say nothing about what the code decides next time. */
const MAY_PASS_LATER: ReadonlySet<WorkflowTaskFailedCause> = new Set([
  WorkflowTaskFailedCause.UNHANDLED_COMMAND,
  WorkflowTaskFailedCause.UNHANDLED_UPDATE,
  WorkflowTaskFailedCause.RESET_WORKFLOW,
  WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE,
  WorkflowTaskFailedCause.WORKFLOW_PAUSE_REQUESTED_BEFORE_TASK_STARTED,
]);

export interface MockedRun {
  readonly answer: Answer<readonly unknown[], unknown>;
  readonly args: readonly unknown[];
}

export class MockingExecutor implements WorkflowExecutor {
  readonly #inner: WorkflowExecutor | undefined;
  readonly #options: MockingOptions;
  readonly #mocked: Map<string, MockedRun>;

  /** @param inner runs the user's workflows; absent: the worker has none */
  constructor(inner: WorkflowExecutor | undefined, options: MockingOptions) {
    this.#inner = inner;
    this.#options = options;
    this.#mocked = options.runs ?? new Map();
  }

  get cachedRuns(): number {
    return this.#inner?.cachedRuns ?? 0;
  }

  get workflowTypes(): readonly string[] {
    return this.#inner?.workflowTypes ?? [];
  }

  evict(runId: string): void {
    this.#inner?.evict(runId);
  }

  forgetLastTask(runId: string, lastStartedEventId: number): void {
    this.#inner?.forgetLastTask(runId, lastStartedEventId);
  }

  replay(...args: Parameters<WorkflowExecutor['replay']>): ReturnType<WorkflowExecutor['replay']> {
    if (this.#inner === undefined) throw new RpcError(Code.FAILED_PRECONDITION, 'this worker has no workflows');
    return this.#inner.replay(...args);
  }

  async close(): Promise<void> {
    await this.#inner?.close();
  }

  async handle(task: PollWorkflowTaskQueueResponse, fetchHistory: FetchHistory, onRest?: OnRest): Promise<TaskOutcome> {
    const type = task.workflowType?.name ?? '';
    const mock = this.#options.mocks.childWorkflowNamed(type);
    const hasCode = this.workflowTypes.includes(type) || this.workflowTypes.includes('default');
    if (mock === undefined && !hasCode) return this.#unknown(type, task);
    if (mock !== undefined) {
      const events = await new TaskHistory(task, fetchHistory).whole();
      const isChild = events[0]?.workflowExecutionStartedEventAttributes?.parentWorkflowExecution !== undefined;
      if (isChild || !hasCode) return this.#play(mock, task, events);
    }
    const outcome = await this.#inner!.handle(task, fetchHistory, onRest);
    if (task.attempt < this.#options.failAfterAttempts) return outcome;
    const failure = outcome.kind === 'failed' ? outcome.failure : outcome.kind === 'completed' ? await refusal(task, fetchHistory) : undefined;
    if (failure === undefined) return outcome;
    this.#inner!.evict(task.workflowExecution?.runId ?? '');
    return completed([{ commandType: CommandType.FAIL_WORKFLOW_EXECUTION, failWorkflowExecutionCommandAttributes: { failure: Failure.encode(taskFailure(failure, task.attempt)) } }]);
  }

  #converterOf({ workflowExecution }: PollWorkflowTaskQueueResponse): LoadedDataConverter {
    const { dataConverter, namespace = 'default' } = this.#options;
    return inWorkflow(dataConverter, namespace, workflowExecution?.workflowId ?? '');
  }

  async #unknown(type: string, task: PollWorkflowTaskQueueResponse): Promise<TaskOutcome> {
    const { mocks } = this.#options;
    const error = ApplicationFailure.nonRetryable(
      `Workflow '${type}' is neither exported nor mocked: export it from workflowsPath, or call env.mock.childWorkflow('${type}'). ` +
        `Exported: ${list(this.workflowTypes)}. Mocked: ${list(mocks.mockedWorkflows)}.`,
      'NotFoundError',
    );
    return completed([await failCommand(this.#converterOf(task), error)]);
  }

  async #play(mock: ChildWorkflowMock, task: PollWorkflowTaskQueueResponse, events: readonly HistoryEvent[]): Promise<TaskOutcome> {
    const converter = this.#converterOf(task);
    if (task.query !== undefined) {
      const message = `Workflow '${mock.workflowType}' is mocked and answers no query.`;
      return { kind: 'query', answer: { ok: false, message, failure: await encodeErrorToFailure(converter, new Error(message)) } };
    }
    if (events.some(({ eventType }) => eventType === EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED)) {
      return completed([{ commandType: CommandType.CANCEL_WORKFLOW_EXECUTION, cancelWorkflowExecutionCommandAttributes: {} }]);
    }
    const { answer, args } = await this.#runOf(mock, task, events);
    if (answer.act === 'hang') return completed([]);
    const timerStarted = events.some(({ eventType }) => eventType === EventType.TIMER_STARTED);
    const timerFired = events.some(({ eventType }) => eventType === EventType.TIMER_FIRED);
    if (answer.afterMs > 0 && !timerFired) {
      const timer = { commandType: CommandType.START_TIMER, startTimerCommandAttributes: { timerId: TIMER_ID, startToFireTimeout: answer.afterMs } };
      return completed(timerStarted ? [] : [timer]);
    }
    try {
      const result = await encodeToBytes(converter, await answer.act(...args));
      return completed([{ commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION, completeWorkflowExecutionCommandAttributes: { result } }]);
    } catch (error) {
      return completed([await failCommand(converter, error)]);
    }
  }

  /** The answer is chosen with the run's first task. */
  async #runOf(mock: ChildWorkflowMock, task: PollWorkflowTaskQueueResponse, events: readonly HistoryEvent[]): Promise<MockedRun> {
    const { workflowId = '', runId = '' } = task.workflowExecution ?? {};
    const known = this.#mocked.get(runId);
    if (known !== undefined) return known;
    const started = events[0]?.workflowExecutionStartedEventAttributes;
    const args = await decodeArrayFromBytes(this.#converterOf(task), started?.input);
    const run = { args, answer: mock.begin({ args, workflowId, runId, parent: started?.parentWorkflowExecution }) };
    this.#mocked.set(runId, run);
    return run;
  }
}

async function failCommand(converter: LoadedDataConverter, error: unknown): Promise<Init<Command>> {
  const failure = Failure.encode(await encodeErrorToFailure(converter, error));
  return { commandType: CommandType.FAIL_WORKFLOW_EXECUTION, failWorkflowExecutionCommandAttributes: { failure } };
}

/**
 * Why the server refused what the code decided, if that is how this row of attempts began: it would refuse it again. Only the first attempt
 * of a row stands in the history.
 */
async function refusal(task: PollWorkflowTaskQueueResponse, fetchHistory: FetchHistory): Promise<Init<Failure> | undefined> {
  const events = await new TaskHistory(task, fetchHistory).whole();
  const before = events.findLast(({ eventType }) => TASK_ENDS.has(eventType))?.workflowTaskFailedEventAttributes;
  return before?.failure === undefined || MAY_PASS_LATER.has(before.cause) ? undefined : Failure.decode(before.failure);
}

function taskFailure(cause: Init<Failure>, attempts: number): Init<Failure> {
  const said = (cause.message ?? '').replace(/\.$/, '');
  const where = /^\s*(at .+)$/m.exec(cause.stackTrace ?? '')?.[1];
  return {
    message: `The workflow task failed ${attempts} times in a row, the last time with: ${said}${where === undefined ? '' : ` (${where})`}. Outside of a test it would be tried for ever.`,
    source: 'perdure',
    applicationFailureInfo: { type: 'WorkflowTaskFailedError', nonRetryable: true },
    cause,
  };
}

function completed(commands: Init<Command>[]): TaskOutcome {
  return { kind: 'completed', commands, messages: [], queryResults: new Map() };
}
