/**
 * What an activity without a workflow can be told, and what it answers.
 *
 * What workers say of an attempt, and the operations of operators, are the same inputs as those of a workflow's activities: whoever sends
 * them need not know to whom the activity belongs.
 */
import type { ActivityOptions, StartActivityExecutionRequest } from '../../protocol/index.js';
import type {
  ActivityTaskReply,
  CancelActivityInput,
  CompleteActivityInput,
  DoneReply,
  FailActivityInput,
  HeartbeatActivityInput,
  HeartbeatReply,
  Jitter,
} from '../workflow/inputs.js';

/** `kind` of the machine. Its key is the activity id, its id the run id. */
export const ACTIVITY_KIND = 'activity';

/**
 * StartActivityExecution. Send it to the activity id (no `machine` in the key): where a run exists, the policies decide; UNSPECIFIED is
 * the default one. The request has been checked (`startProblem` among others); its request id is not empty.
 */
export interface StartActivityInput {
  readonly type: 'start';
  /** The name of the namespace. */
  readonly namespace: string;
  readonly request: StartActivityExecutionRequest;
}

/** Internal: creates the run. Comes only as `successor.input`. */
export interface CreateActivityInput {
  readonly type: 'create';
  readonly namespace: string;
  readonly request: StartActivityExecutionRequest;
}

interface ClientRequest {
  readonly identity: string;
  readonly reason: string;
  /** Empty: each request counts. */
  readonly requestId: string;
}

export interface CancelRequestInput extends ClientRequest {
  readonly type: 'request-cancel';
}

export interface TerminateActivityInput extends ClientRequest {
  readonly type: 'terminate';
}

export interface PauseInput extends ClientRequest {
  readonly type: 'pause';
}

export interface UnpauseInput {
  readonly type: 'unpause';
  readonly jitter: Jitter;
  readonly requestId: string;
}

export interface ResetInput {
  readonly type: 'reset';
  readonly resetHeartbeat: boolean;
  readonly keepPaused: boolean;
  readonly restoreOriginalOptions: boolean;
  readonly jitter: Jitter;
  readonly requestId: string;
}

export interface UpdateOptionsInput {
  readonly type: 'update-options';
  readonly change: { readonly kind: 'restore' } | { readonly kind: 'merge'; readonly options: ActivityOptions; readonly paths: readonly string[] };
  readonly requestId: string;
}

/** Ends it if it runs, and forgets it. */
export interface DeleteActivityInput {
  readonly type: 'delete';
}

export type OperationInput = PauseInput | UnpauseInput | ResetInput | UpdateOptionsInput;

export type ActivityInput =
  | StartActivityInput
  | CreateActivityInput
  | CompleteActivityInput
  | FailActivityInput
  | CancelActivityInput
  | HeartbeatActivityInput
  | CancelRequestInput
  | TerminateActivityInput
  | OperationInput
  | DeleteActivityInput;

/** Answers `start`. */
export interface ActivityStartedReply {
  readonly kind: 'activity-started';
  readonly runId: string;
  /** False if the activity that has the id already was used. */
  readonly started: boolean;
}

/** Answers `update-options`: the options as they are now. */
export interface StandaloneOptionsReply {
  readonly kind: 'standalone-options';
  readonly options: ActivityOptions;
}

export type ActivityReply = ActivityStartedReply | StandaloneOptionsReply | ActivityTaskReply | HeartbeatReply | DoneReply;

