/**
 * The tasks that workers elsewhere have in hand: while there is one, time must not be skipped.
 *
 * A task is handed out with the reply of a call and comes back with another call, whatever that one is answered. Those that never come
 * back (the worker died, the server gave the task up) are found by asking the engine, once a second, whether it still counts on them.
 */
import {
  PendingActivityState,
  PendingWorkflowTaskState,
  WorkflowService,
  type ExecuteMultiOperationResponse,
  type Init,
  type PollActivityTaskQueueResponse,
  type PollNexusTaskQueueResponse,
  type PollWorkflowTaskQueueResponse,
  type RespondWorkflowTaskCompletedResponse,
  type StartWorkflowExecutionResponse,
} from '../protocol/index.js';
import type { Transport } from '../transport/transport.js';
import type { TimeKeeper } from './time-keeper.js';

/** Old enough to be asked about, and how often that is done. */
const ASK_EVERY_MS = 1_000;
/** So many are asked about at a time; the others wait for their turn. */
const MOST_QUESTIONS = 50;
/** A task of which nothing can be asked (a query, a Nexus operation) is given up after this. */
const GIVEN_UP_AFTER_MS = 60_000;

interface Task {
  readonly token: string;
  readonly namespace: string;
  /** Absent: nothing can be asked about it. */
  readonly workflowId?: string | undefined;
  readonly runId?: string | undefined;
  /** Absent: a workflow task. */
  readonly activityId?: string | undefined;
  readonly sinceMs: number;
  readonly end: () => void;
}

type WorkflowTask = Init<PollWorkflowTaskQueueResponse>;
type ActivityTask = Init<PollActivityTaskQueueResponse>;

export class TasksAtWork {
  readonly #keeper: TimeKeeper;
  readonly #engine: Transport;
  readonly #tasks = new Map<string, Task>();
  readonly #asking: NodeJS.Timeout;

  constructor(keeper: TimeKeeper, engine: Transport) {
    this.#keeper = keeper;
    this.#engine = engine;
    this.#asking = setInterval(() => void this.#ask(), ASK_EVERY_MS).unref();
  }

  /** Looks for tasks in what a call is answered. */
  handedOut({ path }: { readonly path: string }, request: unknown, reply: unknown): void {
    const { namespace = '' } = request as { readonly namespace?: string };
    switch (path) {
      case WorkflowService.PollWorkflowTaskQueue.path:
        return this.#workflowTask(namespace, reply as WorkflowTask);
      case WorkflowService.PollActivityTaskQueue.path:
        return this.#activityTask(namespace, reply as ActivityTask);
      case WorkflowService.PollNexusTaskQueue.path:
        return this.#begin((reply as Init<PollNexusTaskQueueResponse>).taskToken, { namespace }, 'task');
      case WorkflowService.RespondWorkflowTaskCompleted.path: {
        const { workflowTask, activityTasks = [] } = reply as Init<RespondWorkflowTaskCompletedResponse>;
        this.#workflowTask(namespace, workflowTask);
        for (const task of activityTasks) this.#activityTask(namespace, task);
        return;
      }
      case WorkflowService.StartWorkflowExecution.path:
        return this.#workflowTask(namespace, (reply as Init<StartWorkflowExecutionResponse>).eagerWorkflowTask);
      case WorkflowService.ExecuteMultiOperation.path:
        for (const { startWorkflow } of (reply as Init<ExecuteMultiOperationResponse>).responses ?? []) this.#workflowTask(namespace, startWorkflow?.eagerWorkflowTask);
        return;
    }
  }

  /** Looks for the task that a call brings back: by its token, or by the ids of its activity. */
  broughtBack({ path }: { readonly path: string }, request: unknown): void {
    if (!/\/Respond(Workflow|Activity|Query|Nexus)Task/.test(path)) return;
    const { taskToken, namespace, workflowId, runId, activityId } = request as Init<{ taskToken: Uint8Array; namespace: string; workflowId: string; runId: string; activityId: string }>;
    if (taskToken !== undefined && taskToken.byteLength > 0) return this.#end(this.#tasks.get(text(taskToken)));
    for (const task of this.#tasks.values()) {
      if (task.namespace === namespace && task.workflowId === workflowId && task.activityId === activityId && (!runId || task.runId === runId)) this.#end(task);
    }
  }

  close(): void {
    clearInterval(this.#asking);
    for (const task of [...this.#tasks.values()]) this.#end(task);
  }

  #workflowTask(namespace: string, task: WorkflowTask | undefined): void {
    const { workflowId, runId } = task?.workflowExecution ?? {};
    this.#begin(task?.taskToken, task?.query === undefined ? { namespace, workflowId, runId } : { namespace }, 'task');
  }

  #activityTask(namespace: string, task: ActivityTask): void {
    const { workflowId, runId } = task.workflowExecution ?? {};
    this.#begin(task.taskToken, { namespace, workflowId, runId, activityId: task.activityId }, 'activity');
  }

  #begin(taskToken: Uint8Array | undefined, whose: Pick<Task, 'namespace' | 'workflowId' | 'runId' | 'activityId'>, kind: 'task' | 'activity'): void {
    if (taskToken === undefined || taskToken.byteLength === 0) return;
    const token = text(taskToken);
    this.#end(this.#tasks.get(token));
    this.#tasks.set(token, { ...whose, token, sinceMs: performance.now(), end: this.#keeper.beginWork(kind) });
  }

  #end(task: Task | undefined): void {
    if (task !== undefined && this.#tasks.delete(task.token)) task.end();
  }

  async #ask(): Promise<void> {
    const nowMs = performance.now();
    const old = [...this.#tasks.values()].filter(({ sinceMs }) => nowMs - sinceMs >= ASK_EVERY_MS).slice(0, MOST_QUESTIONS);
    for (const task of old) {
      if (await this.#isAtWork(task, nowMs)) this.#moveBack(task);
      else this.#end(task);
    }
  }

  /** The others have their turn first. */
  #moveBack(task: Task): void {
    if (this.#tasks.delete(task.token)) this.#tasks.set(task.token, task);
  }

  async #isAtWork({ namespace, workflowId, runId, activityId, sinceMs }: Task, nowMs: number): Promise<boolean> {
    if (workflowId === undefined || workflowId === '') return nowMs - sinceMs < GIVEN_UP_AFTER_MS;
    const execution = { workflowId, ...(runId !== undefined && { runId }) };
    const described = await this.#engine.call(WorkflowService.DescribeWorkflowExecution, { namespace, execution }).catch(() => undefined);
    if (activityId === undefined) return described?.pendingWorkflowTask?.state === PendingWorkflowTaskState.STARTED;
    const pending = described?.pendingActivities.find((activity) => activity.activityId === activityId);
    return pending !== undefined && pending.state !== PendingActivityState.SCHEDULED && pending.state !== PendingActivityState.PAUSED;
  }
}

const text = (token: Uint8Array): string => Buffer.from(token).toString('base64');
