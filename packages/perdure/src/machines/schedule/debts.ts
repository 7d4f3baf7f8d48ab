/** What the world owes a schedule: wake it, start its actions, end those that stand in the way, forget it. */
import { SearchAttributes, StartWorkflowExecutionRequest, WorkflowIdReusePolicy } from '../../protocol/index.js';
import type { Encoded, Firing, Payload, RunningAction, StartingAction } from '../../protocol/index.js';
import type { Debt, DebtKey } from '../machine.js';
import { WORKFLOW_KIND } from '../workflow/inputs.js';
import type { RequestCancelInput, StartInput, TerminateInput } from '../workflow/inputs.js';
import type { ScheduleMachineState } from './state.js';

export const WAKE: DebtKey = 'wake';
export const DELETION: DebtKey = 'deletion';
const START = 'start:';
const END = 'end:';

/** Another try is another message. */
export const startKey = ({ requestId }: StartingAction): DebtKey => `${START}${requestId}`;
/** To cancel and to terminate are two messages. */
export const endKey = ({ requestId, terminate }: RunningAction): DebtKey => `${END}${terminate ? 'terminate' : 'cancel'}:${requestId}`;

export function startingOf({ data }: ScheduleMachineState, key: DebtKey): StartingAction | undefined {
  return key.startsWith(START) ? data.starting.find((action) => startKey(action) === key) : undefined;
}

export function endingOf({ data }: ScheduleMachineState, key: DebtKey): RunningAction | undefined {
  return key.startsWith(END) ? data.running.find((action) => action.endWanted && !action.told && endKey(action) === key) : undefined;
}

export function* debtKeys(state: ScheduleMachineState): Iterable<DebtKey> {
  if (!state.isOpen) return void (yield DELETION);
  yield WAKE;
  for (const action of state.data.starting) yield startKey(action);
  for (const action of state.data.running) if (action.endWanted && !action.told) yield endKey(action);
}

export function debt(state: ScheduleMachineState, key: DebtKey): Debt | undefined {
  if (!state.isOpen) return key === DELETION ? { deletion: true } : undefined;
  if (key === WAKE) return state.wakeAt === undefined ? undefined : { wakeAt: state.wakeAt };
  const starting = startingOf(state, key);
  if (starting !== undefined) return startMessage(state, starting);
  const ending = endingOf(state, key);
  return ending && endMessage(state, ending);
}

function startMessage(state: ScheduleMachineState, action: StartingAction): Debt | undefined {
  const { data, identity, policies } = state;
  const info = state.schedule.action?.startWorkflow;
  const { firing, workflowId, requestId, exclusive } = action;
  if (info === undefined || firing === undefined) return undefined;
  const mayRepeat = firing.manual || policies.keepOriginalWorkflowId;
  // Field by field: a copy of a message this wide is what a firing costs most of.
  const request = StartWorkflowExecutionRequest.create(info);
  request.namespace = data.namespace;
  request.workflowId = workflowId;
  request.requestId = requestId;
  request.identity = identity;
  request.workflowIdReusePolicy = mayRepeat ? WorkflowIdReusePolicy.ALLOW_DUPLICATE : WorkflowIdReusePolicy.REJECT_DUPLICATE;
  request.searchAttributes = withScheduleAttributes(info.searchAttributes, data.scheduleId, firing);
  request.lastCompletionResult = data.lastResult;
  request.continuedFailure = data.lastFailure;
  const watch = { scheduleId: data.scheduleId, incarnation: data.incarnation, namespaceId: data.namespaceId };
  const input: StartInput = { type: 'start', namespace: data.namespace, request, ...(exclusive && { scheduleWatch: watch }) };
  return { message: { to: { kind: WORKFLOW_KIND, namespace: data.namespaceId, key: workflowId }, input } };
}

function endMessage({ data, identity }: ScheduleMachineState, { workflowId, runId, terminate, requestId }: RunningAction): Debt {
  const common = { namespace: data.namespace, workflowExecution: { workflowId, runId: '' }, identity, firstExecutionRunId: runId, links: [] };
  const input: TerminateInput | RequestCancelInput = terminate
    ? { type: 'terminate', request: { ...common, reason: 'terminated by schedule overlap policy' } }
    : { type: 'request-cancel', request: { ...common, requestId, reason: 'cancelled by schedule overlap policy' } };
  return { message: { to: { kind: WORKFLOW_KIND, namespace: data.namespaceId, key: workflowId }, input } };
}

/** RFC 3339, whole seconds, UTC. */
export function timeText(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}

function withScheduleAttributes(own: Encoded<SearchAttributes> | undefined, scheduleId: string, firing: Firing): Encoded<SearchAttributes> {
  const indexedFields = new Map(own === undefined ? [] : SearchAttributes.decode(own).indexedFields);
  indexedFields.set('TemporalScheduledStartTime', attribute(DATETIME, timeText(firing.nominalMs)));
  indexedFields.set('TemporalScheduledById', attribute(KEYWORD, scheduleId));
  return SearchAttributes.encode({ indexedFields });
}

const JSON_PLAIN = Buffer.from('json/plain');
const DATETIME = { encoding: JSON_PLAIN, type: Buffer.from('Datetime') };
const KEYWORD = { encoding: JSON_PLAIN, type: Buffer.from('Keyword') };

const attribute = (metadata: Payload['metadata'], value: string): Payload => ({ metadata, data: Buffer.from(JSON.stringify(value)), externalPayloads: [] });
