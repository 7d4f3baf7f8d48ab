/**
 * What a step of a program sends, where that depends on little but the step: operators' inputs, and the answers of workers. For tests only;
 * called by `program-run.ts`.
 */
import {
  ActivityOptions,
  Callback,
  CommandType,
  EventType,
  Memo,
  PauseWorkflowExecutionRequest,
  Payloads,
  Priority,
  RespondWorkflowTaskFailedRequest,
  TerminateWorkflowExecutionRequest,
  UnpauseWorkflowExecutionRequest,
  WorkflowExecutionOptions,
} from '../../../protocol/index.js';
import type { Command, Encoded, HistoryEvent, Init, Message, UpdateRequest } from '../../../protocol/index.js';
import type { ActivitySelection, CompleteWorkflowTaskInput, Jitter, WorkflowInput, WorkflowTaskReply } from '../inputs.js';
import type { ExternalSender } from '../messages/message-inputs.js';
import { cancelCommand, childCommand, sender, signalCommand } from './family.js';
import { cancelOperation, completionWithEndpoints, scheduleOperation } from './nexus.js';
import type { ActivitySelectionStep, CommandStep, Step, UpdateAnswer } from './program.js';
import { STICKY, command, failure, payloads } from './test-run.js';
import type { TestRun, TestWorkflow } from './test-run.js';
import { completedBy, overrideOf } from './versions.js';
import { CAN_DISCARD, acceptance, protocolMessage, rejection, response, updateInput } from './updates.js';

const requestWithCallback = (updateId: string, number: number): Init<UpdateRequest> => ({
  meta: { updateId, identity: 'client' },
  input: { name: 'set', args: payloads(updateId) },
  requestId: `request-${number}`,
  completionCallbacks: [Callback.encode({ nexus: { url: `http://${number}`, header: new Map() } })],
});

/** From the end, counted round. */
export function pick<T>(from: readonly T[], which = 0): T | undefined {
  return from.at(-1 - (which % Math.max(1, from.length)));
}

export function signalInput(number: number): Encoded<Payloads> {
  return payloads(String(number));
}

/** The number that {@link signalInput} wrote. */
export function numberOf(input: Encoded<Payloads> | undefined): number {
  const [payload] = Payloads.decode(input ?? new Uint8Array(0)).payloads;
  return Number(JSON.parse(Buffer.from(payload?.data ?? []).toString()));
}

export function typesUntil(run: TestRun, eventId: number): EventType[] {
  return run.events().slice(0, eventId - 1).map(({ eventType }) => eventType);
}

export function senderOf(from: 'parent' | 'other' | undefined): ExternalSender | undefined {
  return from && (from === 'parent' ? sender({ childWorkflowOnly: true }) : sender({ workflowId: 'other', runId: 'other-run' }));
}

export const CHILD_ENDS: readonly [readonly [EventType, Init<HistoryEvent>], ...(readonly [EventType, Init<HistoryEvent>])[]] = [
  [EventType.WORKFLOW_EXECUTION_COMPLETED, { workflowExecutionCompletedEventAttributes: { result: payloads('r') } }],
  [EventType.WORKFLOW_EXECUTION_FAILED, { workflowExecutionFailedEventAttributes: { failure: failure('f') } }],
  [EventType.WORKFLOW_EXECUTION_CANCELED, { workflowExecutionCanceledEventAttributes: {} }],
  [EventType.WORKFLOW_EXECUTION_TIMED_OUT, { workflowExecutionTimedOutEventAttributes: {} }],
  [EventType.WORKFLOW_EXECUTION_TERMINATED, { workflowExecutionTerminatedEventAttributes: {} }],
];

export function taskFailure(task: WorkflowTaskReply): WorkflowInput {
  const request = RespondWorkflowTaskFailedRequest.create({ identity: 'worker', cause: 14, failure: failure('broken') });
  return { type: 'fail-workflow-task', token: task.token, request };
}

/** What the worker answers to a workflow task; now and then something that does not fit. */
export function completionOf(step: Extract<Step, { do: 'complete-task' }>, task: WorkflowTaskReply, run: TestRun, workflow: TestWorkflow): CompleteWorkflowTaskInput {
  const messages: Init<Message>[] = [];
  const named: Init<Command>[] = [];
  const say = (message: Init<Message>, inCommand: boolean): void => {
    messages.push(message);
    if (inCommand) named.push(protocolMessage(message));
  };
  task.messages.forEach((message, index) => answerUpdate(message, step.updates?.[index], say));
  const accepted = [...run.live.updates.values()].filter(({ acceptedEventId }) => acceptedEventId > 0);
  for (const { updateId } of accepted.slice(0, step.finish ?? 0)) say(response(updateId), true);
  const commands = [...named, ...(step.commands ?? []).map((made) => commandOf(made, run))];
  const completion = completionWithEndpoints(workflow, task, commands, {
    ...completedBy(step),
    ...(step.sticky && STICKY),
    ...(step.discards && CAN_DISCARD),
    messages,
    returnNewWorkflowTask: step.returnNew ?? false,
    forceCreateNewWorkflowTask: step.force ?? false,
  });
  return step.serves ? { ...completion, versionQueues: new Set(['orders', 'other']) } : completion;
}

function answerUpdate(message: Init<Message>, answer: UpdateAnswer = {}, say: (message: Init<Message>, inCommand: boolean) => void): void {
  const inCommand = answer.command ?? false;
  if (answer.say === 'nothing') return;
  if (answer.say === 'reject') return say(rejection(message), inCommand);
  say(acceptance(message), inCommand);
  if (answer.say === 'both') say(response(message.protocolInstanceId ?? ''), inCommand);
}

function commandOf(step: CommandStep, run: TestRun): Init<Command> {
  const { activities, timers } = run.live;
  switch (step.make) {
    case 'activity':
      return command.activity(step.id ?? 'a', {
        startToCloseTimeout: 1000,
        heartbeatTimeout: step.heartbeatTimeout ?? 0,
        scheduleToCloseTimeout: step.scheduleToClose ?? 0,
        requestEagerExecution: step.eager ?? false,
        retryPolicy: { initialInterval: 100, maximumAttempts: step.attempts ?? 0 },
      });
    case 'timer':
      return command.timer(step.id ?? '1', step.ms ?? 1);
    case 'cancel-timer':
      return command.cancelTimer(pick([...timers.keys()], step.which) ?? '1');
    case 'cancel-activity':
      return command.cancelActivity(pick([...activities.keys()], step.which) ?? 5);
    case 'marker':
      return command.marker('m');
    case 'upsert':
      return { commandType: CommandType.MODIFY_WORKFLOW_PROPERTIES, modifyWorkflowPropertiesCommandAttributes: { upsertedMemo: Memo.encode({ fields: new Map([['k', { data: Buffer.from('1') }]]) }) } };
    case 'child':
      return childCommand(step.id ?? 'c1', { parentClosePolicy: step.closePolicy ?? 0 });
    case 'signal-external':
      return signalCommand(step.id ?? 'c1', { childWorkflowOnly: step.childOnly ?? false });
    case 'cancel-external':
      return cancelCommand(step.id ?? 'c1');
    case 'nexus':
      return scheduleOperation({ scheduleToCloseTimeout: step.scheduleToClose ?? 0, scheduleToStartTimeout: step.scheduleToStart ?? 0, startToCloseTimeout: step.startToClose ?? 0 });
    case 'cancel-nexus': {
      const operation = pick([...run.live.nexusOperations.keys()], step.which);
      return operation === undefined ? scheduleOperation() : cancelOperation(operation);
    }
    case 'complete':
      return command.complete();
    case 'fail':
      return command.fail();
    case 'cancel':
      return command.cancel();
    case 'continue-as-new':
      return command.continueAsNew();
  }
}

/** What an operator sends, or somebody who needs to know nothing of the run. */
export function inputOf(step: Step): WorkflowInput | undefined {
  switch (step.do) {
    case 'update':
      return updateInput(step.id ?? 'u1', step.request === undefined ? {} : { request: requestWithCallback(step.id ?? 'u1', step.request) });
    case 'terminate':
      return { type: 'terminate', request: TerminateWorkflowExecutionRequest.create({ reason: 'chance' }) };
    case 'reset-sticky':
      return { type: 'reset-sticky' };
    case 'pause':
      return { type: 'pause', request: PauseWorkflowExecutionRequest.create({ requestId: step.request ?? '' }) };
    case 'unpause':
      return { type: 'unpause', request: UnpauseWorkflowExecutionRequest.create({}) };
    case 'change-options': {
      const priority = Priority.encode({ priorityKey: step.priority ?? 0, fairnessKey: '', fairnessWeight: 0 });
      const options = WorkflowExecutionOptions.create({ priority, versioningOverride: step.versioning ? (step.pin === undefined ? { autoUpgrade: true } : overrideOf(step.pin)) : undefined });
      return { type: 'update-options', options, paths: step.versioning ? ['versioning_override'] : ['priority'], identity: 'operator' };
    }
    case 'pause-activities':
      return { type: 'pause-activity', selection: selectionOf(step.of), identity: 'operator', reason: 'r', requestId: step.request ?? '' };
    case 'unpause-activities':
      return { type: 'unpause-activity', selection: selectionOf(step.of), resetAttempts: step.attempts ?? false, resetHeartbeat: step.heartbeat ?? false, jitter: jitterOf(step.jitter) };
    case 'reset-activities':
      return {
        type: 'reset-activity',
        selection: selectionOf(step.of),
        resetHeartbeat: step.heartbeat ?? false,
        keepPaused: step.keepPaused ?? false,
        restoreOriginalOptions: step.restore ?? false,
        jitter: jitterOf(step.jitter),
      };
    case 'change-activities': {
      const options = ActivityOptions.create({ startToCloseTimeout: 700, retryPolicy: { initialInterval: 50 }, taskQueue: { name: 'other' } });
      const change = step.paths === undefined ? ({ kind: 'restore' } as const) : ({ kind: 'merge', options, paths: step.paths } as const);
      return { type: 'update-activity-options', selection: selectionOf(step.of), change };
    }
    default:
      return undefined;
  }
}

function selectionOf(of: ActivitySelectionStep = 'all'): ActivitySelection {
  return of === 'all' ? { by: 'all' } : of === 'type' ? { by: 'type', type: 'charge' } : { by: 'id', id: of };
}

function jitterOf(seed: number | undefined): Jitter {
  return seed === undefined ? { withinMs: 0, seed: 0 } : { withinMs: 500, seed };
}
