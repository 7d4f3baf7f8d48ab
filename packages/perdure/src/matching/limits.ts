/** The bounds of matching. Every one is reached on purpose in a test; none may be taken away. */
import { defaultsOf, type LimitTable, type LimitValues } from '../machines/limit-table.js';

export const MATCHING_LIMITS = {
  waitingPolls: { key: 'matching.waitingPolls', default: 20_000, unit: 'count', of: 'polls that wait at the same time', beyond: 'RESOURCE_EXHAUSTED, cause CONCURRENT_LIMIT', perServer: true },
  readyTasks: { key: 'matching.readyTasks', default: 200_000, unit: 'count', of: 'tasks and queries that wait at the same time', beyond: 'a query: RESOURCE_EXHAUSTED; a task waits in the store', perServer: true },
  idleQueues: { key: 'matching.idleQueues', default: 10_000, unit: 'count', of: 'queues on which nothing waits, remembered because somebody polled them', beyond: 'the one used longest ago is forgotten', perServer: true },
  fairnessKeys: { key: 'matching.fairnessKeys', default: 10_000, unit: 'count', of: 'fairness keys of a queue remembered although they have no task ready', beyond: 'the one used longest ago begins anew', perServer: true },
  pollerGoneAfterMs: { key: 'matching.pollerGoneAfter', default: 10_000, unit: 'ms', of: 'the time since the last poll of a queue', beyond: 'the queue has no poller: sticky tasks go to the normal queue at once', perServer: true },
} satisfies LimitTable;

export type MatchingLimits = LimitValues<typeof MATCHING_LIMITS>;

export const DEFAULT_LIMITS: MatchingLimits = defaultsOf(MATCHING_LIMITS);
