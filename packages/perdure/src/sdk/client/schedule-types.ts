/** What users give to create or update a schedule, and what they read of one. */
import type { DescribeScheduleResponse, ScheduleOverlapPolicy as WireOverlapPolicy, SkippedActionReason as WireSkippedActionReason } from '../../protocol/index.js';
import { enumNames } from '../common/enum-names.js';
import type { Duration, SearchAttributePair, SearchAttributes, TypedSearchAttributes, Workflow } from '../common/index.js';
import type { ScheduleSpec, ScheduleSpecDescription } from './schedule-spec-types.js';
import type { WorkflowOptions, WorkflowStartOptions } from './workflow-options.js';

/** What happens when an action is due while an earlier one still runs. */
export const ScheduleOverlapPolicy = {
  /** It is left out. The default. */
  SKIP: 'SKIP',
  /** It starts when the running one has ended; at most one waits. */
  BUFFER_ONE: 'BUFFER_ONE',
  /** It starts after all that wait before it. */
  BUFFER_ALL: 'BUFFER_ALL',
  /** The running one is asked to cancel; it starts when that has ended. */
  CANCEL_OTHER: 'CANCEL_OTHER',
  /** The running one is terminated; it starts then. */
  TERMINATE_OTHER: 'TERMINATE_OTHER',
  /** It starts at once. Nobody waits for actions that were started like this: the schedule does not see how they end. */
  ALLOW_ALL: 'ALLOW_ALL',
} as const;
export type ScheduleOverlapPolicy = (typeof ScheduleOverlapPolicy)[keyof typeof ScheduleOverlapPolicy];
export const scheduleOverlapPolicies = enumNames<typeof WireOverlapPolicy, ScheduleOverlapPolicy>('schedule overlap policy', {
  SKIP: 1,
  BUFFER_ONE: 2,
  BUFFER_ALL: 3,
  CANCEL_OTHER: 4,
  TERMINATE_OTHER: 5,
  ALLOW_ALL: 6,
});

/** A time that is gone through as if it passed now. */
export interface Backfill {
  /** Included. */
  start: Date;
  /** Included. */
  end: Date;
  /** Default: that of the schedule. */
  overlap?: ScheduleOverlapPolicy;
}

type ActionOption =
  | 'taskQueue'
  | 'memo'
  | 'searchAttributes'
  | 'typedSearchAttributes'
  | 'retry'
  | 'workflowExecutionTimeout'
  | 'workflowRunTimeout'
  | 'workflowTaskTimeout'
  | 'staticDetails'
  | 'staticSummary'
  | 'priority';

/** Starts a workflow execution. */
export type ScheduleOptionsStartWorkflowAction<W extends Workflow> = {
  type: 'startWorkflow';
  workflowType: string | W;
  /** The time of each action is appended. Default: `<schedule id>-workflow`. */
  workflowId?: string;
} & Pick<WorkflowStartOptions<W>, ActionOption | 'args'>;

export type ScheduleOptionsAction = ScheduleOptionsStartWorkflowAction<Workflow>;

export interface SchedulePolicyOptions {
  /** Default SKIP. */
  overlap?: ScheduleOverlapPolicy;
  /** An action that the server could not take in time is taken late, but not later than this. Default one year, at least 10 seconds. */
  catchupWindow?: Duration;
  /** Pause when an action fails or times out. Default false. */
  pauseOnFailure?: boolean;
}

export interface ScheduleStateOptions {
  /** Default false. */
  paused?: boolean;
  note?: string;
  /** Default: no limit. */
  remainingActions?: number;
}

export interface ScheduleOptions<A extends ScheduleOptionsAction = ScheduleOptionsAction> {
  /** Unique in the namespace. */
  scheduleId: string;
  spec: ScheduleSpec;
  action: A;
  policies?: SchedulePolicyOptions;
  memo?: Record<string, unknown>;
  /** @deprecated Use `typedSearchAttributes`. */
  searchAttributes?: SearchAttributes;
  typedSearchAttributes?: SearchAttributePair[] | TypedSearchAttributes;
  state?: ScheduleStateOptions & {
    /** Take an action right away. Default false. */
    triggerImmediately?: boolean;
    backfill?: Backfill[];
  };
}

/** A schedule as it is to be from now on. Search attributes that are left out stay. */
export interface ScheduleUpdateOptions<A extends ScheduleOptionsAction = ScheduleOptionsAction> {
  spec: ScheduleSpec;
  action: A;
  policies?: SchedulePolicyOptions;
  /** @deprecated Use `typedSearchAttributes`. */
  searchAttributes?: SearchAttributes;
  typedSearchAttributes?: SearchAttributePair[] | TypedSearchAttributes;
  state?: ScheduleStateOptions;
}

/** An execution that a schedule started. */
export interface ScheduleExecutionStartWorkflowActionResult {
  type: 'startWorkflow';
  workflow: { workflowId: string; firstExecutionRunId: string };
}
export type ScheduleExecutionActionResult = ScheduleExecutionStartWorkflowActionResult;

export interface ScheduleExecutionResult {
  /** With jitter. */
  scheduledAt: Date;
  takenAt: Date;
  action: ScheduleExecutionActionResult;
}

export interface ScheduleSummaryStartWorkflowAction {
  type: 'startWorkflow';
  workflowType: string;
}
export type ScheduleSummaryAction = ScheduleSummaryStartWorkflowAction;

export type ScheduleDescriptionStartWorkflowAction = ScheduleSummaryStartWorkflowAction &
  Pick<WorkflowOptions, ActionOption | 'workflowId'> & { args: unknown[] };
export type ScheduleDescriptionAction = ScheduleDescriptionStartWorkflowAction;

interface Labels {
  scheduleId: string;
  memo?: Record<string, unknown>;
  /** @deprecated Use `typedSearchAttributes`. */
  searchAttributes: SearchAttributes;
  typedSearchAttributes: TypedSearchAttributes;
}

/** A schedule as lists show it. */
export interface ScheduleSummary extends Labels {
  spec?: ScheduleSpecDescription;
  action?: ScheduleSummaryAction;
  state: { paused: boolean; note?: string };
  info: {
    /** The latest, oldest first. */
    recentActions: ScheduleExecutionResult[];
    nextActionTimes: Date[];
  };
}

/** Everything the server tells of a schedule. Can be given back to `update`. */
export interface ScheduleDescription extends Labels {
  spec: ScheduleSpecDescription;
  action: ScheduleDescriptionAction;
  /** `catchupWindow` in milliseconds. */
  policies: { overlap: ScheduleOverlapPolicy; catchupWindow: number; pauseOnFailure: boolean };
  state: { paused: boolean; note?: string; remainingActions?: number };
  info: {
    /** The latest, oldest first. */
    recentActions: ScheduleExecutionResult[];
    nextActionTimes: Date[];
    numActionsTaken: number;
    numActionsMissedCatchupWindow: number;
    numActionsSkippedOverlap: number;
    createdAt: Date;
    lastUpdatedAt: Date | undefined;
    /** Those that others wait for. */
    runningActions: ScheduleExecutionActionResult[];
  };
  raw: DescribeScheduleResponse;
}

/** Why an action was not taken. */
export const SkippedActionReason = {
  /** The one before it still ran, and the overlap policy says so. */
  OVERLAP: 'OVERLAP',
  /** The server was down for longer than the catch-up window. */
  CATCHUP_WINDOW: 'CATCHUP_WINDOW',
  /** Too many waited already. */
  BUFFER_FULL: 'BUFFER_FULL',
  /** A later one that cancels or terminates took its place. */
  REPLACED: 'REPLACED',
  /** The schedule was paused, or had no actions left; told by servers of an earlier version. */
  NOT_ALLOWED: 'NOT_ALLOWED',
  /** A workflow of this id had been started before. */
  WORKFLOW_ID_TAKEN: 'WORKFLOW_ID_TAKEN',
  /** The server refused to start the workflow; `message` says why. */
  START_REFUSED: 'START_REFUSED',
  /** The schedule was paused. Told once it goes on. */
  PAUSED: 'PAUSED',
  /** `remainingActions` was 0. Told once there are more. */
  NO_ACTIONS_LEFT: 'NO_ACTIONS_LEFT',
} as const;
export type SkippedActionReason = (typeof SkippedActionReason)[keyof typeof SkippedActionReason];
export const skippedActionReasons = enumNames<typeof WireSkippedActionReason, SkippedActionReason>('reason of a skipped action', {
  OVERLAP: 1,
  CATCHUP_WINDOW: 2,
  BUFFER_FULL: 3,
  REPLACED: 4,
  NOT_ALLOWED: 5,
  WORKFLOW_ID_TAKEN: 6,
  START_REFUSED: 7,
  PAUSED: 8,
  NO_ACTIONS_LEFT: 9,
});

/** An action of a schedule that was not taken, or several in a row for the same reason. */
export interface SkippedAction {
  /** When it was due; of several the last one. */
  scheduledAt: Date;
  skippedAt: Date;
  /** `undefined`: one that this version does not know. */
  reason: SkippedActionReason | undefined;
  /** How many, at least. */
  count: number;
  message?: string;
}
