/**
 * What becomes of a firing: it starts its action, waits for the one that runs, or is skipped, as the overlap policy says.
 *
 * The policy is looked up when it is needed, so that an update of the schedule holds for firings that wait. A skipped firing is recorded
 * with its reason. At most one action runs that others wait for; actions under ALLOW_ALL are nobody's business once they have started.
 */
import { ScheduleOverlapPolicy, SkipReason } from '../../protocol/index.js';
import type { Firing } from '../../protocol/index.js';
import { timeText } from './debts.js';
import type { ScheduleDraft } from './draft.js';
import { SCHEDULE_BOUNDS } from './state.js';

/** A firing that has come, or that a client asked for (`manual`: neither a pause nor the number of actions left holds it back). */
export type NewFiring = Omit<Firing, 'id'>;

export function fire(draft: ScheduleDraft, firing: NewFiring): void {
  const { state } = draft;
  const { buffer } = state.data;
  const policy = state.overlapPolicy(firing.overlapPolicy);
  const isFree = !state.isBusy && buffer.length === 0;
  if (policy === ScheduleOverlapPolicy.ALLOW_ALL || isFree) return start(draft, hold(draft, firing), policy !== ScheduleOverlapPolicy.ALLOW_ALL);
  switch (policy) {
    case ScheduleOverlapPolicy.BUFFER_ONE:
      if (buffer.some((waiting) => state.overlapPolicy(waiting.overlapPolicy) === policy)) return skip(draft, firing, SkipReason.OVERLAP);
      break;
    case ScheduleOverlapPolicy.BUFFER_ALL:
      break;
    case ScheduleOverlapPolicy.CANCEL_OTHER:
    case ScheduleOverlapPolicy.TERMINATE_OTHER:
      hold(draft, firing);
      return processBuffer(draft);
    default:
      return skip(draft, firing, SkipReason.OVERLAP);
  }
  if (buffer.length >= SCHEDULE_BOUNDS.buffer) skip(draft, firing, SkipReason.BUFFER_FULL);
  else hold(draft, firing);
}

/** Looks at all that waits: after the running action has ended, and after a change of the schedule. */
export function processBuffer(draft: ScheduleDraft): void {
  const { state } = draft;
  const isBusy = state.isBusy;
  let next: Firing | undefined;
  let hasBufferedOne = false;
  /** The firing for whose sake the running action is ended. */
  let ending: Firing | undefined;
  for (const firing of [...state.data.buffer]) {
    const policy = state.overlapPolicy(firing.overlapPolicy);
    if (policy === ScheduleOverlapPolicy.ALLOW_ALL) start(draft, firing, false);
    else if (!isBusy && next === undefined) next = firing;
    else if (policy === ScheduleOverlapPolicy.BUFFER_ALL || (policy === ScheduleOverlapPolicy.BUFFER_ONE && !hasBufferedOne)) {
      hasBufferedOne ||= policy === ScheduleOverlapPolicy.BUFFER_ONE;
    } else if (policy === ScheduleOverlapPolicy.CANCEL_OTHER || policy === ScheduleOverlapPolicy.TERMINATE_OTHER) {
      const replaced = isBusy ? ending : next;
      if (replaced !== undefined) skip(draft, replaced, SkipReason.REPLACED);
      if (isBusy) ending = firing;
      else next = firing;
    } else skip(draft, firing, SkipReason.OVERLAP);
  }
  if (next !== undefined) start(draft, next, true);
  if (ending !== undefined) endRunning(draft, state.overlapPolicy(ending.overlapPolicy) === ScheduleOverlapPolicy.TERMINATE_OTHER);
}

/** @param count how many in a row, of which this one is the last */
export function skip(draft: ScheduleDraft, firing: NewFiring | Firing, reason: SkipReason, count = 1): void {
  draft.emit({ skipped: { nominalMs: firing.nominalMs, reason, id: 'id' in firing ? firing.id : 0, nowMs: draft.now, count } });
}

/** Why the schedule may not act. */
export function idleReason({ state }: ScheduleDraft): SkipReason {
  return state.state.paused ? SkipReason.PAUSED : SkipReason.NO_ACTIONS_LEFT;
}

function hold(draft: ScheduleDraft, firing: NewFiring): Firing {
  const held = { ...firing, id: draft.state.data.nextFiringId };
  draft.emit({ buffered: { firing: held } });
  return held;
}

function start(draft: ScheduleDraft, firing: Firing, exclusive: boolean): void {
  const { state, moment } = draft;
  if (!firing.manual && !state.mayAct) return skip(draft, firing, idleReason(draft));
  const counted = !firing.manual && state.state.limitedActions;
  draft.emit({ startRequested: { id: firing.id, workflowId: workflowIdOf(draft, firing), requestId: moment.newId(), exclusive, counted } });
}

function workflowIdOf({ state }: ScheduleDraft, { nominalMs }: Firing): string {
  const workflowId = state.schedule.action?.startWorkflow?.workflowId ?? '';
  return state.policies.keepOriginalWorkflowId ? workflowId : `${workflowId}-${timeText(nominalMs)}`;
}

/** A request to end goes out once; a termination may follow a cancellation that did not help. */
function endRunning(draft: ScheduleDraft, terminate: boolean): void {
  for (const { workflowId, runId, endWanted, terminate: terminated } of draft.state.data.running) {
    if (endWanted && (terminated || !terminate)) continue;
    draft.emit({ overlapEnded: { workflowId, runId, terminate, told: false, requestId: draft.moment.newId() } });
  }
}
