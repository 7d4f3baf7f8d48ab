/** The mock of one activity: what it answers, and the log of its calls. Each attempt is a call. Runs in the worker, in place of the function. */
import { Context } from '../sdk/activity/index.js';
import { AnsweringMock, type Answer } from './mock-answers.js';

export interface ActivityCall<Args extends readonly unknown[], Result> {
  readonly args: Args;
  /** 1 for the first attempt of an activity. */
  readonly attempt: number;
  readonly activityId: string;
  /** Absent for an activity that no workflow started. */
  readonly workflowId: string | undefined;
  /** What the previous attempt reported last. */
  readonly heartbeatDetails: unknown;
  /** `open`: no answer has come. */
  outcome: 'open' | 'returned' | 'threw';
  result?: Result;
  error?: unknown;
}

/** The longest sleep of an activity. */
const LONG_MS = 2 ** 31 - 1;

/**
 * Takes the place of an activity in every worker of the environment, from now on.
 *
 * @example
 * const charge = env.mock.activity(activities.charge).throwsOnce(new Error('busy')).returns('receipt-1', { after: '2s' });
 * assert.deepEqual(charge.calls.map((call) => call.attempt), [1, 2]);
 */
export class ActivityMock<Args extends readonly unknown[] = readonly unknown[], Result = unknown> extends AnsweringMock<Args, Result> {
  readonly #calls: ActivityCall<Args, Result>[] = [];

  constructor(readonly activityType: string) {
    super(`activity '${activityType}'`);
  }

  /** Every attempt so far, in the order of their beginning. */
  get calls(): readonly ActivityCall<Args, Result>[] {
    return this.#calls;
  }

  /** Reports these details and then is never heard of again, like a worker that died: the heartbeat timeout ends the attempt. */
  dies(...heartbeats: readonly unknown[]): this {
    return this.always({ afterMs: 0, act: 'hang', heartbeats });
  }

  /** Dies in the next call that has no answer yet; see {@link dies}. */
  diesOnce(...heartbeats: readonly unknown[]): this {
    return this.once({ afterMs: 0, act: 'hang', heartbeats });
  }

  /** @internal Called by workers. */
  async run(args: Args): Promise<Result> {
    const { attempt, activityId, workflowExecution, heartbeatDetails } = Context.current().info;
    const call: ActivityCall<Args, Result> = { args, attempt, activityId, workflowId: workflowExecution?.workflowId, heartbeatDetails, outcome: 'open' };
    this.#calls.push(call);
    const answer = this.next(this.#calls.length);
    try {
      call.result = await play(answer, args);
      call.outcome = 'returned';
      return call.result;
    } catch (error) {
      // That the worker lets go of a call that hangs is no answer, unless the workflow asked for it.
      if (answer.act === 'hang' && Context.current().cancellationDetails?.cancelRequested !== true) throw error;
      call.outcome = 'threw';
      call.error = error;
      throw error;
    }
  }
}

async function play<Args extends readonly unknown[], Result>({ act, afterMs, heartbeats = [] }: Answer<Args, Result>, args: Args): Promise<Result> {
  const context = Context.current();
  for (const details of heartbeats) context.heartbeat(details);
  for (let left = afterMs; left > 0; left -= LONG_MS) await context.sleep(Math.min(left, LONG_MS));
  if (act !== 'hang') return act(...args);
  for (;;) await context.sleep(LONG_MS);
}
