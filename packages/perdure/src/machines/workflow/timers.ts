/**
 * Timers of a workflow: START_TIMER → TimerStarted → TimerFired, or CANCEL_TIMER → TimerCanceled.
 *
 * Debt: one wake-up a timer, to the millisecond. A timer that fires while a workflow task is started waits in the buffer; cancelling it
 * then takes the firing back, because the workflow never saw it.
 */
import { EventType, WorkflowTaskFailedCause } from '../../protocol/index.js';
import type { Command, HistoryEvent, TimerState } from '../../protocol/index.js';
import { arrive, dropBufferedFiring } from './buffer.js';
import { commandExtras, idProblem } from './tasks/command-plan.js';
import type { CommandFault, CommandPlan } from './tasks/command-plan.js';
import { timerKey } from './debts.js';
import type { Draft } from './draft.js';
import { MAXIMUM_DURATION_MS } from './limits.js';
import { after, must } from './state.js';
import type { Applying, WorkflowState } from './state.js';
import { scheduleWorkflowTask } from './tasks/workflow-task.js';

export function planStartTimer(plan: CommandPlan, command: Command): CommandFault | undefined {
  const bad = (message: string): CommandFault => ({ cause: WorkflowTaskFailedCause.BAD_START_TIMER_ATTRIBUTES, message });
  const { timerId = '', startToFireTimeout = 0 } = command.startTimerCommandAttributes ?? {};
  const problem = idProblem('timer id', timerId, plan.limits);
  if (problem !== undefined) return bad(problem);
  if (startToFireTimeout < 0) return bad(`the duration of timer ${timerId} is negative`);
  if (isPending(plan, timerId)) {
    return { cause: WorkflowTaskFailedCause.START_TIMER_DUPLICATE_ID, message: `a timer with the id ${timerId} is already running` };
  }
  if (plan.pendingTimers >= plan.limits.pendingTimers) return bad(`the workflow has ${plan.pendingTimers} timers running: that is the limit`);
  plan.timerIds.set(timerId, true);
  plan.pendingTimers++;
  const duration = Math.min(startToFireTimeout, MAXIMUM_DURATION_MS);
  plan.steps.push(({ draft, completedEventId }) => {
    draft.emit(
      EventType.TIMER_STARTED,
      { timerStartedEventAttributes: { timerId, startToFireTimeout: duration, workflowTaskCompletedEventId: completedEventId } },
      commandExtras(command),
    );
  });
  return undefined;
}

export function planCancelTimer(plan: CommandPlan, command: Command): CommandFault | undefined {
  const bad = (message: string): CommandFault => ({ cause: WorkflowTaskFailedCause.BAD_CANCEL_TIMER_ATTRIBUTES, message });
  const timerId = command.cancelTimerCommandAttributes?.timerId ?? '';
  const problem = idProblem('timer id', timerId, plan.limits);
  if (problem !== undefined) return bad(problem);
  if (!isPending(plan, timerId)) return bad(`no timer with the id ${timerId} is running`);
  plan.timerIds.set(timerId, false);
  plan.pendingTimers--;
  plan.steps.push(({ draft, completedEventId, identity }) => {
    const timer = must(draft.state.timers.get(timerId), 'timer');
    draft.emit(
      EventType.TIMER_CANCELED,
      {
        timerCanceledEventAttributes: {
          timerId,
          startedEventId: timer.startedEventId,
          workflowTaskCompletedEventId: completedEventId,
          identity,
        },
      },
      commandExtras(command),
    );
  });
  return undefined;
}

function isPending(plan: CommandPlan, timerId: string): boolean {
  return plan.timerIds.get(timerId) ?? plan.state.timers.has(timerId);
}

export function fireTimer(draft: Draft, timer: TimerState): void {
  if (timer.closing || timer.firesAtMs > draft.now) return;
  const { timerId, startedEventId } = timer;
  arrive(draft, EventType.TIMER_FIRED, { timerFiredEventAttributes: { timerId, startedEventId } });
  scheduleWorkflowTask(draft);
}

export function applyTimerStarted(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { timerId, startToFireTimeout = 0 } = must(event.timerStartedEventAttributes, 'attributes');
  const firesAtMs = after(applying.now, startToFireTimeout);
  state.timers.set(timerId, { timerId, startedEventId: event.eventId, firesAtMs, closing: false });
  applying.touch(timerKey(timerId));
}

/** Fired or cancelled. */
export function applyTimerClosed(state: WorkflowState, timerId: string, applying: Applying): void {
  if (state.timers.get(timerId)?.closing) dropBufferedFiring(state, timerId);
  state.timers.delete(timerId);
  applying.touch(timerKey(timerId));
}
