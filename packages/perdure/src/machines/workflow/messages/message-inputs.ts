/**
 * What runs write to each other. Inputs that clients send too (start, signal, request-cancel, terminate) carry the sender beside the
 * request; `child-closed` comes from runs only.
 */
import type { HistoryEvent, WorkflowExecution } from '../../../protocol/index.js';
import type { InheritedVersion } from '../runs/version-binding.js';

/** The run that wrote, and the event of its history that says so. */
export interface Sender {
  /** Id of its namespace. */
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly runId: string;
  /** 0 where no event says so: a parent close policy. */
  readonly initiatedEventId: number;
  /** Set in a run that a reset made: the run that began it. Its children are the sender's too. */
  readonly originalRunId?: string | undefined;
}

/** Goes with a signal, a cancel request or a termination that another run asked for. */
export interface ExternalSender extends Sender {
  /** The receiver must be a child of the sender. */
  readonly childWorkflowOnly: boolean;
}

/** Goes with the start of a child workflow. */
export interface ParentInfo extends Sender {
  /** The parent's namespace by name. */
  readonly namespace: string;
  /** The run at the top of the family. */
  readonly root: WorkflowExecution;
  /** The version of a worker deployment with which the child begins. */
  readonly version?: InheritedVersion | undefined;
}

/** Tells a parent how its child ended: the last run of the child's chain, with the event that closed it. */
export interface ChildClosedInput {
  readonly type: 'child-closed';
  readonly initiatedEventId: number;
  readonly workflowId: string;
  /** The run that ended. */
  readonly runId: string;
  /** The run that the parent started. */
  readonly firstExecutionRunId: string;
  readonly event: HistoryEvent;
}

/** Answers `child-closed` where the parent was reset: tell this run instead. */
export interface MovedReply {
  readonly kind: 'moved';
  readonly runId: string;
}
