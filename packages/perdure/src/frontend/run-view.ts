/** What handlers look at in the state of a run. A copy of a few fields: a state must not be kept beyond the look. */
import { historySuffix, runView, type RunView, type WorkflowState } from '../machines/workflow/index.js';

export interface QueryableRun extends RunView {
  /** Stamp of the workflow task that a worker holds. */
  readonly startedTaskStamp: number | undefined;
  /** When the first workflow task is due, if it is delayed; else 0. Milliseconds since the epoch. */
  readonly firstTaskAtMs: number;
  /** How long a task waits on the sticky queue, in milliseconds; 0 without one, or without a limit. */
  readonly stickyTimeoutMs: number;
}

export function viewRun(state: WorkflowState | undefined): QueryableRun | undefined {
  if (state === undefined) return undefined;
  const { workflowTask: task, sticky, run } = state;
  return {
    ...runView(state),
    startedTaskStamp: task !== undefined && task.startedEventId > 0 ? task.stamp : undefined,
    firstTaskAtMs: run.firstTaskAtMs,
    stickyTimeoutMs: sticky?.scheduleToStartTimeoutMs ?? 0,
  };
}

/** The run together with the events of a transient attempt that a worker may be working on. */
export interface RunWithSuffix extends QueryableRun {
  readonly suffix: Uint8Array | undefined;
}

export function viewRunWithSuffix(state: WorkflowState | undefined): RunWithSuffix | undefined {
  const run = viewRun(state);
  return run && state && { ...run, suffix: historySuffix(state) };
}
