/**
 * An expense that people must approve: by as many of them as it needs, with a reminder, an escalation to the boss, and an end.
 *
 * Waiting costs nothing: the workflow sleeps in the server, for days, through deployments.
 */
import { condition, defineQuery, defineSignal, proxyActivities, setHandler, workflowInfo } from 'perdure/workflow';
import type * as activities from './activities.js';

const { notify } = proxyActivities<typeof activities>({ startToCloseTimeout: '30 seconds' });

export interface Expense {
  readonly purpose: string;
  readonly cents: number;
  readonly approvers: readonly string[];
  /** How many of the approvers must say yes. */
  readonly needed: number;
  readonly boss: string;
}

export interface Vote {
  readonly by: string;
  readonly approves: boolean;
}

export type Decision = { readonly outcome: 'approved' | 'rejected' | 'expired'; readonly votes: readonly Vote[] };

export const vote = defineSignal<[Vote]>('vote');
export const votes = defineQuery<readonly Vote[]>('votes');

export async function approval(expense: Expense): Promise<Decision> {
  const cast = new Map<string, Vote>();
  let mayVote = new Set(expense.approvers);
  setHandler(votes, () => [...cast.values()]);
  setHandler(vote, (given) => {
    // Signals cannot be refused: one that does not count is left out, and the first vote of a person stands.
    if (mayVote.has(given.by) && !cast.has(given.by)) cast.set(given.by, given);
  });
  const yes = () => [...cast.values()].filter(({ approves }) => approves).length;
  const no = () => [...cast.values()].some(({ approves }) => !approves);
  const decided = () => no() || yes() >= expense.needed || (cast.get(expense.boss)?.approves ?? false);

  const request = `${expense.purpose} (${workflowInfo().workflowId})`;
  await tell(expense.approvers, `Please decide: ${request}`);
  if (!(await condition(decided, '1 day'))) {
    await tell(expense.approvers.filter((name) => !cast.has(name)), `Still waiting for you: ${request}`);
    if (!(await condition(decided, '1 day'))) {
      mayVote = new Set([...mayVote, expense.boss]);
      await tell([expense.boss], `Nobody decided, so you must: ${request}`);
      if (!(await condition(decided, '3 days'))) return { outcome: 'expired', votes: [...cast.values()] };
    }
  }
  return { outcome: no() ? 'rejected' : 'approved', votes: [...cast.values()] };
}

function tell(people: readonly string[], text: string): Promise<unknown> {
  return Promise.all(people.map((person) => notify(person, text)));
}
