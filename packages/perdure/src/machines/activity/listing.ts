/**
 * What list queries see of an activity without a workflow: the same attributes as of a run, as far as it has them, and its type.
 *
 * How far it has come (transitions, attempts) is listed once it is closed: to list it while it runs would be to write the row at every step.
 */
import { ActivityExecutionListInfo, ActivityExecutionStatus, WorkflowExecutionStatus } from '../../protocol/index.js';
import type { ListedValue, Listing } from '../listing.js';
import { listingOf, PROBLEM_ATTRIBUTE } from '../listing.js';
import { addSearchAttributes } from '../workflow/listing.js';
import { failureProblem } from '../workflow/runs/close-problem.js';
import type { StandaloneState } from './state.js';

/** What lists call the type of an activity. */
export const TYPE_ATTRIBUTE = 'ActivityType';

interface Kept {
  readonly facts: readonly unknown[];
  readonly listing: Listing;
}

const keptOf = new WeakMap<StandaloneState, Kept>();

export function listing(state: StandaloneState): Listing | undefined {
  const { data, activity, status } = state;
  if (data.forgotten) return undefined;
  const facts = [status, activity.taskQueue, data.startDelayMs];
  const kept = keptOf.get(state);
  if (kept !== undefined && facts.every((fact, index) => fact === kept.facts[index])) return kept.listing;
  const made = make(state);
  keptOf.set(state, { facts, listing: made });
  return made;
}

function make(state: StandaloneState): Listing {
  const { scheduled, activity, data, status } = state;
  const { closed } = data;
  const executionDuration = closed && closed.closedMs - data.scheduledMs;
  const shown = ActivityExecutionListInfo.encode({
    activityId: scheduled.activityId,
    runId: scheduled.runId,
    activityType: { name: scheduled.activityType },
    scheduleTime: data.scheduledMs,
    executionTime: state.firstAttemptMs,
    closeTime: closed?.closedMs,
    executionDuration,
    status,
    searchAttributes: scheduled.searchAttributes,
    taskQueue: activity.taskQueue,
    ...(closed && { stateTransitionCount: data.transitions, stateSizeBytes: state.sizeBytes }),
  });
  const attributes = new Map<string, ListedValue>();
  addSearchAttributes(attributes, scheduled.searchAttributes);
  attributes
    .set(TYPE_ATTRIBUTE, scheduled.activityType)
    .set('ExecutionStatus', LISTED_STATUS[status])
    .set('TaskQueue', activity.taskQueue)
    .set('StartTime', data.scheduledMs)
    .set('ExecutionTime', state.firstAttemptMs);
  if (closed !== undefined) {
    attributes.set('CloseTime', closed.closedMs).set('ExecutionDuration', executionDuration ?? 0).set('StateTransitionCount', data.transitions);
    const problem = failureProblem(closed.failure);
    if (problem !== '') attributes.set(PROBLEM_ATTRIBUTE, { text: problem });
  }
  return listingOf({ shown, attributes });
}

/** Queries know one set of status names for everything that is listed; the numbers behind them are those of runs. */
const LISTED_STATUS: Readonly<Record<ActivityExecutionStatus, WorkflowExecutionStatus>> = {
  [ActivityExecutionStatus.UNSPECIFIED]: WorkflowExecutionStatus.UNSPECIFIED,
  [ActivityExecutionStatus.RUNNING]: WorkflowExecutionStatus.RUNNING,
  [ActivityExecutionStatus.COMPLETED]: WorkflowExecutionStatus.COMPLETED,
  [ActivityExecutionStatus.FAILED]: WorkflowExecutionStatus.FAILED,
  [ActivityExecutionStatus.CANCELED]: WorkflowExecutionStatus.CANCELED,
  [ActivityExecutionStatus.TERMINATED]: WorkflowExecutionStatus.TERMINATED,
  [ActivityExecutionStatus.TIMED_OUT]: WorkflowExecutionStatus.TIMED_OUT,
  [ActivityExecutionStatus.PAUSED]: WorkflowExecutionStatus.PAUSED,
};
