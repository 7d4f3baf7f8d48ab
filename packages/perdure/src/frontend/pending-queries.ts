/**
 * The queries that somebody waits for. In memory only: a query dies with its asker.
 *
 * A query reaches a worker in one of two ways. *Direct*: as a task of its own, answered with that task's token. *Attached*: it rides on
 * the next workflow task, and its answer comes with that task's completion. It is attached while a workflow task is scheduled or started,
 * because its answer must reflect the events that the worker has not seen yet.
 */
import type { QueryResultType, RespondQueryTaskCompletedRequest, WorkflowQuery, WorkflowQueryResult } from '../protocol/index.js';
import { QueryTurns } from './query-turns.js';
import { busyWorkflow, overloaded } from './refusals.js';

export interface QueryAnswer {
  readonly resultType: QueryResultType;
  readonly answer?: WorkflowQueryResult['answer'];
  readonly errorMessage: string;
  readonly failure?: WorkflowQueryResult['failure'];
}

export class PendingQuery {
  /** The workflow task that a worker held when the query came: it must not be attached to that one, which may know too little. */
  missedTaskStamp: number | undefined = undefined;
  readonly answered: Promise<QueryAnswer>;
  readonly answer: (answer: QueryAnswer) => void;

  constructor(
    readonly id: string,
    readonly runId: string,
    readonly query: WorkflowQuery,
  ) {
    let settle: (answer: QueryAnswer) => void = () => {};
    this.answered = new Promise((resolve) => (settle = resolve));
    this.answer = settle;
  }
}

export class PendingQueries {
  readonly turns = new QueryTurns();
  readonly #limit: number;
  readonly #byId = new Map<string, PendingQuery>();
  /** Those that wait to be attached, by run. */
  readonly #waiting = new Map<string, Map<string, PendingQuery>>();

  /** @param limit how many queries may be under way, in all namespaces together */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws RpcError RESOURCE_EXHAUSTED if too many queries wait. */
  open(id: string, runId: string, query: WorkflowQuery): PendingQuery {
    if (this.#byId.size >= this.#limit) throw overloaded(`${this.#limit} queries are waiting, which is the limit. Query again later.`);
    const pending = new PendingQuery(id, runId, query);
    this.#byId.set(id, pending);
    return pending;
  }

  close(query: PendingQuery): void {
    this.#byId.delete(query.id);
    this.stopWaiting(query);
  }

  /** From now on the query is attached to the run's next workflow task. */
  waitForTask(query: PendingQuery, startedTaskStamp: number | undefined, limit: number): void {
    const ofRun = this.#waiting.get(query.runId) ?? new Map<string, PendingQuery>();
    if (ofRun.size >= limit) throw busyWorkflow(`${limit} queries wait for this workflow execution, which is the limit. Query again later.`);
    query.missedTaskStamp = startedTaskStamp;
    this.#waiting.set(query.runId, ofRun.set(query.id, query));
  }

  stopWaiting(query: PendingQuery): void {
    const ofRun = this.#waiting.get(query.runId);
    if (ofRun?.delete(query.id) && ofRun.size === 0) this.#waiting.delete(query.runId);
  }

  /** What a workflow task that is about to be handed out takes along. They keep waiting: the attempt may fail. */
  attach(runId: string, taskStamp: number): Map<string, WorkflowQuery> | undefined {
    const ofRun = this.#waiting.get(runId);
    if (ofRun === undefined) return undefined;
    const queries = new Map<string, WorkflowQuery>();
    for (const pending of ofRun.values()) if (pending.missedTaskStamp !== taskStamp) queries.set(pending.id, pending.query);
    return queries.size === 0 ? undefined : queries;
  }

  /** The answers that came with the completion of a workflow task. */
  answerAttached(runId: string, results: ReadonlyMap<string, WorkflowQueryResult>): void {
    for (const [id, result] of results) {
      const pending = this.#byId.get(id);
      if (pending?.runId === runId) pending.answer(result);
    }
  }

  /** The answer to a direct query. False if nobody waits for it any more. */
  answerDirect(id: string, request: RespondQueryTaskCompletedRequest): boolean {
    const pending = this.#byId.get(id);
    pending?.answer({ resultType: request.completedType, answer: request.queryResult, errorMessage: request.errorMessage, failure: request.failure });
    return pending !== undefined;
  }
}
