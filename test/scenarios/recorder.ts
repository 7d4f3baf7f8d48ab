/**
 * Writes down what a scenario did on the wire: RPCs, commands, policies in requests, refusals, and the runs that it made.
 *
 * Workers are shared by scenarios that run at the same time, so each call is attributed: by the scenario's mark in its metadata, else by
 * the mark in a workflow id or task queue of the message, else by the task token, which the poll's reply tied to a workflow. A child with an
 * id of its own belongs to its parent's scenario. The proxy and the recording transport feed it.
 */
import {
  Code,
  History,
  WorkflowService,
  type Method,
  type PollActivityTaskQueueResponse,
  type PollWorkflowTaskQueueResponse,
  type RespondWorkflowTaskCompletedResponse,
  type StartWorkflowExecutionResponse,
} from '#perdure/protocol/index';
import { requestRows } from './request-rows.js';
import type { Row } from './rows.js';

/** The metadata key that carries a scenario's mark. */
export const MARK_HEADER = 'x-scenario';

/** Makes the mark of a scenario; ids that begin with a mark and a tilde are attributed to it. */
export function markOf(run: string, index: number): string {
  return `${run}~${index}`;
}

/** Refused so, a call has not been looked at. */
const NOT_SERVED: readonly number[] = [Code.UNIMPLEMENTED, Code.CANCELLED, Code.UNAVAILABLE, Code.INTERNAL];

const MARKED = /^([^~]+~\d+)~/;

export interface Refusal {
  readonly rpc: string;
  readonly code: number;
  readonly message: string;
  /** Type names of the details. */
  readonly details: readonly string[];
}

export interface Run {
  readonly workflowId: string;
  readonly runId: string;
}

/** What was seen of one scenario. */
export class Sightings {
  readonly rows = new Set<Row>();
  readonly refusals: Refusal[] = [];
  readonly #runs = new Map<string, Run>();

  get runs(): readonly Run[] {
    return [...this.#runs.values()];
  }

  addRun(workflowId: string, runId: string): void {
    if (workflowId !== '' && runId !== '') this.#runs.set(`${workflowId} ${runId}`, { workflowId, runId });
  }
}

export type Outcome = { readonly response: unknown } | { readonly refusal: Omit<Refusal, 'rpc'> };

export class Recorder {
  readonly #scenarios = new Map<string, Sightings>();
  readonly #tokens = new Map<string, string>();
  readonly #children = new Map<string, string>();

  of(mark: string): Sightings {
    let found = this.#scenarios.get(mark);
    if (found === undefined) this.#scenarios.set(mark, (found = new Sightings()));
    return found;
  }

  /** @param given the mark in the call's metadata */
  called(method: Method<unknown, unknown>, given: string | undefined, request: unknown, outcome: Outcome): void {
    const response = 'response' in outcome ? outcome.response : undefined;
    this.#learn(method, response);
    const mark = given ?? this.#markIn(request) ?? this.#markIn(response);
    if (mark === undefined) return;
    const sightings = this.of(mark);
    if ('refusal' in outcome) sightings.refusals.push({ rpc: method.name, ...outcome.refusal });
    else this.#noteRuns(method, request, response, sightings);
    if ('refusal' in outcome && NOT_SERVED.includes(outcome.refusal.code)) return;
    sightings.rows.add(`rpc:${method.name}` as Row);
    for (const row of requestRows(method, request)) sightings.rows.add(row);
  }

  /** Ties task tokens and children to scenarios. */
  #learn(method: Method<unknown, unknown>, response: unknown): void {
    if (response === undefined) return;
    if (method.path === WorkflowService.PollWorkflowTaskQueue.path) this.#learnTask(response as PollWorkflowTaskQueueResponse);
    if (method.path === WorkflowService.PollActivityTaskQueue.path) this.#learnActivity(response as PollActivityTaskQueueResponse);
    if (method.path === WorkflowService.RespondWorkflowTaskCompleted.path) {
      const { workflowTask, activityTasks } = response as RespondWorkflowTaskCompletedResponse;
      if (workflowTask) this.#learnTask(workflowTask);
      activityTasks.forEach((task) => this.#learnActivity(task));
    }
    if (method.path === WorkflowService.StartWorkflowExecution.path) {
      const { eagerWorkflowTask } = response as StartWorkflowExecutionResponse;
      if (eagerWorkflowTask) this.#learnTask(eagerWorkflowTask);
    }
  }

  #learnTask(task: PollWorkflowTaskQueueResponse): void {
    const { workflowId = '', runId = '' } = task.workflowExecution ?? {};
    if (workflowId === '') return;
    if (this.#markOfWorkflow(workflowId) === undefined && task.history !== undefined) {
      const parent = History.decode(task.history).events[0]?.workflowExecutionStartedEventAttributes?.parentWorkflowExecution?.workflowId;
      const mark = parent === undefined ? undefined : this.#markOfWorkflow(parent);
      if (mark !== undefined) this.#children.set(workflowId, mark);
    }
    const mark = this.#markOfWorkflow(workflowId);
    if (mark === undefined) return;
    this.#tokens.set(Buffer.from(task.taskToken).toString('base64'), mark);
    this.of(mark).addRun(workflowId, runId);
  }

  #learnActivity(task: PollActivityTaskQueueResponse): void {
    // One without a workflow has the mark in its own id.
    const mark = this.#markOfWorkflow(task.workflowExecution?.workflowId || task.activityId);
    if (mark !== undefined) this.#tokens.set(Buffer.from(task.taskToken).toString('base64'), mark);
  }

  #markOfWorkflow(workflowId: string): string | undefined {
    return MARKED.exec(workflowId)?.[1] ?? this.#children.get(workflowId);
  }

  #markIn(message: unknown): string | undefined {
    if (message === undefined) return undefined;
    const fields = message as { taskToken?: Uint8Array; activityId?: string; workflowId?: string; execution?: { workflowId?: string }; workflowExecution?: { workflowId?: string }; taskQueue?: string | { name?: string } };
    const workflowId = fields.workflowExecution?.workflowId || fields.execution?.workflowId || fields.workflowId;
    if (workflowId !== undefined && workflowId !== '') return this.#markOfWorkflow(workflowId);
    if (fields.taskToken !== undefined && fields.taskToken.byteLength > 0) return this.#tokens.get(Buffer.from(fields.taskToken).toString('base64'));
    const ofActivity = MARKED.exec(fields.activityId ?? '')?.[1];
    if (ofActivity !== undefined) return ofActivity;
    const queue = typeof fields.taskQueue === 'string' ? fields.taskQueue : fields.taskQueue?.name;
    return MARKED.exec(queue ?? '')?.[1];
  }

  #noteRuns(method: Method<unknown, unknown>, request: unknown, response: unknown, sightings: Sightings): void {
    const { runId } = response as { runId?: string };
    if (typeof runId !== 'string') return;
    const { workflowId, workflowExecution } = request as { workflowId?: string; workflowExecution?: { workflowId?: string } };
    const id = workflowId ?? workflowExecution?.workflowId;
    if (/^(Start|SignalWithStart|Reset)Workflow/.test(method.name) && id !== undefined) sightings.addRun(id, runId);
  }
}
