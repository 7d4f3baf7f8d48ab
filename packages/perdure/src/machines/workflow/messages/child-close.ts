/**
 * What a parent does when its child has ended, and what the child makes of the answer. The notice itself: `close-notice.ts`.
 *
 * The parent writes the end of the child, once. A child that it did not know to have started has started with that: the notice may be
 * quicker than the answer to the start, if the server died in between.
 */
import { EventType } from '../../../protocol/index.js';
import type { ChildState, ChildWorkflowExecutionTerminatedEventAttributes, HistoryEvent, RpcError } from '../../../protocol/index.js';
import type { DebtKey } from '../../machine.js';
import { arrive } from '../buffer.js';
import { writeChildStarted } from './children.js';
import { noticeKey } from './close-notice.js';
import type { Draft, EventAttributes } from '../draft.js';
import type { DoneReply } from '../inputs.js';
import type { ChildClosedInput, MovedReply } from './message-inputs.js';
import { notFound } from '../refusals.js';
import { scheduleWorkflowTask } from '../tasks/workflow-task.js';

// ── the child ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The parent knows. Its refusal means that it is closed or gone, and nobody has to know any more. */
export function takeCloseNoticeAnswer(draft: Draft, key: DebtKey, reply: unknown): void {
  const { state } = draft;
  if (state.run.closeNotice.byteLength === 0 || key !== noticeKey(state)) return;
  draft.emitPrivate({ closeNoticeDelivered: { movedToRunId: isMoved(reply) ? reply.runId : '' } });
}

function isMoved(reply: unknown): reply is MovedReply {
  return typeof reply === 'object' && reply !== null && 'kind' in reply && reply.kind === 'moved';
}

// ── the parent ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function childClosed(draft: Draft, input: ChildClosedInput): DoneReply | MovedReply | RpcError {
  const { state } = draft;
  const { resetRunId } = state.run;
  if (!state.isOpen) return resetRunId === '' ? notFound('the parent is closed') : { kind: 'moved', runId: resetRunId };
  const child = state.children.get(input.initiatedEventId);
  if (child === undefined || child.workflowId !== input.workflowId || (child.runId !== '' && child.runId !== input.firstExecutionRunId)) {
    return notFound('the parent does not wait for this child');
  }
  if (child.closing) return { kind: 'done' };
  if (child.runId === '') writeChildStarted(draft, child, input.firstExecutionRunId);
  writeChildEnd(draft, child, input);
  scheduleWorkflowTask(draft);
  return { kind: 'done' };
}

function writeChildEnd(draft: Draft, child: ChildState, { event, runId }: ChildClosedInput): void {
  const common: ChildWorkflowExecutionTerminatedEventAttributes = {
    namespace: child.namespace,
    namespaceId: child.namespaceId,
    workflowExecution: { workflowId: child.workflowId, runId },
    workflowType: { name: child.workflowType },
    initiatedEventId: child.initiatedEventId,
    // Rewritten when it is buffered: the Started event may be buffered too.
    startedEventId: child.startedEventId,
  };
  const [eventType, attributes] = endOf(event, common);
  arrive(draft, eventType, attributes);
}

function endOf(event: HistoryEvent, common: ChildWorkflowExecutionTerminatedEventAttributes): readonly [EventType, EventAttributes] {
  const { workflowExecutionCompletedEventAttributes: completed, workflowExecutionFailedEventAttributes: failed } = event;
  if (completed) {
    return [EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED, { childWorkflowExecutionCompletedEventAttributes: { ...common, result: completed.result } }];
  }
  if (failed) {
    const { failure, retryState } = failed;
    return [EventType.CHILD_WORKFLOW_EXECUTION_FAILED, { childWorkflowExecutionFailedEventAttributes: { ...common, failure, retryState } }];
  }
  if (event.workflowExecutionCanceledEventAttributes) {
    const { details } = event.workflowExecutionCanceledEventAttributes;
    return [EventType.CHILD_WORKFLOW_EXECUTION_CANCELED, { childWorkflowExecutionCanceledEventAttributes: { ...common, details } }];
  }
  if (event.workflowExecutionTimedOutEventAttributes) {
    const { retryState } = event.workflowExecutionTimedOutEventAttributes;
    return [EventType.CHILD_WORKFLOW_EXECUTION_TIMED_OUT, { childWorkflowExecutionTimedOutEventAttributes: { ...common, retryState } }];
  }
  return [EventType.CHILD_WORKFLOW_EXECUTION_TERMINATED, { childWorkflowExecutionTerminatedEventAttributes: common }];
}
