/**
 * One input, decided. Finds the concept that answers, and holds what is common to all inputs: no run, the limits on a run's size.
 */
import type { RpcError} from '../../protocol/index.js';
import { WorkflowTaskFailedCause } from '../../protocol/index.js';
import type { HostInput, MachineKey, Moment, Outcome } from '../machine.js';
import { pauseActivity, resetActivity, unpauseActivity } from './activities/activity-operations.js';
import { updateActivityOptions } from './activities/activity-options.js';
import { cancelActivity, completeActivity, dispatchActivity, failActivity, heartbeatActivity, wakeActivity } from './activities/activity-attempts.js';
import { takeAnswers, wakeMessage } from './messages/answers.js';
import { requestCancel } from './cancel.js';
import { childClosed } from './messages/child-close.js';
import { timeOutRun } from './runs/close.js';
import { completeWorkflowTask, failWorkflowTask } from './tasks/complete-workflow-task.js';
import { deleteRun } from './reset/deletion.js';
import { FIRST_TASK_BACKOFF, RUN_TIMEOUT, WORKFLOW_TASK, activityOf, timerOf } from './debts.js';
import { Draft } from './draft.js';
import type { DoneReply, WorkflowInput, WorkflowReply } from './inputs.js';
import type { WorkflowLimits } from './limits.js';
import { isMessageKey } from './messages/messages.js';
import { completeOperation } from './nexus/nexus-answers.js';
import { updateOptions } from './runs/options.js';
import { pause, unpause } from './runs/pause.js';
import { noSuchRun, notOwed } from './refusals.js';
import { continueFork, noteReset, reset } from './reset/reset.js';
import { signal } from './signals.js';
import { sizeBytes } from './snapshot.js';
import { create, newRun, startAgain, startProblem } from './runs/start.js';
import { SERVER_IDENTITY, WorkflowState } from './state.js';
import { leaveStickyQueue, resetSticky } from './tasks/sticky.js';
import { terminate, terminateRun } from './runs/terminate.js';
import { fireTimer } from './timers.js';
import { update } from './updates/updates.js';
import { dispatchWorkflowTask, endFirstTaskBackoff, failStartedTask, scheduleWorkflowTask, timeOutWorkflowTask } from './tasks/workflow-task.js';

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
  if (input.type === 'continue-fork') {
    const draft = new Draft(input.fork.state, at, limits);
    return { ...draft.finish(continueFork(draft, input)), inherited: input.fork.records };
  }
  if (input.type === 'start') {
    const problem = startProblem(input);
    if (problem !== undefined) return { state, reply: problem, touched: [] };
    if (state === undefined) return { state, reply: DONE, touched: [], successor: newRun(input, at, limits) };
  }
  if (state === undefined) return { state, reply: noSuchRun(self.key, ''), touched: [] };
  const draft = new Draft(state, at, limits);
  const reply = decide(draft, input);
  keepWithinLimits(draft);
  return draft.finish(reply);
}

function decide(draft: Draft, input: Exclude<WorkflowInput, { type: 'create' | 'continue-fork' }> | HostInput): WorkflowReply | RpcError {
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
    case 'update':
      return update(draft, input);
    case 'signal':
      return signal(draft, input);
    case 'heartbeat-activity':
      return heartbeatActivity(draft, input);
    case 'fail-activity':
      return failActivity(draft, input);
    case 'cancel-activity':
      return cancelActivity(draft, input);
    case 'pause-activity':
      return pauseActivity(draft, input);
    case 'unpause-activity':
      return unpauseActivity(draft, input);
    case 'reset-activity':
      return resetActivity(draft, input);
    case 'update-activity-options':
      return updateActivityOptions(draft, input);
    case 'fail-workflow-task':
      return failWorkflowTask(draft, input);
    case 'pause':
      return pause(draft, input);
    case 'unpause':
      return unpause(draft, input);
    case 'update-options':
      return updateOptions(draft, input);
    case 'request-cancel':
      return requestCancel(draft, input);
    case 'terminate':
      return terminate(draft, input);
    case 'start':
      return startAgain(draft, input);
    case 'reset':
      return reset(draft, input);
    case 'reset-by':
      return noteReset(draft, input);
    case 'delete':
      return deleteRun(draft, input);
    case 'sticky-unavailable':
      leaveStickyQueue(draft);
      return DONE;
    case 'reset-sticky':
      return resetSticky(draft);
    case 'complete-nexus-operation':
      return completeOperation(draft, input);
    case 'child-closed':
      return childClosed(draft, input);
    case 'delivered':
      takeAnswers(draft, input.answers);
      return DONE;
  }
}

/** So much is done in one wake: a hundred thousand timers that fire at once must not make one record, nor stop the server. */
const DEADLINES_PER_WAKE = 200;

/** What is due, in the order in which it became due. What is left over is due still: the host wakes the run again, after others. */
function wake(draft: Draft): void {
  const { deadlines } = draft.state;
  for (let left = DEADLINES_PER_WAKE; left > 0; left--) {
    const key = deadlines.popDue(draft.now);
    if (key === undefined) return;
    // Whatever comes of it, the deadline of this key is set again from the state when the transition ends.
    draft.touch(key);
    if (isMessageKey(key)) {
      wakeMessage(draft, key);
      continue;
    }
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
  } else if (sizeBytes(state) > limits.stateSizeBytes) {
    terminateRun(draft, {
      reason: `what is pending in the workflow takes ${sizeBytes(state)} bytes: the limit is ${limits.stateSizeBytes}; wait for some of it before more is begun`,
      identity: SERVER_IDENTITY,
    });
  }
}
