/** What a schedule can be told, and what it answers. The frontend checks what clients send, and canonicalises the spec, before it gets here. */
import type { Encoded, Memo, Schedule, SchedulePatch, ScheduleSnapshot, SearchAttributes } from '../../protocol/index.js';
import type { RunClosedInput } from '../workflow/messages/schedule-notice.js';

export { SCHEDULE_KIND } from '../workflow/messages/schedule-notice.js';

/** CreateSchedule, sent to the schedule id. Refused with ALREADY_EXISTS unless it is the same request again. */
export interface CreateScheduleInput {
  readonly type: 'create';
  /** The name of the namespace; its id is in the machine key. */
  readonly namespace: string;
  readonly requestId: string;
  readonly schedule: Schedule;
  readonly patch?: SchedulePatch | undefined;
  readonly memo?: Encoded<Memo> | undefined;
  readonly searchAttributes?: Encoded<SearchAttributes> | undefined;
}

/** UpdateSchedule: replaces spec, action, policies and state; what it did and what is running stays. */
export interface UpdateScheduleInput {
  readonly type: 'update';
  readonly requestId: string;
  /** Empty: whatever the schedule is now. */
  readonly conflictToken: Uint8Array;
  readonly schedule: Schedule;
  /** Undefined: as it was. */
  readonly memo?: Encoded<Memo> | undefined;
  readonly searchAttributes?: Encoded<SearchAttributes> | undefined;
}

/** PatchSchedule. */
export interface PatchScheduleInput {
  readonly type: 'patch';
  readonly requestId: string;
  readonly patch: SchedulePatch;
}

export interface DeleteScheduleInput {
  readonly type: 'delete';
}

/** Internal: the schedule goes on as this machine. Comes only as `successor.input`. */
export interface ContinueScheduleInput {
  readonly type: 'continue';
  readonly snapshot: ScheduleSnapshot;
}

export type ScheduleInput =
  | CreateScheduleInput
  | UpdateScheduleInput
  | PatchScheduleInput
  | DeleteScheduleInput
  | ContinueScheduleInput
  | RunClosedInput;

/** Answers every input. */
export interface ScheduleReply {
  readonly kind: 'schedule';
  readonly conflictToken: Uint8Array;
}

