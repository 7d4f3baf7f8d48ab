/**
 * What a list query finds, as it is consumed: the executions, or their histories.
 *
 * Histories are fetched ahead, a few at a time, and handed out in the order of the list; what is fetched ahead is bounded, so that a slow
 * consumer does not fill the memory.
 */
import type { History } from '../../protocol/index.js';
import type { WorkflowExecutionInfo } from './workflow-description.js';

export interface IntoHistoriesOptions {
  /** Histories that are fetched at the same time. Default: 5. */
  readonly concurrency?: number;
  /** Histories that may wait to be consumed, those under way included. Default: `concurrency`. */
  readonly bufferLimit?: number;
}

/** One execution's history. */
export interface ListedHistory {
  readonly workflowId: string;
  readonly runId: string;
  readonly history: History;
}

/** Executions, page by page as they are consumed. Nothing is asked for before. */
export interface AsyncWorkflowListIterable extends AsyncIterable<WorkflowExecutionInfo> {
  /**
   * Their histories instead: for a replayer, or to keep them. An execution that was deleted meanwhile is left out.
   *
   * @throws RangeError an option is not a positive number
   * @example
   * ```ts
   * const histories = client.workflow.list({ query: "WorkflowType = 'order'" }).intoHistories();
   * for await (const result of Worker.runReplayHistories({ workflowsPath }, histories)) console.log(result.workflowId, result.replayError);
   * ```
   */
  intoHistories(options?: IntoHistoriesOptions): AsyncIterable<ListedHistory>;
}

/** Fetches the history of one run; `undefined` if it is gone. */
type FetchHistory = (workflowId: string, runId: string) => Promise<History | undefined>;

export function workflowList(executions: () => AsyncGenerator<WorkflowExecutionInfo, void, undefined>, fetch: FetchHistory): AsyncWorkflowListIterable & AsyncGenerator<WorkflowExecutionInfo, void, undefined> {
  // A generator, as other code expects that calls `next` by hand; it does not begin before somebody does.
  return Object.assign(executions(), { intoHistories: (options: IntoHistoriesOptions = {}) => histories(executions(), fetch, options) });
}

async function* histories(executions: AsyncGenerator<WorkflowExecutionInfo, void, undefined>, fetch: FetchHistory, options: IntoHistoriesOptions): AsyncGenerator<ListedHistory, void, undefined> {
  const { concurrency = 5 } = options;
  const ahead = Math.max(1, positive('bufferLimit', options.bufferLimit ?? concurrency));
  const limit = new Slots(positive('concurrency', concurrency));
  const fetched: Promise<ListedHistory | undefined>[] = [];
  const fetchOne = async ({ workflowId, runId }: WorkflowExecutionInfo): Promise<ListedHistory | undefined> => {
    const history = await limit.run(() => fetch(workflowId, runId));
    return history && { workflowId, runId, history };
  };
  try {
    for (let isEnd = false; !isEnd || fetched.length > 0; ) {
      while (!isEnd && fetched.length < ahead) {
        const { done, value } = await executions.next();
        isEnd = done === true;
        if (value === undefined) continue;
        const next = fetchOne(value);
        // It is thrown when its turn comes.
        next.catch(() => {});
        fetched.push(next);
      }
      const first = await fetched.shift();
      if (first !== undefined) yield first;
    }
  } finally {
    await executions.return();
  }
}

/** So many at a time. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

function positive(name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw new RangeError(`${name} is a whole number of 1 or more, not ${value}.`);
}
