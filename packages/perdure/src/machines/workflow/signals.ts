/**
 * Signals: WorkflowExecutionSignaled, in the order of arrival, each once.
 *
 * A signal whose request id was seen among the latest ones is accepted and not written again. While the worker's attempt to close the
 * run was just refused because of events it had not seen, new signals are refused for a moment (retryable), or a stream of signals could
 * keep a run from ever closing.
 */
import { EventType, RpcError } from '../../protocol/index.js';
import type { Encoded, Header, HistoryEvent, Link, Payloads } from '../../protocol/index.js';
import { arrive, countBuffered, isHeld } from './buffer.js';
import type { Draft } from './draft.js';
import { senderProblem } from './messages/external.js';
import type { DoneReply, SignalInput } from './inputs.js';
import type { ExternalSender } from './messages/message-inputs.js';
import { alreadyCompleted, busy, invalid } from './refusals.js';
import { must } from './state.js';
import type { WorkflowState } from './state.js';
import { scheduleWorkflowTask } from './tasks/workflow-task.js';

export interface Signal {
  readonly signalName: string;
  readonly input?: Encoded<Payloads> | undefined;
  readonly header?: Encoded<Header> | undefined;
  readonly identity: string;
  readonly requestId: string;
  readonly links: readonly Encoded<Link>[];
  /** The run that sent it, if one did. */
  readonly from?: ExternalSender | undefined;
}

export function signal(draft: Draft, { request, from }: SignalInput): DoneReply | RpcError {
  const reply = senderProblem(draft.state, from) ?? takeSignal(draft, { ...request, from });
  return reply instanceof RpcError ? reply : { kind: 'done', runId: draft.state.run.runId };
}

export function takeSignal(draft: Draft, taken: Signal): DoneReply | RpcError {
  const { state, limits } = draft;
  if (taken.requestId !== '' && state.signalRequestIds.has(taken.requestId)) return { kind: 'done' };
  if (!state.isOpen) return alreadyCompleted();
  if (state.run.closeAttempted && isHeld(state)) return busy('the workflow is closing; try again in a moment');
  const { signalCount } = state.run;
  if (signalCount + state.buffer.length >= limits.signalsPerRun) {
    const waiting = countBuffered(state, EventType.WORKFLOW_EXECUTION_SIGNALED);
    if (signalCount + waiting >= limits.signalsPerRun) return invalid('exceeded workflow execution limit for signal events');
  }
  writeSignal(draft, taken);
  scheduleWorkflowTask(draft);
  return { kind: 'done' };
}

export function writeSignal(draft: Draft, { signalName, input, header, identity, requestId, links, from }: Signal): void {
  const externalWorkflowExecution = from && { workflowId: from.workflowId, runId: from.runId };
  arrive(
    draft,
    EventType.WORKFLOW_EXECUTION_SIGNALED,
    { workflowExecutionSignaledEventAttributes: { signalName, input, header, identity, requestId, externalWorkflowExecution, skipGenerateWorkflowTask: false } },
    links.length > 0 ? { links } : undefined,
  );
}

/** How many request ids the state keeps. Not configurable: a fold must forget the same ones. */
const REMEMBERED = 1000;

export function applySignaled(state: WorkflowState, event: HistoryEvent): void {
  const { requestId } = must(event.workflowExecutionSignaledEventAttributes, 'attributes');
  state.run.signalCount++;
  if (requestId === '') return;
  state.signalRequestIds.add(requestId);
  if (state.signalRequestIds.size <= REMEMBERED) return;
  for (const oldest of state.signalRequestIds) {
    state.signalRequestIds.delete(oldest);
    break;
  }
}
