/** What tests of runs that write to each other need beside `testing.ts`: commands, and both ends of a message, by hand. */
import assert from 'node:assert/strict';
import { CommandType, HistoryEvent, type Command, type EventType, type Init } from '../../../protocol/index.js';
import type { DebtKey } from '../../machine.js';
import type { StartReply, WorkflowInput, WorkflowReply } from '../inputs.js';
import type { ChildClosedInput, ExternalSender, MovedReply, ParentInfo } from '../messages/message-inputs.js';
import { NAMESPACE_ID, TestWorkflow, type TestRun } from './test-run.js';

export const PARENT_RUN_ID = '11111111-1111-4111-8111-111111111111';

/** As the driver's workflow sees a parent that is another workflow. */
export const parent: ParentInfo = {
  namespaceId: NAMESPACE_ID,
  namespace: 'default',
  workflowId: 'parent-1',
  runId: PARENT_RUN_ID,
  initiatedEventId: 5,
  root: { workflowId: 'root-1', runId: 'root-run' },
};

export const sender = (from: Partial<ExternalSender> = {}): ExternalSender => ({
  namespaceId: NAMESPACE_ID,
  workflowId: parent.workflowId,
  runId: parent.runId,
  initiatedEventId: 7,
  childWorkflowOnly: false,
  ...from,
});

/** A run that was just started as a child of `parent`. */
export function startedChild(request: Parameters<TestWorkflow['start']>[0] = {}): TestWorkflow {
  const workflow = new TestWorkflow();
  workflow.expect('started', childStart(workflow, request));
  return workflow;
}

/** The start of that child, as it may come once more. */
export function childStart(workflow: TestWorkflow, request: Parameters<TestWorkflow['start']>[0] = {}, from: ParentInfo = parent): WorkflowInput {
  const input = workflow.startInput({ requestId: `${from.runId}:${from.initiatedEventId}`, ...request });
  assert.ok(input.type === 'start');
  return { ...input, parent: from };
}

export const childCommand = (workflowId: string, attributes: Init<Command>['startChildWorkflowExecutionCommandAttributes'] = {}): Init<Command> => ({
  commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION,
  startChildWorkflowExecutionCommandAttributes: { workflowId, workflowType: { name: 'child' }, ...attributes },
});

export const signalCommand = (workflowId: string, attributes: Init<Command>['signalExternalWorkflowExecutionCommandAttributes'] = {}): Init<Command> => ({
  commandType: CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
  signalExternalWorkflowExecutionCommandAttributes: { execution: { workflowId }, signalName: 'go', ...attributes },
});

export const cancelCommand = (workflowId: string, attributes: Init<Command>['requestCancelExternalWorkflowExecutionCommandAttributes'] = {}): Init<Command> => ({
  commandType: CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
  requestCancelExternalWorkflowExecutionCommandAttributes: { workflowId, ...attributes },
});

/** The message that the run owes under this key. */
export function owedMessage(run: TestRun, key: DebtKey): { readonly to: object; readonly input: WorkflowInput } {
  const message = run.owed.get(key)?.message;
  assert.ok(message, `${key} is owed`);
  return message as { to: object; input: WorkflowInput };
}

export const owedKeys = (run: TestRun): DebtKey[] => [...run.owed.keys()].filter((key) => key.startsWith('message:')).sort();

/** The receiver answers. */
export function answer(workflow: TestWorkflow, key: DebtKey, reply: unknown, run: TestRun = workflow.run): WorkflowReply | object {
  return workflow.send({ type: 'delivered', answers: [{ key, reply }] }, run);
}

export const started = (runId: string): StartReply => ({ kind: 'started', runId, firstExecutionRunId: runId, started: true, status: 1 });
export const moved = (runId: string): MovedReply => ({ kind: 'moved', runId });

/** The notice of a child that ended with this event. */
export function closed(initiatedEventId: number, workflowId: string, runId: string, eventType: EventType, attributes: Init<HistoryEvent>): ChildClosedInput {
  const event = HistoryEvent.create({ eventId: 9, eventTime: 1, eventType, ...attributes });
  return { type: 'child-closed', initiatedEventId, workflowId, runId, firstExecutionRunId: runId, event };
}
