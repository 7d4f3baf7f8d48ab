/**
 * The tasks that workers elsewhere have in hand: while there is one, time must not be skipped. In a process of its own a worker tells of
 * its tasks itself; then only activities that somebody else is to complete are looked after here.
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
import type { Info } from '../sdk/activity/index.js';
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

type Whose = Pick<Task, 'namespace' | 'workflowId' | 'runId' | 'activityId'>;
type WorkflowTask = Init<PollWorkflowTaskQueueResponse>;
type ActivityTask = Init<PollActivityTaskQueueResponse>;

export class TasksAtWork {
  readonly #keeper: TimeKeeper;
  readonly #engine: Transport;
  readonly #tasks = new Map<string, Task>();
  #asking: NodeJS.Timeout | undefined;

  constructor(keeper: TimeKeeper, engine: Transport) {
    this.#keeper = keeper;
    this.#engine = engine;
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
      if (task.namespace === namespace && task.workflowId === (workflowId ?? '') && task.activityId === activityId && (!runId || task.runId === runId)) this.#end(task);
    }
  }

  /** An activity of a worker in this process waits for somebody who completes it. */
  leftOpen({ activityNamespace, workflowExecution, activityRunId, activityId, base64TaskToken }: Info): void {
    const owner = workflowExecution ?? { workflowId: '', runId: activityRunId };
    this.#add(base64TaskToken, { namespace: activityNamespace, ...owner, activityId }, 'outside');
  }

  /** Asks about all tasks, however young. */
  look(): Promise<void> {
    return this.#ask(0);
  }

  close(): void {
    for (const task of [...this.#tasks.values()]) this.#end(task);
  }

  #workflowTask(namespace: string, task: WorkflowTask | undefined): void {
    const { workflowId, runId } = task?.workflowExecution ?? {};
    this.#begin(task?.taskToken, task?.query === undefined ? { namespace, workflowId, runId } : { namespace }, 'task');
  }

  #activityTask(namespace: string, task: ActivityTask): void {
    const { workflowId = '', runId = '' } = task.workflowExecution ?? {};
    this.#begin(task.taskToken, { namespace, workflowId, runId: runId || task.activityRunId, activityId: task.activityId }, 'activity');
  }

  #begin(taskToken: Uint8Array | undefined, whose: Whose, kind: 'task' | 'activity'): void {
    if (taskToken !== undefined && taskToken.byteLength > 0) this.#add(text(taskToken), whose, kind);
  }

  #add(token: string, whose: Whose, kind: 'task' | 'activity' | 'outside'): void {
    this.#end(this.#tasks.get(token));
    this.#tasks.set(token, { ...whose, token, sinceMs: performance.now(), end: this.#keeper.beginWork(kind) });
    this.#asking ??= setInterval(() => void this.#ask(ASK_EVERY_MS), ASK_EVERY_MS).unref();
  }

  #end(task: Task | undefined): void {
    if (task === undefined || !this.#tasks.delete(task.token)) return;
    task.end();
    if (this.#tasks.size > 0) return;
    clearInterval(this.#asking);
    this.#asking = undefined;
  }

  async #ask(minAgeMs: number): Promise<void> {
    const nowMs = performance.now();
    const old = [...this.#tasks.values()].filter(({ sinceMs }) => nowMs - sinceMs >= minAgeMs).slice(0, MOST_QUESTIONS);
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
    if (workflowId === '' && activityId !== undefined) return this.#isAloneAtWork(namespace, activityId, runId);
    if (workflowId === undefined || workflowId === '') return nowMs - sinceMs < GIVEN_UP_AFTER_MS;
    const execution = { workflowId, ...(runId !== undefined && { runId }) };
    const described = await this.#engine.call(WorkflowService.DescribeWorkflowExecution, { namespace, execution }).catch(() => undefined);
    if (activityId === undefined) return described?.pendingWorkflowTask?.state === PendingWorkflowTaskState.STARTED;
    const pending = described?.pendingActivities.find((activity) => activity.activityId === activityId);
    return pending !== undefined && isHeld(pending.state);
  }

  /** An activity that belongs to no workflow. */
  async #isAloneAtWork(namespace: string, activityId: string, runId: string | undefined): Promise<boolean> {
    const described = await this.#engine.call(WorkflowService.DescribeActivityExecution, { namespace, activityId, runId }).catch(() => undefined);
    return isHeld(described?.info?.runState ?? PendingActivityState.UNSPECIFIED);
  }
}

/** By a worker, or by whoever is to complete it. */
const isHeld = (state: PendingActivityState): boolean => state !== PendingActivityState.UNSPECIFIED && state !== PendingActivityState.SCHEDULED && state !== PendingActivityState.PAUSED;

const text = (token: Uint8Array): string => Buffer.from(token).toString('base64');
