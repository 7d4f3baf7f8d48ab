/**
 * One input, decided. Finds the concept that answers, and holds what is common to all inputs: no run, the limits on a run's size.
 */
import type { RpcError} from '../../protocol/index.js';
import { WorkflowTaskFailedCause } from '../../protocol/index.js';
import type { HostInput, MachineKey, Moment, Outcome } from '../machine.js';
import { cancelActivity, completeActivity, dispatchActivity, failActivity, heartbeatActivity, wakeActivity } from './activity-attempts.js';
import { requestCancel } from './cancel.js';
import { timeOutRun } from './close.js';
import { completeWorkflowTask, failWorkflowTask } from './complete-workflow-task.js';
import { FIRST_TASK_BACKOFF, RUN_TIMEOUT, WORKFLOW_TASK, activityOf, timerOf } from './debts.js';
import { Draft } from './draft.js';
import type { DoneReply, WorkflowInput, WorkflowReply } from './inputs.js';
import type { WorkflowLimits } from './limits.js';
import { noSuchRun, notOwed } from './refusals.js';
import { signal } from './signals.js';
import { create, newRun, startAgain, startProblem } from './start.js';
import { SERVER_IDENTITY, WorkflowState } from './state.js';
import { clearSticky, leaveStickyQueue } from './sticky.js';
import { terminate, terminateRun } from './terminate.js';
import { fireTimer } from './timers.js';
import { dispatchWorkflowTask, endFirstTaskBackoff, failStartedTask, scheduleWorkflowTask, timeOutWorkflowTask } from './workflow-task.js';

type Self = MachineKey & { readonly machine: string };
const DONE: DoneReply = { kind: 'done' };

export function transition(
  state: WorkflowState | undefined,
  input: WorkflowInput | HostInput,
  at: Moment,
  self: Self,
  limits: WorkflowLimits,
): Outcome<WorkflowState | undefined, WorkflowReply> {
  if (input.type === 'create') {
    const draft = new Draft(new WorkflowState(), at, limits);
    return draft.finish(create(draft, input, self));
  }
  if (input.type === 'start') {
    const problem = startProblem(input);
    if (problem !== undefined) return { state, reply: problem, touched: [] };
    if (state === undefined) return { state, reply: DONE, touched: [], successor: newRun(input, at, limits) };
  }
  if (state === undefined) return { state, reply: noSuchRun(self.key, self.machine), touched: [] };
  const draft = new Draft(state, at, limits);
  const reply = decide(draft, input);
  keepWithinLimits(draft);
  return draft.finish(reply);
}

function decide(draft: Draft, input: Exclude<WorkflowInput, { type: 'create' }> | HostInput): WorkflowReply | RpcError {
  switch (input.type) {
    case 'complete-workflow-task':
      return completeWorkflowTask(draft, input);
    case 'complete-activity':
      return completeActivity(draft, input);
    case 'dispatch': {
      if (input.key === WORKFLOW_TASK) return dispatchWorkflowTask(draft, input.poller);
      const activity = activityOf(draft.state, input.key);
      return activity === undefined ? notOwed() : dispatchActivity(draft, activity, input.poller);
    }
    case 'wake':
      wake(draft);
      return DONE;
    case 'signal':
      return signal(draft, input);
    case 'heartbeat-activity':
      return heartbeatActivity(draft, input);
    case 'fail-activity':
      return failActivity(draft, input);
    case 'cancel-activity':
      return cancelActivity(draft, input);
    case 'fail-workflow-task':
      return failWorkflowTask(draft, input);
    case 'request-cancel':
      return requestCancel(draft, input);
    case 'terminate':
      return terminate(draft, input);
    case 'start':
      return startAgain(draft, input);
    case 'sticky-unavailable':
      leaveStickyQueue(draft);
      return DONE;
    case 'reset-sticky':
      clearSticky(draft);
      return DONE;
    case 'delivered':
      // Nothing that a run owes is a message yet.
      return DONE;
  }
}

/** Everything that is due, in the order in which it became due. */
function wake(draft: Draft): void {
  const { deadlines } = draft.state;
  for (let key = deadlines.popDue(draft.now); key !== undefined; key = deadlines.popDue(draft.now)) {
    // Whatever comes of it, the deadline of this key is set again from the state when the transition ends.
    draft.touch(key);
    if (!draft.state.isOpen) continue;
    if (key === WORKFLOW_TASK) timeOutWorkflowTask(draft);
    else if (key === FIRST_TASK_BACKOFF) endFirstTaskBackoff(draft);
    else if (key === RUN_TIMEOUT) timeOutRun(draft);
    else {
      const timer = timerOf(draft.state, key);
      if (timer !== undefined) fireTimer(draft, timer);
      const activity = activityOf(draft.state, key);
      if (activity !== undefined) wakeActivity(draft, activity);
    }
  }
}

/** A run that outgrows its limits: the buffer is written out under a failed workflow task; a history that is too long ends the run. */
function keepWithinLimits(draft: Draft): void {
  const { state, limits } = draft;
  if (!state.isOpen) return;
  if (state.buffer.length > limits.bufferedEvents || state.run.bufferSizeBytes > limits.bufferedSizeBytes) {
    failStartedTask(draft, { cause: WorkflowTaskFailedCause.FORCE_CLOSE_COMMAND, identity: SERVER_IDENTITY });
    scheduleWorkflowTask(draft);
  }
  if (state.run.lastEventId > limits.historyEvents || state.run.historySizeBytes > limits.historySizeBytes) {
    terminateRun(draft, {
      reason: `the history holds ${state.run.lastEventId} events and ${state.run.historySizeBytes} bytes: the limits are ${limits.historyEvents} and ${limits.historySizeBytes}; use continue-as-new before`,
      identity: SERVER_IDENTITY,
    });
  }
}
