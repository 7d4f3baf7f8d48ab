/**
 * Child workflows: START_CHILD_WORKFLOW_EXECUTION → StartChildWorkflowExecutionInitiated → ChildWorkflowExecutionStarted or
 * StartChildWorkflowExecutionFailed → one of the five ends of a child.
 *
 * The Initiated event is a debt (`child-messages.ts`): a `start` is sent to the child's workflow id until it was answered. The child knows whose child it is
 * (its first event says so), so a start that arrives twice finds the same child, also after it has continued as new or closed. How it
 * ended comes as a message of the child (`child-close.ts`). A run that closes before a child has started gives that child up; what
 * becomes of those that run: `parent-close.ts`.
 */
import {
  Code,
  EventType,
  RpcError,
  StartChildWorkflowExecutionFailedCause,
  StartChildWorkflowExecutionInitiatedEventAttributes,
} from '../../../protocol/index.js';
import { childEnd } from '../../../protocol/index.js';
import type { ChildState, HistoryEvent } from '../../../protocol/index.js';
import type { DebtKey } from '../../machine.js';
import { arrive } from '../buffer.js';
import { childOf, isStarting, startChildKey } from './child-messages.js';
import type { Draft } from '../draft.js';
import type { WorkflowReply } from '../inputs.js';
import { keep, must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import { scheduleWorkflowTask } from '../tasks/workflow-task.js';

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The child's workflow id has answered to the start. */
export function takeChildStartAnswer(draft: Draft, key: DebtKey, reply: unknown): void {
  const { state } = draft;
  const child = childOf(state, key);
  if (!state.isOpen || child === undefined || !isStarting(child)) return;
  if (reply instanceof RpcError) writeStartFailed(draft, child, reply);
  else if (isStartReply(reply)) writeChildStarted(draft, child, reply.firstExecutionRunId);
  else return;
  scheduleWorkflowTask(draft);
}

/** @param runId the first run of the child */
export function writeChildStarted(draft: Draft, child: ChildState, runId: string): void {
  const { header } = StartChildWorkflowExecutionInitiatedEventAttributes.decode(child.initiated);
  const { initiatedEventId, namespace, namespaceId, workflowId } = child;
  arrive(draft, EventType.CHILD_WORKFLOW_EXECUTION_STARTED, {
    childWorkflowExecutionStartedEventAttributes: {
      namespace,
      initiatedEventId,
      workflowExecution: { workflowId, runId },
      workflowType: { name: child.workflowType },
      header,
      namespaceId,
    },
  });
}

function writeStartFailed(draft: Draft, child: ChildState, refusal: RpcError): void {
  const { control } = StartChildWorkflowExecutionInitiatedEventAttributes.decode(child.initiated);
  const { initiatedEventId, namespace, namespaceId, workflowId } = child;
  const { NAMESPACE_NOT_FOUND, WORKFLOW_ALREADY_EXISTS } = StartChildWorkflowExecutionFailedCause;
  arrive(draft, EventType.START_CHILD_WORKFLOW_EXECUTION_FAILED, {
    startChildWorkflowExecutionFailedEventAttributes: {
      namespace,
      workflowId,
      workflowType: { name: child.workflowType },
      cause: refusal.code === Code.NOT_FOUND ? NAMESPACE_NOT_FOUND : WORKFLOW_ALREADY_EXISTS,
      control,
      initiatedEventId,
      workflowTaskCompletedEventId: 0,
      namespaceId,
    },
  });
}

function isStartReply(reply: unknown): reply is Extract<WorkflowReply, { kind: 'started' }> {
  return typeof reply === 'object' && reply !== null && 'kind' in reply && reply.kind === 'started';
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function applyChildInitiated(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const attributes = must(event.startChildWorkflowExecutionInitiatedEventAttributes, 'attributes');
  keepChild(state, {
    initiatedEventId: event.eventId,
    namespace: attributes.namespace,
    namespaceId: attributes.namespaceId,
    workflowId: attributes.workflowId,
    workflowType: attributes.workflowType?.name ?? '',
    parentClosePolicy: attributes.parentClosePolicy,
    initiated: StartChildWorkflowExecutionInitiatedEventAttributes.encode(attributes),
    userMetadata: keep(event.userMetadata),
    runId: '',
    startedEventId: 0,
    closing: false,
    inherited: false,
    inheritsVersion: false,
  });
  applying.touch(startChildKey(event.eventId));
}

/** The version of the parent has the child's queue too: the child begins with it. */
export function applyChildVersionInherited(state: WorkflowState, initiatedEventId: number): void {
  must(state.children.get(initiatedEventId), 'child').inheritsVersion = true;
}

/** Takes a child into the state; also when a snapshot is restored. */
export function keepChild(state: WorkflowState, child: ChildState): void {
  state.children.set(child.initiatedEventId, child);
  state.payloadBytes += child.initiated.byteLength;
}

export function applyChildStarted(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const child = noteStarted(state, event, applying);
  if (child !== undefined) child.startedEventId = event.eventId;
}

/** Any of the five ends, and a start that failed. */
export function applyChildClosed(state: WorkflowState, initiatedEventId: number, applying: Applying): void {
  const child = state.children.get(initiatedEventId);
  if (child === undefined) return;
  state.payloadBytes -= child.initiated.byteLength;
  state.children.delete(initiatedEventId);
  applying.touch(startChildKey(initiatedEventId));
}

/** What a buffered event of a child says before it has an id. Returns false for events of other concepts. */
export function applyChildEventBuffered(state: WorkflowState, event: HistoryEvent, applying: Applying): boolean {
  if (event.childWorkflowExecutionStartedEventAttributes !== undefined) {
    noteStarted(state, event, applying);
    return true;
  }
  const ended = childEnd(event)?.initiatedEventId ?? event.startChildWorkflowExecutionFailedEventAttributes?.initiatedEventId;
  if (ended === undefined) return false;
  const child = state.children.get(ended);
  if (child !== undefined) child.closing = true;
  applying.touch(startChildKey(ended));
  return true;
}

function noteStarted(state: WorkflowState, event: HistoryEvent, applying: Applying): ChildState | undefined {
  const { initiatedEventId, workflowExecution } = must(event.childWorkflowExecutionStartedEventAttributes, 'attributes');
  const child = state.children.get(initiatedEventId);
  if (child === undefined) return undefined;
  child.runId = workflowExecution?.runId ?? '';
  // Nothing of it is needed any more: a thousand children must not hold a thousand inputs.
  state.payloadBytes -= child.initiated.byteLength;
  child.initiated = new Uint8Array(0);
  child.userMetadata = undefined;
  applying.touch(startChildKey(initiatedEventId));
  return child;
}
