/**
 * What a worker says about updates when it completes a workflow task: acceptances, rejections, responses.
 *
 * They come as messages. A PROTOCOL_MESSAGE command says where among the commands the events of a message stand; messages without such a
 * command come behind the commands, but before one that closes the run. Like commands they are planned as a whole: a message that does not
 * fit to its update fails the workflow task, and nothing of the completion happens.
 */
import { Acceptance, Callback, DecodeError, EventType, Failure, Rejection, UpdateRequest, UpdateResponse, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { Command, Message, Outcome, UpdateState } from '../../../protocol/index.js';
import type { CommandFault, CommandPlan } from '../tasks/command-plan.js';
import type { Draft } from '../draft.js';
import type { UpdateNotice } from './update-inputs.js';
import { writeUpdateRequest } from './update-callbacks.js';
import { admitUpdate, rejectUpdate } from './updates.js';
import { must } from '../state.js';
import type { WorkflowState } from '../state.js';

type Planned = 'Admitted' | 'Sent' | 'Accepted' | 'ProvisionallyAccepted' | 'Completed';

/** The messages of one completion, and what they come to so far. */
export class UpdateMessages {
  /** Something is accepted or completed: the history must show it. */
  changesHistory = false;
  readonly planned = new Map<string, Planned>();
  readonly #waiting: Map<string, Message>;

  constructor(messages: readonly Message[]) {
    this.#waiting = new Map(messages.map((message) => [message.id, message]));
  }

  take(id: string): Message | undefined {
    const message = this.#waiting.get(id);
    this.#waiting.delete(id);
    return message;
  }

  takeRest(): Message[] {
    const rest = [...this.#waiting.values()];
    this.#waiting.clear();
    return rest;
  }
}

/** Most completions have none. Nothing is ever planned on it. */
export const NO_MESSAGES = new UpdateMessages([]);

const PROTOCOL = 'temporal.api.update.v1.';

export function planProtocolMessage(plan: CommandPlan, command: Command): CommandFault | undefined {
  const messageId = command.protocolMessageCommandAttributes?.messageId ?? '';
  const message = plan.messages.take(messageId);
  if (message === undefined) return bad(`ProtocolMessageCommand referenced absent message ID ${messageId}`);
  return planMessage(plan, message);
}

/** The messages that no command has named. */
export function planOtherMessages(plan: CommandPlan): CommandFault | undefined {
  for (const message of plan.messages.takeRest()) {
    const fault = planMessage(plan, message);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function planMessage(plan: CommandPlan, { id, protocolInstanceId: updateId, body }: Message): CommandFault | undefined {
  const typeName = body?.typeUrl.slice(body.typeUrl.lastIndexOf('/') + 1) ?? '';
  const value = body?.value ?? new Uint8Array(0);
  if (!typeName.startsWith(PROTOCOL)) return bad(`unsupported protocol type ${typeName.slice(0, Math.max(0, typeName.lastIndexOf('.')))}`);
  if (updateId === '') return bad(`message ${id} does not say which update it is about`);
  try {
    switch (typeName) {
      case Acceptance.typeName:
        return planAcceptance(plan, updateId, Acceptance.decode(value));
      case Rejection.typeName:
        return planRejection(plan, updateId, Rejection.decode(value));
      case UpdateResponse.typeName:
        return planResponse(plan, updateId, UpdateResponse.decode(value));
      default:
        return bad(`unsupported message type ${typeName}`);
    }
  } catch (error) {
    if (error instanceof DecodeError) return bad(`the body of message ${id} cannot be read`);
    throw error;
  }
}

function planAcceptance(plan: CommandPlan, updateId: string, body: Acceptance): CommandFault | undefined {
  const before = standing(plan, updateId);
  // A worker may know more than the server: it brings the request along.
  if (before === undefined && body.acceptedRequest === undefined) return unknown(updateId);
  if (before !== undefined && before !== 'Sent') return misplaced(updateId, 'Acceptance', before);
  plan.messages.planned.set(updateId, 'ProvisionallyAccepted');
  plan.messages.changesHistory = true;
  plan.steps.push(({ draft }) => accept(draft, updateId, body));
  return undefined;
}

function accept(draft: Draft, updateId: string, body: Acceptance): void {
  if (!draft.state.updates.has(updateId)) admitUpdate(draft, updateId, UpdateRequest.encode(must(body.acceptedRequest, 'request')));
  const pending = pendingOf(draft, updateId);
  const acceptedRequest = pending.admittedEventId > 0 ? undefined : UpdateRequest.decode(pending.request);
  const { laterRequests } = pending;
  const attributes = {
    protocolInstanceId: updateId,
    acceptedRequestMessageId: body.acceptedRequestMessageId,
    acceptedRequestSequencingEventId: body.acceptedRequestSequencingEventId,
    acceptedRequest,
  };
  // The links of the request stand in it; those of its callbacks point from the event to who is called.
  const links = acceptedRequest?.completionCallbacks.flatMap((callback) => Callback.decode(callback).links);
  const eventId = draft.emit(EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED, { workflowExecutionUpdateAcceptedEventAttributes: attributes }, { links });
  for (const later of laterRequests) writeUpdateRequest(draft, later);
  const { admission } = pending;
  draft.notify(updateId, { kind: 'update', updateId, admission, result: { type: 'accepted', eventId } } satisfies UpdateNotice);
}

function planRejection(plan: CommandPlan, updateId: string, body: Rejection): CommandFault | undefined {
  const before = standing(plan, updateId);
  if (before === undefined && body.rejectedRequest === undefined) return unknown(updateId);
  if (before !== undefined && before !== 'Sent') return misplaced(updateId, 'Rejection', before);
  const fault = tooLarge(plan, body.failure);
  if (fault !== undefined) return fault;
  plan.messages.planned.set(updateId, 'Completed');
  plan.silentSteps++;
  plan.steps.push(({ draft }) => {
    const pending = draft.state.updates.get(updateId);
    if (pending !== undefined) rejectUpdate(draft, pending, body.failure ?? Failure.encode({}));
  });
  return undefined;
}

function planResponse(plan: CommandPlan, updateId: string, body: UpdateResponse): CommandFault | undefined {
  const before = standing(plan, updateId);
  if (before === undefined) return unknown(updateId);
  if (before !== 'Accepted' && before !== 'ProvisionallyAccepted') return misplaced(updateId, 'Response', before);
  const { outcome } = body;
  if (outcome === undefined || (outcome.success === undefined && outcome.failure === undefined)) return bad('invalid *update.Response: outcome is not set');
  const fault = tooLarge(plan, outcome.success ?? outcome.failure);
  if (fault !== undefined) return fault;
  plan.messages.planned.set(updateId, 'Completed');
  plan.messages.changesHistory = true;
  plan.steps.push(({ draft }) => complete(draft, updateId, body.meta?.identity ?? '', outcome));
  return undefined;
}

function complete(draft: Draft, updateId: string, identity: string, outcome: Outcome): void {
  const { admission, acceptedEventId } = pendingOf(draft, updateId);
  const eventId = draft.emit(EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED, {
    workflowExecutionUpdateCompletedEventAttributes: { meta: { updateId, identity }, outcome, acceptedEventId },
  });
  draft.notify(updateId, { kind: 'update', updateId, admission, result: { type: 'completed', outcome: kept(outcome), eventId } } satisfies UpdateNotice);
}

/** A copy: the notice is told after the commit, when the buffer that the request came in may be used again. */
function kept({ success, failure }: Outcome): Outcome {
  return { success: success && new Uint8Array(success), failure: failure && new Uint8Array(failure) };
}

/** Where the update stands after the messages that are planned already. */
function standing({ state, messages }: CommandPlan, updateId: string): Planned | undefined {
  return messages.planned.get(updateId) ?? stored(state, updateId);
}

function stored(state: WorkflowState, updateId: string): Planned | undefined {
  if (state.completedUpdates.has(updateId)) return 'Completed';
  const pending = state.updates.get(updateId);
  if (pending === undefined) return undefined;
  if (pending.acceptedEventId > 0) return 'Accepted';
  return pending.sentStamp > 0 ? 'Sent' : 'Admitted';
}

function pendingOf({ state }: Draft, updateId: string): UpdateState {
  return must(state.updates.get(updateId), 'update');
}

/** Like a result of the workflow: it cannot be written, and the workflow would answer the same again. */
function tooLarge({ limits }: CommandPlan, bytes: Uint8Array | undefined): CommandFault | undefined {
  if (bytes === undefined || bytes.byteLength <= limits.blobSizeBytes) return undefined;
  return { ...bad(`the outcome of an update takes ${bytes.byteLength} bytes: the limit is ${limits.blobSizeBytes}`), terminates: true };
}

function misplaced(updateId: string, message: string, before: Planned): CommandFault {
  return bad(`invalid state transition attempted for Update ${updateId}: received *update.${message} message while in state ${before}`);
}

function unknown(updateId: string): CommandFault {
  return bad(`update ${updateId} wasn't found on the server. This is most likely a transient error which will be resolved automatically by retries`);
}

function bad(message: string): CommandFault {
  return { cause: WorkflowTaskFailedCause.BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE, message };
}
