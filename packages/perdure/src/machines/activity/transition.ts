/** One input, decided: finds the concept that answers. */
import type { RpcError } from '../../protocol/index.js';
import type { HostInput, MachineKey, Moment } from '../machine.js';
import type { WorkflowLimits } from '../workflow/limits.js';
import { notOwed } from '../workflow/refusals.js';
import { cancelActivity, completeActivity, dispatchAttempt, failActivity, heartbeatActivity, wakeActivity } from './attempts.js';
import { Draft, type ActivityOutcome } from './draft.js';
import { deleteActivity, requestCancel, terminate } from './ending.js';
import type { ActivityInput, ActivityReply, CreateActivityInput } from './inputs.js';
import { pause, reset, unpause, updateOptions } from './operations.js';
import { noSuchExecution } from './refusals.js';
import { create, newRun, startAgain, startProblem } from './start.js';
import { StandaloneState } from './state.js';

type Self = MachineKey & { readonly machine: string };
const DONE: ActivityReply = { kind: 'done' };

export function transition(state: StandaloneState | undefined, input: ActivityInput | HostInput, at: Moment, self: Self, limits: WorkflowLimits): ActivityOutcome {
  if (input.type === 'create') {
    const draft = new Draft(new StandaloneState(), at, limits);
    return draft.finish(create(draft, input, self));
  }
  if (input.type === 'start') {
    const problem = startProblem(input, limits);
    if (problem !== undefined) return { state, reply: problem, touched: [] };
    if (state === undefined) return { state, reply: DONE, touched: [], successor: newRun(input, at) };
  }
  if (state === undefined) return { state, reply: noSuchExecution(self.key), touched: [] };
  const draft = new Draft(state, at, limits);
  return draft.finish(decide(draft, input));
}

function decide(draft: Draft, input: Exclude<ActivityInput, CreateActivityInput> | HostInput): ActivityReply | RpcError {
  switch (input.type) {
    case 'dispatch':
      return dispatchAttempt(draft, input.poller);
    case 'complete-activity':
      return completeActivity(draft, input);
    case 'heartbeat-activity':
      return heartbeatActivity(draft, input);
    case 'wake':
      wakeActivity(draft);
      return DONE;
    case 'start':
      return startAgain(draft, input);
    case 'fail-activity':
      return failActivity(draft, input);
    case 'cancel-activity':
      return cancelActivity(draft, input);
    case 'request-cancel':
      return requestCancel(draft, input);
    case 'terminate':
      return terminate(draft, input);
    case 'pause':
      return pause(draft, input);
    case 'unpause':
      return unpause(draft, input);
    case 'reset':
      return reset(draft, input);
    case 'update-options':
      return updateOptions(draft, input);
    case 'delete':
      return deleteActivity(draft);
    case 'sticky-unavailable':
    case 'delivered':
      // It owes nothing of the kind.
      return notOwed();
    default:
      return input satisfies never;
  }
}
