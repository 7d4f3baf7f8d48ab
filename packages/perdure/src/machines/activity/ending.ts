/** How an activity without a workflow ends: a cancellation that is asked for, a termination, a deletion; and the one way in which all ends are written. */
import { ActivityExecutionStatus, Failure } from '../../protocol/index.js';
import type { Encoded, Init, Payloads, RpcError, StandaloneClosed } from '../../protocol/index.js';
import type { DoneReply } from '../workflow/inputs.js';
import { jsonPayloads } from '../workflow/payloads.js';
import type { Draft } from './draft.js';
import type { CancelRequestInput, TerminateActivityInput } from './inputs.js';
import { notNow } from './refusals.js';
import { stateName } from './state-name.js';

const DONE: DoneReply = { kind: 'done' };

/** An attempt that a worker holds learns of it with its next heartbeat; without one the activity is cancelled at once. */
export function requestCancel(draft: Draft, { identity, reason, requestId }: CancelRequestInput): DoneReply | RpcError {
  const { state, now } = draft;
  const earlier = state.data.cancelRequested;
  if (earlier !== undefined && requestId !== '' && earlier.requestId === requestId) return DONE;
  if (!state.isOpen) return notNow(`activity is in terminal state ${stateName(state)}`);
  if (earlier !== undefined) return notNow(`cancellation already requested with request ID ${earlier.requestId}`);
  draft.emit({ cancelRequested: { identity, requestId, reason, requestedMs: now } });
  return state.activity.started ? DONE : cancelled(draft, jsonPayloads(reason));
}

/** The worker has stopped, or none had begun. */
export function cancelled(draft: Draft, details: Encoded<Payloads> | undefined): DoneReply {
  const identity = draft.state.data.cancelRequested?.identity ?? '';
  const failure = Failure.encode({ message: 'Activity canceled', canceledFailureInfo: { details, identity } });
  return close(draft, { status: ActivityExecutionStatus.CANCELED, failure });
}

export function terminate(draft: Draft, { identity, reason, requestId }: TerminateActivityInput): DoneReply | RpcError {
  const { state } = draft;
  if (state.isOpen) return close(draft, { status: ActivityExecutionStatus.TERMINATED, failure: terminated(reason, identity), requestId });
  const { closed } = state.data;
  if (closed?.status !== ActivityExecutionStatus.TERMINATED) return notNow(`the activity has ended already: it is ${stateName(state)}`);
  return closed.requestId === requestId ? DONE : notNow(`already terminated with request ID ${closed.requestId}`);
}

export function deleteActivity(draft: Draft): DoneReply {
  if (draft.state.isOpen) close(draft, { status: ActivityExecutionStatus.TERMINATED, failure: terminated('Delete activity execution', '') });
  draft.emit({ forgotten: {} });
  return DONE;
}

function terminated(reason: string, identity: string): Encoded<Failure> {
  return Failure.encode({ message: reason, terminatedFailureInfo: { identity } });
}

/** Writes the end. Time never runs backwards in what is shown, whatever the clock does. */
export function close(draft: Draft, closed: Omit<Init<StandaloneClosed>, 'closedMs'>): DoneReply {
  draft.emit({ closed: { ...closed, closedMs: Math.max(draft.now, draft.state.data.scheduledMs) } });
  return DONE;
}
