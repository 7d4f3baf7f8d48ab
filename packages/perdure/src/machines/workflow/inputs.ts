/**
 * What a workflow execution can be told, and what it answers.
 *
 * The frontend turns RPCs into these inputs, nearly one to one: wire messages and `Encoded` bytes pass through as they came. The machine
 * copies what it keeps, so a sender may reuse its buffers once `transition` has returned. A refusal is an `RpcError` in the place of
 * the reply. Sizes and lengths of client requests are checked before they become inputs; what a workflow task completion holds is
 * checked by the machine, because a bad command has consequences for the run.
 */
import type {
  Encoded,
  Failure,
  Header,
  Init,
  Link,
  Message,
  Payloads,
  PollActivityTaskQueueResponse,
  RequestCancelWorkflowExecutionRequest,
  RespondWorkflowTaskCompletedRequest,
  RespondWorkflowTaskFailedRequest,
  ScheduleWatch,
  SignalWorkflowExecutionRequest,
  StartWorkflowExecutionRequest,
  TerminateWorkflowExecutionRequest,
  WorkerVersionStamp,
  WorkflowExecutionStartedEventAttributes,
  WorkflowExecutionStatus,
  UpdateWorkflowExecutionRequest,
  UserMetadata,
  RpcError,
} from '../../protocol/index.js';
import type { UpdateInput, UpdateReply } from './updates/update-inputs.js';
import type { ContinueForkInput, DeleteInput, ResetByInput, ResetInput } from './reset/reset-inputs.js';
import type { ChildClosedInput, ExternalSender, MovedReply, ParentInfo } from './messages/message-inputs.js';
import type { CompleteNexusOperationInput } from './nexus/nexus-inputs.js';
import type { SearchAttributeTypes } from '../search-attributes/names.js';
import type { OptionsReply, UpdateOptionsInput } from './runs/options.js';
import type { PauseInput, UnpauseInput } from './runs/pause.js';
import type { ActivityOperationInput, ActivityOptionsReply } from './activities/activity-operations-inputs.js';

export * from './activities/activity-operations-inputs.js';

/** `kind` of the machine and of its {@link import('../machine.js').MachineKey}. */
export const WORKFLOW_KIND = 'workflow';

/** Names one started workflow task of a run. Goes into the opaque task token; a completion must bring back the same. */
export interface WorkflowTaskTokenParts {
  readonly scheduledEventId: number;
  readonly startedEventId: number;
  readonly attempt: number;
  /** Counts the workflow tasks that were started in the run, so that event ids which are handed out again are told apart. */
  readonly stamp: number;
}

/** Names one started attempt of an activity. Goes into the opaque task token. */
export interface ActivityTaskTokenParts {
  readonly scheduledEventId: number;
  readonly attempt: number;
  /** Counts the starts of this activity; tells attempts with the same number apart. */
  readonly stamp: number;
}

/** An activity is addressed by the token of an attempt, or by the id that the workflow gave it (started or not). */
export type ActivityAddress =
  | ({ readonly by: 'token' } & ActivityTaskTokenParts)
  | { readonly by: 'id'; readonly activityId: string };

/** The signal of a signal-with-start. */
export interface StartSignal {
  readonly signalName: string;
  readonly input?: Encoded<Payloads> | undefined;
  readonly header?: Encoded<Header> | undefined;
}

/**
 * StartWorkflowExecution, and SignalWithStartWorkflowExecution if `signal` is set. Send it to the workflow id (no `machine` in the key):
 * where a run exists, the id reuse and conflict policies decide. `requestId` must be filled in by the sender if the client left it
 * empty. Policies may be UNSPECIFIED; the defaults are applied here.
 */
export interface StartInput {
  readonly type: 'start';
  /** The name of the namespace; its id is in the machine key. */
  readonly namespace: string;
  readonly request: StartWorkflowExecutionRequest;
  readonly signal?: StartSignal | undefined;
  /** Set if a run starts it as its child. */
  readonly parent?: ParentInfo | undefined;
  /** The update of an update-with-start. */
  readonly update?: UpdateWorkflowExecutionRequest | undefined;
  /** Set if a schedule starts it: it is told how the chain of runs ended. */
  readonly scheduleWatch?: ScheduleWatch | undefined;
}

/** Internal: creates a run under an id that was decided before. Comes only as `successor.input` of another outcome. */
export interface CreateInput {
  readonly type: 'create';
  readonly namespace: string;
  readonly requestId: string;
  /** `originalExecutionRunId` and `firstExecutionRunId` are filled in where empty. Times are relative to the moment of creation. */
  readonly attributes: WorkflowExecutionStartedEventAttributes;
  readonly userMetadata?: Encoded<UserMetadata> | undefined;
  readonly links: readonly Encoded<Link>[];
  readonly signal?: StartSignal | undefined;
  readonly update?: UpdateWorkflowExecutionRequest | undefined;
  readonly scheduleWatch?: ScheduleWatch | undefined;
  /** Starts the first workflow task at once for this identity and returns it in the reply. */
  readonly eagerIdentity?: string | undefined;
}

export interface SignalInput {
  readonly type: 'signal';
  readonly request: SignalWorkflowExecutionRequest;
  /** Set if a run sent it. */
  readonly from?: ExternalSender | undefined;
}

export interface RequestCancelInput {
  readonly type: 'request-cancel';
  readonly request: RequestCancelWorkflowExecutionRequest;
  /** Set if a run sent it. */
  readonly from?: ExternalSender | undefined;
}

export interface TerminateInput {
  readonly type: 'terminate';
  readonly request: TerminateWorkflowExecutionRequest;
  /** Set if a run sent it. */
  readonly from?: ExternalSender | undefined;
}

export interface CompleteWorkflowTaskInput {
  readonly type: 'complete-workflow-task';
  readonly token: WorkflowTaskTokenParts;
  /** `taskToken` and `queryResults` are not looked at. */
  readonly request: RespondWorkflowTaskCompletedRequest;
  /** Ids of the other namespaces that its commands name, by name. */
  readonly namespaces?: ReadonlyMap<string, string> | undefined;
  /** Ids of the Nexus endpoints that its commands name, by name; those that exist. */
  readonly nexusEndpoints?: ReadonlyMap<string, string> | undefined;
  /** The custom search attributes of the namespace. Undefined: values in commands are not checked. */
  readonly searchAttributeTypes?: SearchAttributeTypes | undefined;
  /** The workflow task queues of the version of a worker deployment that the worker runs. Undefined: it has no version. */
  readonly versionQueues?: ReadonlySet<string> | undefined;
}

export interface FailWorkflowTaskInput {
  readonly type: 'fail-workflow-task';
  readonly token: WorkflowTaskTokenParts;
  readonly request: RespondWorkflowTaskFailedRequest;
}

export interface CompleteActivityInput {
  readonly type: 'complete-activity';
  readonly activity: ActivityAddress;
  readonly identity: string;
  readonly workerVersion?: WorkerVersionStamp | undefined;
  readonly result?: Encoded<Payloads> | undefined;
}

export interface FailActivityInput {
  readonly type: 'fail-activity';
  readonly activity: ActivityAddress;
  readonly identity: string;
  readonly workerVersion?: WorkerVersionStamp | undefined;
  readonly failure?: Encoded<Failure> | undefined;
  readonly lastHeartbeatDetails?: Encoded<Payloads> | undefined;
}

export interface CancelActivityInput {
  readonly type: 'cancel-activity';
  readonly activity: ActivityAddress;
  readonly identity: string;
  readonly workerVersion?: WorkerVersionStamp | undefined;
  readonly details?: Encoded<Payloads> | undefined;
}

export interface HeartbeatActivityInput {
  readonly type: 'heartbeat-activity';
  readonly activity: ActivityAddress;
  readonly identity: string;
  readonly details?: Encoded<Payloads> | undefined;
}

/** ResetStickyTaskQueue. */
export interface ResetStickyInput {
  readonly type: 'reset-sticky';
}

export type WorkflowInput =
  | StartInput
  | CreateInput
  | SignalInput
  | RequestCancelInput
  | TerminateInput
  | CompleteWorkflowTaskInput
  | FailWorkflowTaskInput
  | CompleteActivityInput
  | FailActivityInput
  | CancelActivityInput
  | HeartbeatActivityInput
  | ChildClosedInput
  | CompleteNexusOperationInput
  | ActivityOperationInput
  | PauseInput
  | UnpauseInput
  | UpdateOptionsInput
  | ResetInput
  | ContinueForkInput
  | ResetByInput
  | DeleteInput
  | UpdateInput
  | ResetStickyInput;

/** Answers `start` and `create`. */
export interface StartReply {
  readonly kind: 'started';
  readonly runId: string;
  readonly firstExecutionRunId: string;
  /** False if an existing run was used instead (conflict policy USE_EXISTING). */
  readonly started: boolean;
  readonly status: WorkflowExecutionStatus;
  /** The request id that was left on an existing run (then it is not empty), for the link in the reply. */
  readonly attachedRequestId?: string | undefined;
  readonly eagerWorkflowTask?: WorkflowTaskReply | undefined;
  /** Where the update of an update-with-start stands, or why it was refused though the run exists. */
  readonly update?: UpdateReply | RpcError | undefined;
}

/** Answers inputs that have nothing to tell: signal, request-cancel, terminate, fail-workflow-task, the ends of activities, reset-sticky. */
export interface DoneReply {
  readonly kind: 'done';
  /** Of a signal: the run that took it. */
  readonly runId?: string | undefined;
}

/** A started workflow task: everything a poll reply needs except the bytes of the stored history. */
export interface WorkflowTaskReply {
  readonly kind: 'workflow-task';
  readonly token: WorkflowTaskTokenParts;
  readonly workflowId: string;
  readonly runId: string;
  readonly workflowType: string;
  /** Name of the normal task queue, also where the task came from the sticky one. */
  readonly taskQueue: string;
  readonly attempt: number;
  /** Event id of the last workflow task that was started and completed; 0 if there was none. */
  readonly previousStartedEventId: number;
  readonly startedEventId: number;
  /** Ship the stored history from this event id … */
  readonly historyFrom: number;
  /** … to this one, both included, and then the suffix. */
  readonly historyTo: number;
  /** The Scheduled and Started events of an attempt that history does not hold (yet): append these bytes to the history. */
  readonly transientSuffix?: Uint8Array | undefined;
  /** Requests that the task takes to the workflow: updates. */
  readonly messages: readonly Init<Message>[];
  /** True if the history is partial because the worker has the run in its cache. */
  readonly sticky: boolean;
  /** Milliseconds since the epoch, as the next. */
  readonly scheduledTime: number;
  readonly startedTime: number;
}

/** A started attempt of an activity. */
export interface ActivityTaskReply {
  readonly kind: 'activity-task';
  readonly token: ActivityTaskTokenParts;
  /** The poll reply, complete but for `taskToken`, which is empty. */
  readonly task: Init<PollActivityTaskQueueResponse>;
}

export interface CompleteWorkflowTaskReply {
  readonly kind: 'workflow-task-completed';
  /** The next workflow task, started already, if the request asked for it and there is one. */
  readonly newWorkflowTask?: WorkflowTaskReply | undefined;
  /** Eagerly started activities, in the order of their commands. */
  readonly activityTasks: readonly ActivityTaskReply[];
  readonly resetHistoryEventId: number;
}

export interface HeartbeatReply {
  readonly kind: 'heartbeat';
  readonly cancelRequested: boolean;
  readonly activityPaused: boolean;
  readonly activityReset: boolean;
}

export type WorkflowReply =
  | StartReply
  | DoneReply
  | WorkflowTaskReply
  | ActivityTaskReply
  | CompleteWorkflowTaskReply
  | HeartbeatReply
  | MovedReply
  | UpdateReply
  | OptionsReply
  | ActivityOptionsReply;
