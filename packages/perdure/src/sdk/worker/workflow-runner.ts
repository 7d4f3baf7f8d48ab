/**
 * Takes workflow tasks through the executor and back to the server.
 *
 * Around the pure executor this is all the etiquette of the protocol: sticky attributes, the next task that comes with the reply, eager
 * activities, what a refused completion means, and that only the first failed attempt of a task is reported, while later ones are left
 * to time out so that the server backs off. Invariant: at most one task of a run is processed at a time, because the executor keeps the
 * state of a run and a query may arrive beside a task. Owns the slot of each task. Called by the workflow pollers.
 */
import { setMaxListeners } from 'node:events';
import {
  Code,
  Failure,
  Payloads,
  QueryResultType,
  RpcError,
  TaskQueueKind,
  VersioningBehavior,
  WorkflowService,
  WorkflowTaskCompletedMetadata,
  WorkflowTaskFailedCause,
  type Command,
  type Init,
  type Method,
  type PollWorkflowTaskQueueResponse,
  type RespondWorkflowTaskCompletedResponse,
  type StickyExecutionAttributes,
} from '../../protocol/index.js';
import type { Transport } from '../../transport/transport.js';
import type { Logger } from '../common/index.js';
import type { WorkerMetrics } from '../metrics/worker-metrics.js';
import type { FetchHistory, TaskOutcome, WorkflowExecutor } from '../replay/executor.js';
import { systemTime, Work, type Chance, type WorkerTime } from '../common/worker-time.js';
import type { WorkerCode } from './deployment.js';
import { withMetadata } from './logging.js';
import { oversizedCommand } from './oversized-commands.js';
import { callWithRetry, isNotFound, isTooLarge } from './retry.js';
import type { Slot } from './slots/slots.js';

/** A workflow task is given to somebody else after 10 s by default: retrying its report for much longer is of no use. */
const REPORT_FOR_MS = 60_000;

/** A task that brought nothing but updates, all of them rejected, may vanish even if it came with events that are known already. */
const CAPABILITIES = { discardSpeculativeWorkflowTaskWithEvents: true };

/** The part of `ActivityRunner` that eager activities need. */
export interface EagerActivities {
  has(type: string): boolean;
  tryReserve(): Slot | undefined;
  start(task: RespondWorkflowTaskCompletedResponse['activityTasks'][number], slot: Slot): void;
}

export interface WorkflowRunnerOptions {
  readonly transport: Transport;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly identity: string;
  /** Default: it has no version. */
  readonly code?: WorkerCode | undefined;
  readonly executor: WorkflowExecutor;
  readonly logger: Logger;
  /** Absent: runs are not cached, and every task starts from the first event. */
  readonly sticky?: { readonly taskQueue: string; readonly scheduleToStartTimeoutMs: number } | undefined;
  /** Knows whether local activities will still bring results. Absent: there are none. */
  readonly localActivities?: { readonly stopped: boolean } | undefined;
  /** Absent: nobody wants metrics. */
  readonly metrics?: WorkerMetrics | undefined;
  /** Default: the machine's clock. */
  readonly time?: WorkerTime | undefined;
  /** Default: the operating system's. */
  readonly chance?: Chance | undefined;
  /** The most bytes of one field that the namespace takes. Absent: the server decides. */
  readonly blobSizeLimitBytes?: number | undefined;
  readonly eager?: { readonly activities: EagerActivities; readonly maximumPerTask: number } | undefined;
}

type CompletedOutcome = Extract<TaskOutcome, { kind: 'completed' }>;
type FailedOutcome = Extract<TaskOutcome, { kind: 'failed' }>;
type QueryOutcome = Extract<TaskOutcome, { kind: 'query' }>;

export class WorkflowRunner {
  readonly #options: WorkflowRunnerOptions;
  readonly #stickyAttributes: Init<StickyExecutionAttributes> | undefined;
  readonly #giveUp = new AbortController();
  /** The last task of each run in progress; the next one waits for it. */
  readonly #runs = new Map<string, Promise<void>>();
  /** Tasks that have been processed. */
  readonly counts = { processed: 0, failed: 0 };
  #stopping = false;
  #running = 0;
  #idle: (() => void)[] = [];

  constructor(options: WorkflowRunnerOptions) {
    this.#options = options;
    // One listener per report that waits for its next try, which is no leak.
    setMaxListeners(0, this.#giveUp.signal);
    this.#stickyAttributes = options.sticky && {
      workerTaskQueue: { name: options.sticky.taskQueue, kind: TaskQueueKind.STICKY, normalName: options.taskQueue },
      scheduleToStartTimeout: options.sticky.scheduleToStartTimeoutMs,
    };
  }

  get inFlight(): number {
    return this.#running;
  }

  /** Processes a task in its slot. */
  readonly start = (task: PollWorkflowTaskQueueResponse, slot: Slot): void => {
    const runId = task.workflowExecution?.runId ?? '';
    this.#running += 1;
    slot.use(task.workflowType?.name ?? '');
    const work = new Work(this.#options.time ?? systemTime, 'task');
    const before = this.#runs.get(runId);
    const mine: Promise<void> = (before === undefined ? this.#run(task, work) : before.then(() => this.#run(task, work))).finally(() => {
      work.end();
      if (this.#runs.get(runId) === mine) this.#runs.delete(runId);
      slot.release();
      this.#running -= 1;
      if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
    });
    this.#runs.set(runId, mine);
  };

  whenIdle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** From now on runs are not kept on this worker: their next task goes to the normal queue. */
  stop(): void {
    this.#stopping = true;
  }

  abandon(): void {
    this.#giveUp.abort();
  }

  /** A task and those that come with the replies. Never rejects. */
  async #run(task: PollWorkflowTaskQueueResponse, work: Work): Promise<void> {
    let next: PollWorkflowTaskQueueResponse | undefined = task;
    while (next !== undefined) {
      const current: PollWorkflowTaskQueueResponse = next;
      try {
        next = await this.#process(current, work);
      } catch (error) {
        next = undefined;
        this.#dropped(current, error);
      }
    }
  }

  async #process(task: PollWorkflowTaskQueueResponse, work: Work): Promise<PollWorkflowTaskQueueResponse | undefined> {
    const { metrics, time = systemTime } = this.#options;
    const begin = metrics && time.monotonic();
    metrics?.workflowTaskReceived(task);
    const outcome = await this.#options.executor.handle(task, this.#historyOf(task, work), () => work.rest());
    if (begin !== undefined) metrics?.workflowTaskProcessed(task.workflowType?.name ?? '', time.monotonic() - begin);
    this.counts.processed += 1;
    if (outcome.kind === 'failed') this.counts.failed += 1;
    switch (outcome.kind) {
      case 'completed':
        return this.#complete(task, outcome, work);
      case 'failed':
        await this.#fail(task, outcome, work);
        return undefined;
      case 'query':
        await this.#answer(task, outcome, work);
        return undefined;
    }
  }

  async #complete(task: PollWorkflowTaskQueueResponse, outcome: CompletedOutcome, work: Work): Promise<PollWorkflowTaskQueueResponse | undefined> {
    const { namespace, identity, code, executor, localActivities } = this.#options;
    const runId = task.workflowExecution?.runId ?? '';
    const forceNewTask = outcome.forceNewTask ?? false;
    // Local activities go on in this process: their run must come back here, and to no other worker.
    const goesOnHere = forceNewTask && localActivities?.stopped !== true;
    if (forceNewTask && !goesOnHere) executor.evict(runId);
    const oversized = oversizedCommand(outcome.commands, outcome.messages, this.#options.blobSizeLimitBytes ?? Infinity);
    if (oversized !== undefined) {
      await this.#fail(task, oversized, work);
      return undefined;
    }
    const sticky = this.#stopping ? undefined : this.#stickyAttributes;
    const { commands, reserved } = this.#requestEager(outcome.commands);
    try {
      const reply = await this.#call(work, WorkflowService.RespondWorkflowTaskCompleted, {
        taskToken: task.taskToken,
        namespace,
        identity,
        commands,
        messages: outcome.messages,
        queryResults: outcome.queryResults,
        sdkMetadata: outcome.sdkMetadata && WorkflowTaskCompletedMetadata.encode(outcome.sdkMetadata),
        stickyAttributes: sticky,
        // The next task comes with events since this one only: of use just to a worker that keeps the run.
        returnNewWorkflowTask: sticky !== undefined || goesOnHere,
        forceCreateNewWorkflowTask: forceNewTask,
        capabilities: CAPABILITIES,
        workerVersionStamp: code?.buildId ? { buildId: code.buildId, useVersioning: code.useVersioning } : undefined,
        deploymentOptions: code?.options,
        versioningBehavior: code?.behavior === VersioningBehavior.UNSPECIFIED ? undefined : (outcome.versioningBehavior ?? code?.behavior),
      });
      this.#options.metrics?.workflowTaskCompleted(task.workflowType?.name ?? '', commands, outcome.runStartTimeMs, (this.#options.time ?? systemTime).now());
      for (const activityTask of reply.activityTasks) {
        const slot = reserved.pop();
        // More than asked for cannot run: no slot is taken for it.
        if (slot === undefined) break;
        this.#options.metrics?.activityReceived(activityTask, true);
        this.#options.eager?.activities.start(activityTask, slot);
      }
      if (reply.resetHistoryEventId > 0) executor.forgetLastTask(runId, reply.resetHistoryEventId);
      return reply.workflowTask;
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      await this.#fail(task, {
        kind: 'failed',
        cause: WorkflowTaskFailedCause.GRPC_MESSAGE_TOO_LARGE,
        failure: {
          message:
            'The commands of this workflow task are too large for one message. Pass less data to activities, child workflows and ' +
            'results, or start fewer of them at once.',
          source: 'perdure',
          applicationFailureInfo: { type: 'GrpcMessageTooLarge', nonRetryable: true },
        },
      }, work);
      return undefined;
    } finally {
      for (const slot of reserved) slot.release();
    }
  }

  /** Of the activities that may come back with the reply, which saves a round trip, asks for those that there is a slot for, and takes it. */
  #requestEager(commands: readonly Init<Command>[]): { readonly commands: readonly Init<Command>[]; readonly reserved: Slot[] } {
    const { eager, taskQueue } = this.#options;
    let asked: Init<Command>[] | undefined;
    const reserved: Slot[] = [];
    for (const [index, command] of commands.entries()) {
      const activity = command.scheduleActivityTaskCommandAttributes;
      if (!activity?.requestEagerExecution) continue;
      const isPossible = eager !== undefined && !this.#stopping && reserved.length < eager.maximumPerTask && activity.taskQueue?.name === taskQueue;
      const slot = isPossible && eager.activities.has(activity.activityType?.name ?? '') ? eager.activities.tryReserve() : undefined;
      if (slot !== undefined) reserved.push(slot);
      else (asked ??= [...commands])[index] = { ...command, scheduleActivityTaskCommandAttributes: { ...activity, requestEagerExecution: false } };
    }
    return { commands: asked ?? commands, reserved };
  }

  async #fail(task: PollWorkflowTaskQueueResponse, outcome: FailedOutcome, work: Work): Promise<void> {
    const { namespace, identity, executor } = this.#options;
    executor.evict(task.workflowExecution?.runId ?? '');
    this.#options.metrics?.workflowTaskFailed(task.workflowType?.name ?? '', outcome.cause);
    this.#loggerFor(task).warn(`Workflow task failed, it will be retried: ${outcome.failure.message ?? ''}`, {
      attempt: task.attempt,
      stack: outcome.failure.stackTrace,
    });
    if (task.attempt > 1) return;
    await this.#call(work, WorkflowService.RespondWorkflowTaskFailed, {
      taskToken: task.taskToken,
      namespace,
      identity,
      cause: outcome.cause,
      failure: Failure.encode(outcome.failure),
      deploymentOptions: this.#options.code?.options,
    });
  }

  async #answer(task: PollWorkflowTaskQueueResponse, { answer }: QueryOutcome, work: Work): Promise<void> {
    const { namespace } = this.#options;
    await this.#call(
      work,
      WorkflowService.RespondQueryTaskCompleted,
      answer.ok
        ? { taskToken: task.taskToken, namespace, completedType: QueryResultType.ANSWERED, queryResult: Payloads.encode(answer.result) }
        : {
            taskToken: task.taskToken,
            namespace,
            completedType: QueryResultType.FAILED,
            errorMessage: answer.message,
            failure: Failure.encode(answer.failure),
          },
    );
  }

  /** The server does not want this answer, or could not be asked. The run's next task starts from the first event. */
  #dropped(task: PollWorkflowTaskQueueResponse, error: unknown): void {
    this.#options.executor.evict(task.workflowExecution?.runId ?? '');
    const logger = this.#loggerFor(task);
    if (isNotFound(error)) logger.debug('The server no longer waits for this workflow task', { error });
    else if (isUnhandledCommand(error)) logger.debug('New events came in while the workflow was closing; it will see them first');
    else if (error instanceof RpcError) logger.warn(`A workflow task was dropped: ${error.message}`, { error });
    else logger.error('A workflow task was dropped because of an internal error', { error });
  }

  #historyOf(task: PollWorkflowTaskQueueResponse, work: Work): FetchHistory {
    return async (nextPageToken) => {
      const { history, nextPageToken: following } = await this.#call(work, WorkflowService.GetWorkflowExecutionHistory, {
        namespace: this.#options.namespace,
        execution: task.workflowExecution,
        nextPageToken,
      });
      return { history: history ?? new Uint8Array(0), nextPageToken: following };
    };
  }

  /** To wait for the server is no work: only time is needed. */
  #call<Request, Response>(work: Work, method: Method<Request, Response>, request: Init<Request>): Promise<Response> {
    const resume = work.rest();
    return callWithRetry(this.#options.transport, method, request, {
      timeoutMs: 30_000,
      giveUpAfterMs: REPORT_FOR_MS,
      signal: this.#giveUp.signal,
      logger: this.#options.logger,
      time: this.#options.time,
      chance: this.#options.chance,
    }).finally(resume);
  }

  #loggerFor(task: PollWorkflowTaskQueueResponse): Logger {
    return withMetadata(this.#options.logger, {
      sdkComponent: 'worker',
      workflowId: task.workflowExecution?.workflowId,
      runId: task.workflowExecution?.runId,
      workflowType: task.workflowType?.name,
      namespace: this.#options.namespace,
      taskQueue: this.#options.taskQueue,
    });
  }
}

/** Servers say it with exactly this text. */
function isUnhandledCommand(error: unknown): boolean {
  return error instanceof RpcError && error.code === Code.INVALID_ARGUMENT && error.message === 'UnhandledCommand';
}
