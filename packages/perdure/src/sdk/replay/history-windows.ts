/**
 * A history cut where workflow code ran.
 *
 * Workflow code runs once for each workflow task that completed. A window holds the events that such a task brought: everything after the
 * previous one's WorkflowTaskStarted, up to and including its own. Tasks that failed or timed out did not count, so they do not end a
 * window: their events belong to the next task that does.
 */
import { EventType, type HistoryEvent } from '../../protocol/index.js';

export interface HistoryWindow {
  /** Indices into the events: `from` included, `to` is the WorkflowTaskStarted. */
  readonly from: number;
  readonly to: number;
  /** False for the task that is being processed now: its outcome is not in history. */
  readonly isReplay: boolean;
}

/**
 * The windows of `events`. `currentStartedEventId` is the task being processed; 0 for none (a query), then events after the last completed
 * task are left out: no code has seen them.
 */
export function historyWindows(events: readonly HistoryEvent[], currentStartedEventId: number): HistoryWindow[] {
  const windows: HistoryWindow[] = [];
  let from = 0;
  for (let index = 0; index < events.length; index++) {
    const event = events[index]!;
    if (event.eventType !== EventType.WORKFLOW_TASK_STARTED) continue;
    const isCurrent = event.eventId === currentStartedEventId;
    const isReplay = events[index + 1]?.eventType === EventType.WORKFLOW_TASK_COMPLETED;
    if (!isCurrent && !isReplay) continue;
    windows.push({ from, to: index, isReplay: isReplay && !isCurrent });
    from = index + 1;
    if (isCurrent) break;
  }
  return windows;
}
