/** What tests of Nexus operations need beside `test-run.ts`: commands, the requests that are owed, and both ways in which handlers answer. */
import assert from 'node:assert/strict';
import { Code, CommandType, Payload, RpcError, type Command, type Encoded, type Failure, type Init, type RespondWorkflowTaskCompletedRequest } from '../../../protocol/index.js';
import type { CompleteNexusOperationInput, NexusMessage, NexusReply, OperationOutcome } from '../nexus/nexus-inputs.js';
import type { CompleteWorkflowTaskInput, WorkflowTaskReply } from '../inputs.js';
import { failure, type TestRun, type TestWorkflow } from './test-run.js';

const ENDPOINT = 'payments';
const ENDPOINTS: ReadonlyMap<string, string> = new Map([[ENDPOINT, 'endpoint-id']]);

export const payload = (text: string): Payload => Payload.create({ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(text)) });

export const scheduleOperation = (attributes: Init<Command>['scheduleNexusOperationCommandAttributes'] = {}): Init<Command> => ({
  commandType: CommandType.SCHEDULE_NEXUS_OPERATION,
  scheduleNexusOperationCommandAttributes: { endpoint: ENDPOINT, service: 'cards', operation: 'charge', input: payload('in'), ...attributes },
});

export const cancelOperation = (scheduledEventId: number): Init<Command> => ({
  commandType: CommandType.REQUEST_CANCEL_NEXUS_OPERATION,
  requestCancelNexusOperationCommandAttributes: { scheduledEventId },
});

/** A completion of a workflow task on a server that has the endpoint. */
export function completionWithEndpoints(workflow: TestWorkflow, task: WorkflowTaskReply, commands: readonly Init<Command>[], request: Init<RespondWorkflowTaskCompletedRequest> = {}): CompleteWorkflowTaskInput {
  const input = workflow.completionInput(task, commands, request);
  return { ...(input as CompleteWorkflowTaskInput), nexusEndpoints: ENDPOINTS };
}

/** Polls for the workflow task and completes it. */
export function stepWith(workflow: TestWorkflow, ...commands: readonly Init<Command>[]): void {
  workflow.expect('workflow-task-completed', completionWithEndpoints(workflow, workflow.pollWorkflowTask(), commands));
}

export const startKey = (scheduledEventId: number): string => `message:nexus:${scheduledEventId}`;
export const cancelKey = (scheduledEventId: number): string => `message:nexus-cancel:${scheduledEventId}`;

/** The request that the run owes the handler. */
export function owedRequest<Type extends NexusMessage['type']>(run: TestRun, type: Type, scheduledEventId: number): Extract<NexusMessage, { type: Type }> {
  const message = run.owed.get(type === 'start-operation' ? startKey(scheduledEventId) : cancelKey(scheduledEventId))?.message;
  assert.ok(message, 'the request is owed');
  const input = message.input as NexusMessage;
  assert.equal(input.type, type);
  return input as Extract<NexusMessage, { type: Type }>;
}

export const reply = {
  started: (operationToken = 'token'): NexusReply => ({ kind: 'operation-started', operationToken, links: [] }),
  ended: (outcome: OperationOutcome): NexusReply => ({ kind: 'operation-ended', outcome, links: [] }),
  failed: (retryable: boolean, reason: Encoded<Failure> = failure('handler')): NexusReply => ({ kind: 'handler-failed', failure: reason, retryable }),
  cancelTaken: { kind: 'cancel-taken' } as NexusReply,
} as const;

export const succeeded = (text: string): OperationOutcome => ({ kind: 'succeeded', result: payload(text) });

export const OUTCOMES: readonly OperationOutcome[] = [succeeded('late'), { kind: 'failed', failure: failure('late') }, { kind: 'canceled', failure: failure('late') }];

/** Whatever a handler may say, also what does not fit the request. */
export const HANDLER_REPLIES: readonly unknown[] = [
  reply.started(),
  reply.cancelTaken,
  reply.failed(true),
  reply.ended(succeeded('at once')),
  reply.failed(false),
  new RpcError(Code.NOT_FOUND, 'no'),
  reply.started('other'),
];

/** How an operation that has been asked for ended. */
export function completionOfOperation(run: TestRun, scheduledEventId: number, outcome: OperationOutcome = succeeded('late'), from: Partial<CompleteNexusOperationInput> = {}): CompleteNexusOperationInput {
  const requestId = run.live.nexusOperations.get(scheduledEventId)?.requestId ?? 'gone';
  return { type: 'complete-nexus-operation', scheduledEventId, requestId, operationToken: 'token', links: [], outcome, ...from };
}
