/**
 * The command list of a workflow task completion: planned as a whole, then written as a whole.
 *
 * Each command family plans its commands: it checks one against the state *and* against the commands before it, and adds the steps that
 * will write its events. A fault in any command means that no step is taken: the workflow task fails instead, and the run is as before.
 */
import { CommandType, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { Command, Message, RpcError } from '../../../protocol/index.js';
import type { SearchAttributeTypes } from '../../search-attributes/names.js';
import { planRequestCancelActivity, planScheduleActivity } from '../activities/activities.js';
import { planCancelWorkflow, planCompleteWorkflow, planFailWorkflow } from '../runs/close.js';
import { planStartChild } from '../messages/child-commands.js';
import { CommandPlan } from './command-plan.js';
import type { CommandFault } from './command-plan.js';
import { planContinueAsNew } from '../runs/continue-as-new.js';
import { planRequestCancelExternal, planSignalExternal } from '../messages/external-commands.js';
import type { WorkflowLimits } from '../limits.js';
import { planRecordMarker } from '../markers.js';
import { planCancelOperation, planScheduleOperation } from '../nexus/nexus-commands.js';
import { planModifyProperties, planUpsertSearchAttributes } from '../properties.js';
import { invalid } from '../refusals.js';
import type { WorkflowState } from '../state.js';
import { planCancelTimer, planStartTimer } from '../timers.js';
import { UpdateMessages, planOtherMessages, planProtocolMessage } from '../updates/update-messages.js';

type Planner = (plan: CommandPlan, command: Command) => CommandFault | undefined;

const PLANNERS: ReadonlyMap<number, Planner> = new Map<CommandType, Planner>([
  [CommandType.SCHEDULE_ACTIVITY_TASK, planScheduleActivity],
  [CommandType.REQUEST_CANCEL_ACTIVITY_TASK, planRequestCancelActivity],
  [CommandType.START_TIMER, planStartTimer],
  [CommandType.CANCEL_TIMER, planCancelTimer],
  [CommandType.RECORD_MARKER, planRecordMarker],
  [CommandType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, planUpsertSearchAttributes],
  [CommandType.START_CHILD_WORKFLOW_EXECUTION, planStartChild],
  [CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION, planSignalExternal],
  [CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION, planRequestCancelExternal],
  [CommandType.SCHEDULE_NEXUS_OPERATION, planScheduleOperation],
  [CommandType.REQUEST_CANCEL_NEXUS_OPERATION, planCancelOperation],
  [CommandType.MODIFY_WORKFLOW_PROPERTIES, planModifyProperties],
  [CommandType.COMPLETE_WORKFLOW_EXECUTION, planCompleteWorkflow],
  [CommandType.FAIL_WORKFLOW_EXECUTION, planFailWorkflow],
  [CommandType.CANCEL_WORKFLOW_EXECUTION, planCancelWorkflow],
  [CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION, planContinueAsNew],
  [CommandType.PROTOCOL_MESSAGE, planProtocolMessage],
]);

export type Planned =
  | { readonly kind: 'plan'; readonly plan: CommandPlan }
  | { readonly kind: 'fault'; readonly fault: CommandFault }
  /** The request itself is wrong: the workflow task stays as it is. */
  | { readonly kind: 'refused'; readonly error: RpcError };

export function planCommands(
  state: WorkflowState,
  commands: readonly Command[],
  messages: readonly Message[],
  limits: WorkflowLimits,
  now: number,
  namespaces: ReadonlyMap<string, string> = new Map(),
  searchAttributeTypes?: SearchAttributeTypes,
  nexusEndpoints: ReadonlyMap<string, string> = new Map(),
  versionQueues?: ReadonlySet<string>,
): Planned {
  for (const [index, { commandType }] of commands.entries()) {
    if (!PLANNERS.has(commandType)) {
      return { kind: 'refused', error: invalid(`unknown command type: ${commandType}`) };
    }
    if (CLOSING.has(commandType) && index < commands.length - 1) {
      return { kind: 'refused', error: invalid('a command that closes the workflow execution must be the last command') };
    }
  }
  if (messages.some(({ body }) => body === undefined)) return { kind: 'refused', error: invalid('a message has no body') };
  const plan = new CommandPlan(state, limits, now);
  if (messages.length > 0) plan.messages = new UpdateMessages(messages);
  plan.namespaces = namespaces;
  plan.searchAttributeTypes = searchAttributeTypes;
  plan.versionQueues = versionQueues;
  plan.nexusEndpoints = nexusEndpoints;
  for (const command of commands) {
    const fault = planOne(plan, command);
    if (fault !== undefined) return { kind: 'fault', fault };
  }
  const fault = planOtherMessages(plan);
  return fault === undefined ? { kind: 'plan', plan } : { kind: 'fault', fault };
}

function planOne(plan: CommandPlan, command: Command): CommandFault | undefined {
  const { commandType } = command;
  const planner = PLANNERS.get(commandType);
  if (planner === undefined) return { cause: WorkflowTaskFailedCause.UNHANDLED_COMMAND, message: `unknown command type: ${commandType}` };
  if (CLOSING.has(commandType)) {
    // The workflow has not seen these events: it must get the chance to handle them before it closes.
    if (plan.state.buffer.length > 0) return { cause: WorkflowTaskFailedCause.UNHANDLED_COMMAND, message: 'UnhandledCommand' };
    plan.closes = true;
    const fault = planOtherMessages(plan);
    if (fault !== undefined) return fault;
  }
  return planner(plan, command);
}

const CLOSING: ReadonlySet<CommandType> = new Set<CommandType>([
  CommandType.COMPLETE_WORKFLOW_EXECUTION,
  CommandType.FAIL_WORKFLOW_EXECUTION,
  CommandType.CANCEL_WORKFLOW_EXECUTION,
  CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
]);

/** For example `BadStartTimerAttributes`. Clients show it in front of the message. */
export function causeName(cause: WorkflowTaskFailedCause): string {
  const name = Object.entries(WorkflowTaskFailedCause).find(([, value]) => value === cause)?.[0] ?? 'UNSPECIFIED';
  return name.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
