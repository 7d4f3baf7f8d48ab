/**
 * What list queries see of a schedule: what they filter by, and all that a list shows of it, so that a list reads rows and loads nothing.
 *
 * The row is written when an action begins or ends and when the schedule is changed. A firing that is skipped, and time that passes, do
 * not change it: the times to come are reckoned from the spec when a list is asked for.
 */
import { ListedSchedule, WorkflowExecutionStatus } from '../../protocol/index.js';
import type { Init, Schedule, ScheduleListEntry, ScheduleSpec } from '../../protocol/index.js';
import type { ListedValue, Listing, MadeListing } from '../listing.js';
import { addSearchAttributes } from '../workflow/listing.js';
import { jitterSeed } from './state.js';
import type { ScheduleMachineState } from './state.js';
import { Timing } from './timing.js';

const LISTED_ACTIONS = 5;
const LISTED_TIMES = 5;
const LISTED_SPEC_ITEMS = 10;
/** What the actions of a row take, roughly; the spec is that of the schedule itself. */
const ROW_BYTES = 2_000;

/** What a listing is made of. Bytes and messages are replaced when they change, but for the status of an action. */
interface Facts {
  readonly schedule: Schedule | undefined;
  readonly memo: Uint8Array | undefined;
  readonly searchAttributes: Uint8Array | undefined;
  readonly actionCount: number;
  readonly statuses: number;
}

export interface KeptListing extends Facts {
  readonly listing: Listing;
}

export function listing(state: ScheduleMachineState): Listing | undefined {
  if (!state.isOpen) return undefined;
  const facts = factsOf(state);
  const kept = state.listed;
  if (kept !== undefined && isSame(kept, facts)) return kept.listing;
  const row = rowOf(state);
  const listing = { sizeBytes: ROW_BYTES + (row.memo?.byteLength ?? 0) + 2 * (row.searchAttributes?.byteLength ?? 0), make: () => make(row) };
  state.listed = { ...facts, listing };
  return listing;
}

function factsOf({ data }: ScheduleMachineState): Facts {
  const { schedule, memo, searchAttributes, actionCount, recent } = data;
  let statuses = 0;
  for (const { startWorkflowStatus } of recent) statuses = statuses * 10 + startWorkflowStatus;
  return { schedule, memo, searchAttributes, actionCount, statuses };
}

function isSame(one: Facts, other: Facts): boolean {
  return (
    one.schedule === other.schedule &&
    one.actionCount === other.actionCount &&
    one.statuses === other.statuses &&
    one.memo === other.memo &&
    one.searchAttributes === other.searchAttributes
  );
}

type Row = ReturnType<typeof rowOf>;

/** What the listing tells of a schedule at this moment: the schedule goes on. */
function rowOf({ data, state, schedule }: ScheduleMachineState) {
  return {
    createdMs: data.createdMs,
    scheduleId: data.scheduleId,
    memo: data.memo,
    searchAttributes: data.searchAttributes,
    spec: schedule.spec,
    workflowType: schedule.action?.startWorkflow?.workflowType,
    notes: state.notes,
    paused: state.paused,
    recentActions: data.recent.slice(-LISTED_ACTIONS).map((action) => ({ ...action })),
    actionsLeft: state.limitedActions ? state.remainingActions : -1,
  };
}

function make({ createdMs, scheduleId, memo, searchAttributes, actionsLeft, ...info }: Row): MadeListing {
  const attributes = new Map<string, ListedValue>();
  addSearchAttributes(attributes, searchAttributes);
  attributes
    .set('StartTime', createdMs)
    .set('ExecutionStatus', WorkflowExecutionStatus.RUNNING)
    .set('TemporalSchedulePaused', info.paused ? 1 : 0);
  return { shown: ListedSchedule.encode({ entry: { scheduleId, memo, searchAttributes, info }, actionsLeft }), attributes };
}

/** What a list shows of a schedule, from its row; undefined if the row does not say. A paused one shows times too: they are what would come. */
export function listedSchedule(row: Uint8Array | undefined, namespaceId: string, nowMs: number): Init<ScheduleListEntry> | undefined {
  const { entry, actionsLeft } = ListedSchedule.decode(row ?? new Uint8Array(0));
  const spec = entry?.info?.spec;
  if (entry?.info === undefined || spec === undefined) return undefined;
  const { scheduleId, info } = entry;
  const timing = new Timing(spec, jitterSeed(namespaceId, scheduleId));
  const most = actionsLeft < 0 ? LISTED_TIMES : Math.min(LISTED_TIMES, actionsLeft);
  return { ...entry, info: { ...info, spec: shortened(spec), futureActionTimes: timing.after(nowMs, most) } };
}

function shortened(spec: ScheduleSpec): ScheduleSpec {
  return {
    ...spec,
    structuredCalendar: spec.structuredCalendar.slice(0, LISTED_SPEC_ITEMS),
    excludeStructuredCalendar: spec.excludeStructuredCalendar.slice(0, LISTED_SPEC_ITEMS),
    interval: spec.interval.slice(0, LISTED_SPEC_ITEMS),
  };
}
