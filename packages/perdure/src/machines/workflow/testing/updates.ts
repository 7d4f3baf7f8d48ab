/** Updates by hand, for tests: what a client sends, what a worker answers, and what those who wait were told. */
import assert from 'node:assert/strict';
import {
  Acceptance,
  CommandType,
  Rejection,
  RpcError,
  UpdateRequest,
  UpdateResponse,
  UpdateWorkflowExecutionLifecycleStage,
  UpdateWorkflowExecutionRequest,
  pack,
} from '../../../protocol/index.js';
import type { Command, Init, Message, RespondWorkflowTaskCompletedRequest } from '../../../protocol/index.js';
import type { UpdateInput, UpdateNotice, UpdateReply, WorkflowTaskReply } from '../index.js';
import { failure, payloads } from './test-run.js';
import type { TestRun, TestWorkflow } from './test-run.js';

/** A worker that may drop a task that it was sent events with. */
export const CAN_DISCARD: Init<RespondWorkflowTaskCompletedRequest> = { capabilities: { discardSpeculativeWorkflowTaskWithEvents: true } };

export function updateInput(updateId: string, request: Init<UpdateWorkflowExecutionRequest> = {}): UpdateInput {
  const full = { request: { meta: { updateId, identity: 'client' }, input: { name: 'set', args: payloads(updateId) } }, ...request };
  return { type: 'update', request: UpdateWorkflowExecutionRequest.create(full) };
}

export function update(workflow: TestWorkflow, updateId: string): UpdateReply {
  return workflow.expect('update', updateInput(updateId));
}

/** For example `['a', 'b']`: the updates that a task takes along. */
export function idsOf(task: WorkflowTaskReply | undefined): string[] {
  return (task?.messages ?? []).map(({ protocolInstanceId }) => protocolInstanceId ?? '');
}

export function messageOf(task: WorkflowTaskReply, updateId: string): Init<Message> {
  const message = task.messages.find(({ protocolInstanceId }) => protocolInstanceId === updateId);
  assert.ok(message, `the task takes the update ${updateId} along`);
  return message;
}

export function acceptance(request: Init<Message>): Init<Message> {
  const acceptedRequest = UpdateRequest.decode(request.body?.value ?? new Uint8Array(0));
  const body = pack(Acceptance, { acceptedRequestMessageId: request.id, acceptedRequestSequencingEventId: request.eventId, acceptedRequest });
  return { id: `${request.id}/accept`, protocolInstanceId: request.protocolInstanceId, body };
}

export function rejection(request: Init<Message>): Init<Message> {
  const body = pack(Rejection, { rejectedRequestMessageId: request.id, failure: failure('no') });
  return { id: `${request.id}/reject`, protocolInstanceId: request.protocolInstanceId, body };
}

export function response(updateId: string, result = 'yes'): Init<Message> {
  const body = pack(UpdateResponse, { meta: { updateId, identity: 'client' }, outcome: { success: payloads(result) } });
  return { id: `${updateId}/request/complete`, protocolInstanceId: updateId, body };
}

export function protocolMessage(message: Init<Message>): Init<Command> {
  return { commandType: CommandType.PROTOCOL_MESSAGE, protocolMessageCommandAttributes: { messageId: message.id } };
}

/** What was told about an update, in order: `accepted`, `yes` or `rejected: no` for an outcome, `aborted: …` with the message of the error. */
export function told(run: TestRun, updateId: string): string[] {
  return (run.notices as UpdateNotice[]).filter((notice) => notice.updateId === updateId).map(({ result }) => {
    if (result.type === 'accepted') return 'accepted';
    if (result.type === 'aborted') return `aborted: ${result.error.message}`;
    return result.outcome.failure === undefined ? 'completed' : 'failed';
  });
}

const STAGES = Object.fromEntries(Object.entries(UpdateWorkflowExecutionLifecycleStage).map(([name, value]) => [value, name]));

/** For example `ACCEPTED`, or the message of the refusal. */
export function stage(reply: UpdateReply | RpcError | undefined): string {
  return reply instanceof RpcError ? reply.message : reply === undefined ? 'unknown' : (STAGES[reply.stage] ?? '');
}
