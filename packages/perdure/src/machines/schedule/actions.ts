/** What schedules hear of the workflow executions they start: that they started, that they were told to end, how they ended. */
import { Code, Failure, RpcError, SkipReason, WorkflowExecutionStatus } from '../../protocol/index.js';
import type { Encoded, HistoryEvent, Payloads, StartingAction } from '../../protocol/index.js';
import type { DebtKey, MessageAnswer } from '../machine.js';
import type { StartReply, WorkflowReply } from '../workflow/inputs.js';
import { endingOf, startingOf } from './debts.js';
import type { ScheduleDraft } from './draft.js';
import { processBuffer } from './firings.js';
import type { RunClosedInput } from '../workflow/messages/schedule-notice.js';

/** How often a trigger whose workflow id is taken tries another one. */
const MOST_SUFFIXES = 20;

export function takeAnswers(draft: ScheduleDraft, answers: readonly MessageAnswer[]): void {
  for (const { key, reply } of answers) takeAnswer(draft, key, reply);
}

function takeAnswer(draft: ScheduleDraft, key: DebtKey, reply: unknown): void {
  const { state } = draft;
  const starting = startingOf(state, key);
  if (starting !== undefined) return startAnswered(draft, starting, reply);
  const ending = endingOf(state, key);
  if (ending === undefined) return;
  // A refusal means that it has ended: its notice says how.
  const { workflowId, runId, terminate, requestId } = ending;
  draft.emit({ overlapEnded: { workflowId, runId, terminate, requestId, told: true } });
}

function startAnswered(draft: ScheduleDraft, action: StartingAction, reply: unknown): void {
  const { firing, workflowId, exclusive } = action;
  if (firing === undefined) return;
  const answer = { id: firing.id, nowMs: draft.moment.now };
  if (isStarted(reply)) {
    draft.emit({ startAnswered: { ...answer, runId: reply.firstExecutionRunId, refused: SkipReason.UNSPECIFIED, message: '' } });
    return;
  }
  const isTaken = reply instanceof RpcError && reply.code === Code.ALREADY_EXISTS;
  const other = isTaken && firing.manual && !draft.state.policies.keepOriginalWorkflowId ? otherWorkflowId(workflowId) : undefined;
  if (other !== undefined) {
    draft.emit({ startRequested: { id: firing.id, workflowId: other, requestId: draft.moment.newId(), exclusive, counted: false } });
    return;
  }
  const message = reply instanceof Error ? reply.message : '';
  draft.emit({ startAnswered: { ...answer, runId: '', refused: isTaken ? SkipReason.WORKFLOW_ID_TAKEN : SkipReason.START_REFUSED, message } });
  processBuffer(draft);
}

function isStarted(reply: unknown): reply is StartReply {
  return !(reply instanceof RpcError) && (reply as WorkflowReply).kind === 'started';
}

/** Two triggers in one second: the second one gets a suffix. */
function otherWorkflowId(workflowId: string): string | undefined {
  const [, base = workflowId, count = '1'] = /^(.*Z)-(\d+)$/s.exec(workflowId) ?? [];
  return Number(count) < MOST_SUFFIXES ? `${base}-${Number(count) + 1}` : undefined;
}

/** The end of an action. Another schedule's, or one that is not waited for: nothing changes. */
export function runClosed(draft: ScheduleDraft, { incarnation, workflowId, firstExecutionRunId: runId, event }: RunClosedInput): void {
  const { state } = draft;
  if (incarnation !== state.data.incarnation) return;
  // The notice may be quicker than the answer to the start, if the server died in between.
  const starting = state.data.starting.find((action) => action.exclusive && action.workflowId === workflowId);
  if (starting?.firing !== undefined) {
    draft.emit({ startAnswered: { id: starting.firing.id, runId, nowMs: draft.moment.now, refused: SkipReason.UNSPECIFIED, message: '' } });
  }
  if (!state.data.running.some((action) => action.workflowId === workflowId && action.runId === runId)) return;
  const { status, result, failure } = endOf(event);
  close(draft, workflowId, runId, status, result, failure);
}

function close(
  draft: ScheduleDraft,
  workflowId: string,
  runId: string,
  status: WorkflowExecutionStatus,
  result?: Encoded<Payloads>,
  failure?: Encoded<Failure>,
): void {
  draft.emit({ actionClosed: { workflowId, runId, status, result, failure } });
  pauseAfterFailure(draft, workflowId, status, failure);
  processBuffer(draft);
}

function pauseAfterFailure(draft: ScheduleDraft, workflowId: string, status: WorkflowExecutionStatus, failure?: Encoded<Failure>): void {
  const { policies, state } = draft.state;
  if (!policies.pauseOnFailure || state.paused) return;
  if (status === WorkflowExecutionStatus.FAILED) {
    const message = failure === undefined ? '' : Failure.decode(failure).message;
    draft.emit({ noted: { paused: true, notes: `paused due to workflow failure: ${workflowId}: ${message}` } });
  } else if (status === WorkflowExecutionStatus.TIMED_OUT) {
    draft.emit({ noted: { paused: true, notes: `paused due to workflow timeout: ${workflowId}` } });
  }
}

interface End {
  readonly status: WorkflowExecutionStatus;
  readonly result?: Encoded<Payloads> | undefined;
  readonly failure?: Encoded<Failure> | undefined;
}

function endOf(event: HistoryEvent): End {
  const { workflowExecutionCompletedEventAttributes: completed, workflowExecutionFailedEventAttributes: failed } = event;
  if (completed) return { status: WorkflowExecutionStatus.COMPLETED, result: completed.result };
  if (failed) return { status: WorkflowExecutionStatus.FAILED, failure: failed.failure };
  if (event.workflowExecutionCanceledEventAttributes) return { status: WorkflowExecutionStatus.CANCELED };
  if (event.workflowExecutionTimedOutEventAttributes) return { status: WorkflowExecutionStatus.TIMED_OUT, failure: timeout() };
  return { status: WorkflowExecutionStatus.TERMINATED };
}

function timeout(): Encoded<Failure> {
  return Failure.encode({ message: 'workflow timeout', source: 'Server', timeoutFailureInfo: {} });
}
