/**
 * The signals and cancel requests that a run owes to other runs, until they were answered.
 *
 * A leaf: the debts of a run are needed by everything that writes events. What the answers lead to is in `external.ts`.
 */
import {
  RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
  RequestCancelWorkflowExecutionRequest,
  SignalExternalWorkflowExecutionInitiatedEventAttributes,
  SignalWorkflowExecutionRequest,
} from '../../../protocol/index.js';
import type { ExternalRequestState, WorkflowExecution } from '../../../protocol/index.js';
import type { Debt, DebtKey, MachineKey } from '../../machine.js';
import { WORKFLOW_KIND } from '../inputs.js';
import type { ExternalSender } from './message-inputs.js';
import type { Correspondence } from './messages.js';
import { senderOf } from './sender.js';
import { SERVER_IDENTITY, must } from '../state.js';
import type { WorkflowState } from '../state.js';

const SIGNAL = 'message:signal:';
const CANCEL = 'message:cancel:';

export function signalKey(initiatedEventId: number): DebtKey {
  return `${SIGNAL}${initiatedEventId}`;
}

export function cancelKey(initiatedEventId: number): DebtKey {
  return `${CANCEL}${initiatedEventId}`;
}

/** The signal or cancel request that a key is about. */
export function outgoingOf(state: WorkflowState, key: DebtKey): ExternalRequestState | undefined {
  if (key.startsWith(SIGNAL)) return state.outgoingSignals.get(Number(key.slice(SIGNAL.length)));
  return key.startsWith(CANCEL) ? state.outgoingCancelRequests.get(Number(key.slice(CANCEL.length))) : undefined;
}

export const outgoingSignals: Correspondence = {
  owes: (state) => state.outgoingSignals.size > 0,
  *keys(state) {
    for (const eventId of state.outgoingSignals.keys()) yield signalKey(eventId);
  },
  debt(state, key): Debt | undefined {
    const pending = outgoingOf(state, key);
    if (pending === undefined || pending.closing) return undefined;
    const initiated = SignalExternalWorkflowExecutionInitiatedEventAttributes.decode(pending.initiated);
    const { workflowExecution, signalName, input, control, header, namespace, namespaceId, childWorkflowOnly } = initiated;
    const request = SignalWorkflowExecutionRequest.create({
      namespace: namespace || state.run.namespace,
      workflowExecution,
      signalName,
      input,
      control,
      header,
      identity: SERVER_IDENTITY,
      requestId: `${state.run.runId}:${pending.initiatedEventId}`,
    });
    const from = sender(state, pending, childWorkflowOnly);
    return { message: { to: address(namespaceId, workflowExecution), input: { type: 'signal', request, from } } };
  },
};

export const outgoingCancelRequests: Correspondence = {
  owes: (state) => state.outgoingCancelRequests.size > 0,
  *keys(state) {
    for (const eventId of state.outgoingCancelRequests.keys()) yield cancelKey(eventId);
  },
  debt(state, key): Debt | undefined {
    const pending = outgoingOf(state, key);
    if (pending === undefined || pending.closing) return undefined;
    const initiated = RequestCancelExternalWorkflowExecutionInitiatedEventAttributes.decode(pending.initiated);
    const { workflowExecution, reason, namespace, namespaceId, childWorkflowOnly } = initiated;
    const request = RequestCancelWorkflowExecutionRequest.create({
      namespace: namespace || state.run.namespace,
      workflowExecution,
      reason,
      identity: SERVER_IDENTITY,
      requestId: `${state.run.runId}:${pending.initiatedEventId}`,
    });
    const from = sender(state, pending, childWorkflowOnly);
    return { message: { to: address(namespaceId, workflowExecution), input: { type: 'request-cancel', request, from } } };
  },
};

function address(namespace: string, execution: WorkflowExecution | undefined): MachineKey {
  const { workflowId, runId } = must(execution, 'workflow execution');
  return { kind: WORKFLOW_KIND, namespace, key: workflowId, ...(runId === '' ? {} : { machine: runId }) };
}

function sender(state: WorkflowState, { initiatedEventId }: ExternalRequestState, childWorkflowOnly: boolean): ExternalSender {
  return { ...senderOf(state, initiatedEventId), childWorkflowOnly };
}
