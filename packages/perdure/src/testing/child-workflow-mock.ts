/** The mock of a child workflow: what it answers, and the log of its calls. The child exists on the server; no code of it runs. */
import { AnsweringMock, type Answer } from './mock-answers.js';

export interface ChildWorkflowCall<Args extends readonly unknown[]> {
  readonly args: Args;
  readonly workflowId: string;
  readonly runId: string;
  readonly parent: { readonly workflowId: string; readonly runId: string } | undefined;
}

/**
 * Takes the place of a workflow that another one starts, in every worker of the environment, from now on.
 *
 * @example env.mock.childWorkflow(shipOrder).returns('parcel-1', { after: '3 days' });
 */
export class ChildWorkflowMock<Args extends readonly unknown[] = readonly unknown[], Result = unknown> extends AnsweringMock<Args, Result> {
  readonly #calls: ChildWorkflowCall<Args>[] = [];

  constructor(readonly workflowType: string) {
    super(`child workflow '${workflowType}'`);
  }

  /** Every run so far, in the order of their beginning. */
  get calls(): readonly ChildWorkflowCall<Args>[] {
    return this.#calls;
  }

  /** @internal Called by workers, once for each run. */
  begin(call: ChildWorkflowCall<Args>): Answer<Args, Result> {
    this.#calls.push(call);
    return this.next(this.#calls.length);
  }
}
