/** What readers see of a schedule. Nothing is changed. */
import type { DescribeScheduleResponse, Init, ScheduleInfo, ScheduleListEntry, ScheduleSpec } from '../../protocol/index.js';
import { conflictToken } from './state.js';
import type { ScheduleMachineState } from './state.js';

const FUTURE_TIMES = 10;
const LISTED_TIMES = 5;
const LISTED_SPEC_ITEMS = 10;
const MOST_MATCHING_TIMES = 1000;

export function describeSchedule(state: ScheduleMachineState): Init<DescribeScheduleResponse> {
  const { schedule, memo, searchAttributes } = state.data;
  return { schedule, info: infoOf(state), memo, searchAttributes, conflictToken: conflictToken(state) };
}

function infoOf(state: ScheduleMachineState): Init<ScheduleInfo> {
  const { data } = state;
  return {
    actionCount: data.actionCount,
    missedCatchupWindow: data.missed,
    overlapSkipped: data.overlapSkipped,
    bufferDropped: data.bufferDropped,
    bufferSize: data.buffer.length,
    runningWorkflows: data.running.map(({ workflowId, runId }) => ({ workflowId, runId })),
    recentActions: data.recent,
    futureActionTimes: futureTimes(state, FUTURE_TIMES),
    createTime: data.createdMs,
    updateTime: data.updatedMs > 0 ? data.updatedMs : undefined,
  };
}

export function listSchedule(state: ScheduleMachineState): Init<ScheduleListEntry> {
  const { data, schedule } = state;
  return {
    scheduleId: data.scheduleId,
    memo: data.memo,
    searchAttributes: data.searchAttributes,
    info: {
      spec: schedule.spec && listedSpec(schedule.spec),
      workflowType: schedule.action?.startWorkflow?.workflowType,
      notes: state.state.notes,
      paused: state.state.paused,
      recentActions: data.recent.slice(-LISTED_TIMES),
      futureActionTimes: futureTimes(state, LISTED_TIMES),
    },
  };
}

function listedSpec(spec: ScheduleSpec): ScheduleSpec {
  return {
    ...spec,
    structuredCalendar: spec.structuredCalendar.slice(0, LISTED_SPEC_ITEMS),
    excludeStructuredCalendar: spec.excludeStructuredCalendar.slice(0, LISTED_SPEC_ITEMS),
    interval: spec.interval.slice(0, LISTED_SPEC_ITEMS),
  };
}

/** A paused schedule shows them too: they are what would come. */
function futureTimes({ timing, data, state }: ScheduleMachineState, most: number): number[] {
  const times: number[] = [];
  const count = state.limitedActions ? Math.min(most, state.remainingActions) : most;
  let next = timing.next(data.throughMs);
  while (next !== undefined && times.length < count) {
    times.push(next.actualMs);
    next = timing.next(next.nominalMs);
  }
  return times;
}

/** Both ends included. */
export function matchingTimes({ timing }: ScheduleMachineState, startMs: number, endMs: number): number[] {
  const times: number[] = [];
  let next = timing.next(Math.ceil(startMs) - 1);
  while (next !== undefined && next.nominalMs <= endMs && times.length < MOST_MATCHING_TIMES) {
    times.push(next.actualMs);
    next = timing.next(next.nominalMs);
  }
  return times;
}

/** The latest firings that were skipped, and why: oldest first. */
export function skippedFirings({ data }: ScheduleMachineState): readonly ScheduleMachineState['data']['skips'][number][] {
  return data.skips;
}
