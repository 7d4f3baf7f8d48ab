/**
 * What lists can find a closed run by, of what went wrong in it: the messages of the failure and of what caused it, or the reason of the
 * termination. Taken once, at the close, so that a run that completed costs nothing and no history has to be read for a list.
 */
import { Failure } from '../../../protocol/index.js';
import type { Encoded, HistoryEvent } from '../../../protocol/index.js';

/** Kept in memory with the state, and in the row of the list. */
const MOST_CHARACTERS = 2_000;
const MOST_CAUSES = 10;

/** Empty if nothing went wrong. The deepest cause is last. */
export function closeProblem(event: HistoryEvent): string {
  const terminated = event.workflowExecutionTerminatedEventAttributes;
  if (terminated !== undefined) return bounded(terminated.reason);
  return failureProblem(event.workflowExecutionFailedEventAttributes?.failure);
}

/** What lists find by a failure; empty without one. */
export function failureProblem(failure: Encoded<Failure> | undefined): string {
  return failure === undefined ? '' : bounded(messages(Failure.decode(failure)).join('\n'));
}

function messages(failure: Failure): string[] {
  const found: string[] = [];
  for (let at: Failure | undefined = failure; at !== undefined && found.length <= MOST_CAUSES; at = at.cause) found.push(at.message.slice(0, MOST_CHARACTERS));
  return found.filter((message) => message !== '');
}

/** Half a surrogate pair at the cut has no bytes of its own. */
function bounded(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : text.slice(0, MOST_CHARACTERS).replace(/[\uD800-\uDBFF]$/, '');
}
