/**
 * What the command families share: the plan that they add to, and the fault that stops it. See `commands.ts`.
 */
import type { ActivityState, Command, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { SearchAttributeTypes } from '../../search-attributes/names.js';
import type { Draft, EventExtras } from '../draft.js';
import type { WorkflowLimits } from '../limits.js';
import type { WorkflowState } from '../state.js';
import { NO_MESSAGES } from '../updates/update-messages.js';
import type { UpdateMessages } from '../updates/update-messages.js';

/** Why a command cannot be carried out: the workflow task fails with this cause. */
export interface CommandFault {
  readonly cause: WorkflowTaskFailedCause;
  readonly message: string;
  /** The run cannot go on: it is terminated with the message. */
  readonly terminates?: boolean;
}

/** What the steps of a plan share when they are taken. */
export interface Completion {
  readonly draft: Draft;
  readonly completedEventId: number;
  readonly identity: string;
  /** Activities to start at once and return with the reply. */
  readonly eager: ActivityState[];
  /** What the commands bring about, written behind the last of their events: workers foretell the ids of those by counting commands. */
  readonly consequences: Consequence[];
}

export type Step = (completion: Completion) => void;
export type Consequence = () => void;

export class CommandPlan {
  readonly steps: Step[] = [];
  /** What the commands so far change about ids: true for taken, false for released. */
  readonly activityIds = new Map<string, boolean>();
  readonly timerIds = new Map<string, boolean>();
  readonly cancelledActivities = new Set<number>();
  readonly cancelledNexusOperations = new Set<number>();
  pendingActivities: number;
  pendingTimers: number;
  pendingChildren: number;
  pendingSignals: number;
  pendingCancelRequests: number;
  pendingNexusOperations: number;
  /** What the commands so far schedule, by the ids that their events will get. */
  readonly newActivities = new Map<number, string>();
  readonly newNexusOperations = new Set<number>();
  /** Steps so far that write no event. Every other step writes exactly one. */
  silentSteps = 0;
  /** Workflow ids of the children that these commands start. */
  readonly initiatedChildren = new Set<string>();
  /** Ids of the other namespaces that commands name, by name. */
  namespaces: ReadonlyMap<string, string> = new Map();
  /** Ids of the Nexus endpoints that commands name, by name. */
  nexusEndpoints: ReadonlyMap<string, string> = new Map();
  /** The workflow task queues of the version of a worker deployment that completes the task. Undefined: it has no version. */
  versionQueues: ReadonlySet<string> | undefined;
  /** The custom search attributes of the namespace. Undefined: values are not checked. */
  searchAttributeTypes: SearchAttributeTypes | undefined;
  /** What the worker says about updates. */
  messages: UpdateMessages = NO_MESSAGES;
  /** The last command closes the run. */
  closes = false;

  constructor(
    readonly state: WorkflowState,
    readonly limits: WorkflowLimits,
    readonly now: number,
  ) {
    this.pendingActivities = state.activities.size;
    this.pendingTimers = state.timers.size;
    this.pendingChildren = state.children.size;
    this.pendingSignals = state.outgoingSignals.size;
    this.pendingCancelRequests = state.outgoingCancelRequests.size;
    this.pendingNexusOperations = state.nexusOperations.size;
  }

  /**
   * The id of the event that the next step will write. Behind WorkflowTaskStarted stands WorkflowTaskCompleted, and behind that the events
   * of the commands in their order. Workers count on it: a command may name by this id what a command before it in the list begins.
   */
  get nextEventId(): number {
    return (this.state.workflowTask?.startedEventId ?? 0) + 2 + this.steps.length - this.silentSteps;
  }
}

/** What every command may carry onto its event. */
export function commandExtras(command: Command): EventExtras | undefined {
  if (command.userMetadata === undefined && command.eventGroupMarkers.length === 0) return undefined;
  return { userMetadata: command.userMetadata, eventGroupMarkers: command.eventGroupMarkers };
}

/** The namespace that a command names; this run's if it names none. A text says why it must not be another one. */
export function targetNamespace({ state: { run }, limits, namespaces }: CommandPlan, name: string): { readonly name: string; readonly id: string } | string {
  if (name === '' || name === run.namespace) return { name: run.namespace, id: run.namespaceId };
  if (limits.crossNamespaceCommands === 0) return 'cross namespace commands are not allowed';
  const id = namespaces.get(name);
  return id === undefined ? `the namespace "${name.slice(0, 100)}" is not found` : { name, id };
}

/** Checks an id or a name that a worker chose. */
export function idProblem(what: string, value: string | undefined, limits: WorkflowLimits): string | undefined {
  if (value === undefined || value === '') return `${what} is not set`;
  if (value.length <= limits.idLengthBytes / 4) return undefined;
  return Buffer.byteLength(value) > limits.idLengthBytes ? `${what} is longer than ${limits.idLengthBytes} bytes` : undefined;
}

/** Queues of the server itself. */
const RESERVED_QUEUE_PREFIX = '/_sys/';

export function taskQueueProblem(name: string | undefined, limits: WorkflowLimits): string | undefined {
  if (name?.startsWith(RESERVED_QUEUE_PREFIX)) return `task queue must not begin with ${RESERVED_QUEUE_PREFIX}, which is reserved`;
  return idProblem('task queue', name, limits);
}
