/** Code around the calls of the activity client, handles included. Headers set at the start reach the interceptors of the activity. */
import type { Headers, Next, TypeInfo } from '../common/index.js';
import type { ActivityDescribeOptions, ActivityHandle, ActivityPauseOptions, ActivityUnpauseOptions } from './activity-client.js';
import type { ActivityExecutionDescription, ActivityExecutionInfo } from './activity-description.js';
import type { ActivityOptions, ActivityOptionsUpdate, ActivityOptionsUpdateResult } from './activity-options.js';

/** Implement any of these. */
export interface ActivityClientInterceptor {
  start?(input: ActivityStartInput, next: Next<ActivityClientInterceptor, 'start'>): Promise<ActivityHandle>;
  /** Around the whole wait for the result. */
  getResult?(input: ActivityGetResultInput, next: Next<ActivityClientInterceptor, 'getResult'>): Promise<unknown>;
  describe?(input: ActivityDescribeInput, next: Next<ActivityClientInterceptor, 'describe'>): Promise<ActivityExecutionDescription>;
  cancel?(input: ActivityCancelInput, next: Next<ActivityClientInterceptor, 'cancel'>): Promise<void>;
  terminate?(input: ActivityTerminateInput, next: Next<ActivityClientInterceptor, 'terminate'>): Promise<void>;
  list?(input: ActivityListInput, next: Next<ActivityClientInterceptor, 'list'>): AsyncIterable<ActivityExecutionInfo>;
  count?(input: ActivityCountInput, next: Next<ActivityClientInterceptor, 'count'>): Promise<CountActivityExecutions>;
  pause?(input: ActivityPauseInput, next: Next<ActivityClientInterceptor, 'pause'>): Promise<void>;
  unpause?(input: ActivityUnpauseInput, next: Next<ActivityClientInterceptor, 'unpause'>): Promise<void>;
  updateOptions?(input: ActivityUpdateOptionsInput, next: Next<ActivityClientInterceptor, 'updateOptions'>): Promise<ActivityOptionsUpdateResult>;
  restoreOriginalOptions?(
    input: ActivityRestoreOriginalOptionsInput,
    next: Next<ActivityClientInterceptor, 'restoreOriginalOptions'>,
  ): Promise<ActivityOptionsUpdateResult>;
}

/** A count, in total and for each group if the query groups. */
export interface CountActivityExecutions {
  readonly count: number;
  readonly groups?: { readonly count: number; readonly groupValues?: unknown[] }[];
}

export interface ActivityStartInput {
  readonly activityType: string;
  readonly options: ActivityOptions;
  readonly headers: Headers;
}

/** An activity as its handle names it. */
interface AboutActivity {
  readonly activityId: string;
  /** Empty: the latest run. */
  readonly activityRunId: string;
  readonly headers: Headers;
}

export interface ActivityGetResultInput extends AboutActivity {
  /** How the result travels. */
  readonly outputType?: TypeInfo;
}

export interface ActivityDescribeInput extends AboutActivity {
  readonly options: Required<ActivityDescribeOptions>;
}

export interface ActivityCancelInput extends AboutActivity {
  readonly reason: string;
}

export interface ActivityTerminateInput extends AboutActivity {
  readonly reason: string;
}

export interface ActivityPauseInput extends AboutActivity {
  readonly options: ActivityPauseOptions;
}

export interface ActivityUnpauseInput extends AboutActivity {
  readonly options: ActivityUnpauseOptions;
}

export interface ActivityUpdateOptionsInput extends AboutActivity {
  readonly options: ActivityOptionsUpdate;
}

export interface ActivityRestoreOriginalOptionsInput extends AboutActivity {}

export interface ActivityListInput {
  readonly query: string;
  readonly headers: Headers;
}

export interface ActivityCountInput {
  readonly query: string;
  readonly headers: Headers;
}
