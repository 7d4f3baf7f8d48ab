/**
 * What list queries see of a schedule: what they filter by, and all that a list shows of it, so that a list reads rows and loads nothing.
 *
 * The row is written when an action begins or ends and when the schedule is changed. A firing that is skipped, and time that passes, do
 * not change it: the times to come are reckoned from the spec when a list is asked for.
 */
import { ListedSchedule, SearchAttributes, WorkflowExecutionStatus } from '../../protocol/index.js';
import type { Init, Schedule, ScheduleListEntry, ScheduleSpec } from '../../protocol/index.js';
import type { ListedValue, Listing } from '../listing.js';
import { SYSTEM_ATTRIBUTES } from '../search-attributes/names.js';
import { listedValue } from '../workflow/listing.js';
import { jitterSeed } from './state.js';
import type { ScheduleMachineState } from './state.js';
import { Timing } from './timing.js';

const LISTED_ACTIONS = 5;
const LISTED_TIMES = 5;
const LISTED_SPEC_ITEMS = 10;

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
  const made = make(state);
  state.listed = { ...facts, listing: made };
  return made;
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

function make({ data, state, schedule }: ScheduleMachineState): Listing {
  const attributes = new Map<string, ListedValue>([
    ['StartTime', data.createdMs],
    ['ExecutionStatus', WorkflowExecutionStatus.RUNNING],
    ['TemporalSchedulePaused', state.paused ? 1 : 0],
  ]);
  for (const [name, payload] of data.searchAttributes === undefined ? [] : SearchAttributes.decode(data.searchAttributes).indexedFields) {
    const value = SYSTEM_ATTRIBUTES.has(name) ? undefined : listedValue(payload);
    if (value !== undefined && !attributes.has(name)) attributes.set(name, value);
  }
  const entry = {
    scheduleId: data.scheduleId,
    memo: data.memo,
    searchAttributes: data.searchAttributes,
    info: {
      spec: schedule.spec,
      workflowType: schedule.action?.startWorkflow?.workflowType,
      notes: state.notes,
      paused: state.paused,
      recentActions: data.recent.slice(-LISTED_ACTIONS),
    },
  };
  return { shown: ListedSchedule.encode({ entry, actionsLeft: state.limitedActions ? state.remainingActions : -1 }), attributes };
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
