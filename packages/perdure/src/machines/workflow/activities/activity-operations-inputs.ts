/** What an operator can tell the pending activities of a run, and what is answered. */
import type { ActivityOptions } from '../../../protocol/index.js';

/** The activities that are meant: the one with this id, all of a type, or all. */
export type ActivitySelection = { readonly by: 'id'; readonly id: string } | { readonly by: 'type'; readonly type: string } | { readonly by: 'all' };

/** Spreads the attempts of many activities over a while, so that they do not all begin at once. */
export interface Jitter {
  /** Attempts begin within this many milliseconds; 0: at once. */
  readonly withinMs: number;
  /** From 0 up to 1, drawn by the sender: decisions know no chance of their own. */
  readonly seed: number;
}

export interface PauseActivityInput {
  readonly type: 'pause-activity';
  readonly selection: ActivitySelection;
  readonly identity: string;
  readonly reason: string;
  readonly requestId: string;
}

export interface UnpauseActivityInput {
  readonly type: 'unpause-activity';
  readonly selection: ActivitySelection;
  readonly resetAttempts: boolean;
  readonly resetHeartbeat: boolean;
  readonly jitter: Jitter;
}

export interface ResetActivityInput {
  readonly type: 'reset-activity';
  readonly selection: ActivitySelection;
  readonly resetHeartbeat: boolean;
  readonly keepPaused: boolean;
  readonly restoreOriginalOptions: boolean;
  readonly jitter: Jitter;
  /** The same id again changes nothing. Left out: each request counts. */
  readonly requestId?: string | undefined;
}

export interface UpdateActivityOptionsInput {
  readonly type: 'update-activity-options';
  readonly selection: ActivitySelection;
  readonly change:
    | { readonly kind: 'restore' }
    /** `paths` of a field mask, in snake case or camel case. */
    | { readonly kind: 'merge'; readonly options: ActivityOptions; readonly paths: readonly string[] };
}

export type ActivityOperationInput = PauseActivityInput | UnpauseActivityInput | ResetActivityInput | UpdateActivityOptionsInput;

/** Answers `update-activity-options`: the options of the first activity that was meant, as they are now. */
export interface ActivityOptionsReply {
  readonly kind: 'activity-options';
  readonly options: ActivityOptions;
}
