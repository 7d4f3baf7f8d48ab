/** How an input of a schedule is decided: what time has brought comes first, then the input, then backfills. */
import type { RpcError } from '../../protocol/index.js';
import type { HostInput, MachineKey, Moment } from '../machine.js';
import { runClosed, takeAnswers } from './actions.js';
import { advance, backfill } from './advance.js';
import { ScheduleDraft } from './draft.js';
import type { ScheduleOutcome } from './draft.js';
import type { ContinueScheduleInput, ScheduleInput } from './inputs.js';
import { create, createAgain, notFound, patch, update } from './requests.js';
import { SCHEDULE_BOUNDS, ScheduleMachineState } from './state.js';

export function transition(
  state: ScheduleMachineState | undefined,
  input: ScheduleInput | HostInput,
  at: Moment,
  self: MachineKey & { readonly machine: string },
): ScheduleOutcome {
  const draft = new ScheduleDraft(state ?? new ScheduleMachineState(), at);
  if (input.type === 'continue') {
    draft.emit({ continued: input.snapshot });
    return draft.finish();
  }
  if (state === undefined) {
    if (input.type !== 'create') return { state, reply: notFound(), touched: [] };
    create(draft, input, self);
    return settle(draft);
  }
  if (!state.isOpen) return { state, reply: notFound(), touched: [] };
  advance(draft);
  const refusal = decide(draft, input);
  return settle(draft, refusal);
}

function decide(draft: ScheduleDraft, input: Exclude<ScheduleInput, ContinueScheduleInput> | HostInput): RpcError | undefined {
  switch (input.type) {
    case 'create':
      return createAgain(draft.state, input);
    case 'update':
      return update(draft, input);
    case 'patch':
      return patch(draft, input);
    case 'delete':
      draft.emit({ deleted: {} });
      return undefined;
    case 'run-closed':
      runClosed(draft, input);
      return undefined;
    case 'delivered':
      takeAnswers(draft, input.answers);
      return undefined;
    case 'wake':
      if ((draft.state.forgottenAtMs ?? Number.POSITIVE_INFINITY) <= draft.now) draft.emit({ deleted: {} });
      return undefined;
    case 'dispatch':
    case 'sticky-unavailable':
      // A schedule owes no tasks.
      return notFound();
    default:
      return input satisfies never;
  }
}

function settle(draft: ScheduleDraft, refusal?: RpcError): ScheduleOutcome {
  const { state } = draft;
  if (state.isOpen) backfill(draft);
  if (state.isOpen && !draft.isEmpty && state.data.records >= SCHEDULE_BOUNDS.records) handOn(draft);
  return draft.finish(refusal);
}

/**
 * The schedule goes on as another machine under the same id: the journal of this one is forgotten with it. At a moment of rest, so that
 * no message is sent twice without need.
 */
function handOn(draft: ScheduleDraft): void {
  const { data } = draft.state;
  const owesMessages = data.starting.length > 0 || data.running.some((action) => action.endWanted && !action.told);
  if (owesMessages && data.records < 4 * SCHEDULE_BOUNDS.records) return;
  const snapshot = { ...data, records: 0 };
  draft.emit({ handedOn: {} });
  const input: ContinueScheduleInput = { type: 'continue', snapshot };
  draft.successor = { machine: draft.moment.newId(), input, answers: false };
}
