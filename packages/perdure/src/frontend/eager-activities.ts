/**
 * Eager activities and rates: an activity that comes back with the completion of its workflow task does not pass through its queue. Where
 * a rate limits the queue it has to, or the limit would not hold.
 */
import type { Matching } from '../matching/matching.js';
import type { Command, RespondWorkflowTaskCompletedRequest } from '../protocol/index.js';

/** The request, without the wish for eager activities whose queue is limited. */
export function heedRates(request: RespondWorkflowTaskCompletedRequest, namespaceId: string, matching: Pick<Matching, 'isLimited'>): RespondWorkflowTaskCompletedRequest {
  let commands: Command[] | undefined;
  for (const [index, command] of request.commands.entries()) {
    const activity = command.scheduleActivityTaskCommandAttributes;
    if (activity?.requestEagerExecution !== true || activity.taskQueue === undefined) continue;
    if (!matching.isLimited({ namespace: namespaceId, name: activity.taskQueue.name, type: 'activity' })) continue;
    (commands ??= [...request.commands])[index] = { ...command, scheduleActivityTaskCommandAttributes: { ...activity, requestEagerExecution: false } };
  }
  return commands === undefined ? request : { ...request, commands };
}
