/** The names by which refusals speak of what an activity without a workflow does: as clients know them. */
import { ActivityExecutionStatus } from '../../protocol/index.js';
import type { StandaloneState } from './state.js';

const ENDS: ReadonlyMap<ActivityExecutionStatus, string> = new Map([
  [ActivityExecutionStatus.COMPLETED, 'Completed'],
  [ActivityExecutionStatus.FAILED, 'Failed'],
  [ActivityExecutionStatus.CANCELED, 'Canceled'],
  [ActivityExecutionStatus.TERMINATED, 'Terminated'],
  [ActivityExecutionStatus.TIMED_OUT, 'TimedOut'],
]);

export function stateName(state: StandaloneState): string {
  const { activity, data } = state;
  if (!state.isOpen) return ENDS.get(state.status) ?? 'Unspecified';
  if (state.isCancelRequested) return 'CancelRequested';
  if (data.resetRequested !== undefined) return 'ResetRequested';
  if (activity.started) return activity.paused ? 'PauseRequested' : 'Started';
  return activity.paused ? 'Paused' : 'Scheduled';
}
