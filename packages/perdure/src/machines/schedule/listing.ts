/**
 * What list queries see of a schedule. Only what they filter by: what a list shows of it (its next times, its latest actions) changes with
 * every firing, and is looked up when it is asked for.
 */
import { ScheduleListEntry, SearchAttributes, WorkflowExecutionStatus } from '../../protocol/index.js';
import type { ListedValue, Listing } from '../listing.js';
import { SYSTEM_ATTRIBUTES } from '../search-attributes/names.js';
import { listedValue } from '../workflow/listing.js';
import type { ScheduleMachineState } from './state.js';

interface Kept {
  readonly paused: boolean;
  readonly searchAttributes: Uint8Array | undefined;
  readonly listing: Listing;
}

const keptOf = new WeakMap<ScheduleMachineState, Kept>();

export function listing(state: ScheduleMachineState): Listing | undefined {
  if (!state.isOpen) return undefined;
  const { paused } = state.state;
  const { searchAttributes } = state.data;
  const kept = keptOf.get(state);
  if (kept !== undefined && kept.paused === paused && kept.searchAttributes === searchAttributes) return kept.listing;
  const made = make(state);
  keptOf.set(state, { paused, searchAttributes, listing: made });
  return made;
}

function make({ data, state }: ScheduleMachineState): Listing {
  const attributes = new Map<string, ListedValue>([
    ['StartTime', data.createdMs],
    ['ExecutionStatus', WorkflowExecutionStatus.RUNNING],
    ['TemporalSchedulePaused', state.paused ? 1 : 0],
  ]);
  for (const [name, payload] of data.searchAttributes === undefined ? [] : SearchAttributes.decode(data.searchAttributes).indexedFields) {
    const value = SYSTEM_ATTRIBUTES.has(name) ? undefined : listedValue(payload);
    if (value !== undefined && !attributes.has(name)) attributes.set(name, value);
  }
  return { shown: ScheduleListEntry.encode({ scheduleId: data.scheduleId }), attributes };
}
