/** What readers see of a schedule. Nothing is changed. */
import type { DescribeScheduleResponse, Init, ScheduleInfo, SkippedAction } from '../../protocol/index.js';
import { conflictToken } from './state.js';
import type { ScheduleMachineState } from './state.js';

const FUTURE_TIMES = 10;
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
    futureActionTimes: futureTimes(state),
    createTime: data.createdMs,
    updateTime: data.updatedMs > 0 ? data.updatedMs : undefined,
  };
}

/** A paused schedule shows them too: they are what would come. */
function futureTimes({ timing, data, state }: ScheduleMachineState): number[] {
  return timing.after(data.throughMs, state.limitedActions ? Math.min(FUTURE_TIMES, state.remainingActions) : FUTURE_TIMES);
}

/** After the start, up to and with the end: as other servers have it. */
export function matchingTimes({ timing }: ScheduleMachineState, startMs: number, endMs: number): number[] {
  const times: number[] = [];
  let next = timing.next(Math.floor(startMs));
  while (next !== undefined && next.nominalMs <= endMs && times.length < MOST_MATCHING_TIMES) {
    times.push(next.actualMs);
    next = timing.next(next.nominalMs);
  }
  return times;
}

/** The latest firings that were skipped, and why: oldest first. */
export function skippedActions({ data }: ScheduleMachineState): Init<SkippedAction>[] {
  return data.skips.map(({ nominalMs, nowMs, reason, count, message }) => ({
    scheduleTime: nominalMs,
    skipTime: nowMs,
    // The public reasons have the numbers of ours.
    reason,
    count: Math.max(1, count),
    message,
  }));
}
