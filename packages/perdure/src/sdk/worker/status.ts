/** What a worker tells of itself. */

/**
 * - `INITIALIZED`: created, not running yet
 * - `RUNNING`: polls and processes tasks
 * - `STOPPING`: `shutdown()` was called, polls are ending
 * - `DRAINING`: no poll is open, tasks that were taken are still in progress
 * - `DRAINED`: nothing is in progress
 * - `STOPPED`: `run()` has ended
 * - `FAILED`: `run()` has ended with an error
 */
export type State = 'INITIALIZED' | 'RUNNING' | 'STOPPING' | 'DRAINING' | 'DRAINED' | 'STOPPED' | 'FAILED';
export type PollerState = 'POLLING' | 'SHUTDOWN' | 'FAILED';

export interface WorkerStatus {
  readonly runState: State;
  readonly workflowPollerState: PollerState;
  readonly activityPollerState: PollerState;
  readonly nexusPollerState: PollerState;
  readonly hasOutstandingWorkflowPoll: boolean;
  readonly hasOutstandingActivityPoll: boolean;
  readonly hasOutstandingNexusPoll: boolean;
  readonly numInFlightWorkflowActivations: number;
  readonly numInFlightActivities: number;
  readonly numInFlightNonLocalActivities: number;
  readonly numInFlightLocalActivities: number;
  readonly numInFlightNexusOperations: number;
  readonly numCachedWorkflows: number;
}
