/** An event history as a few lines: one per step, with the time since the start and the ids of its events. */
import type { WorkflowHandle } from 'perdure/client';

type Events = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events'] | undefined;

export function eventCount(events: Events): number {
  return events?.length ?? 0;
}

export function timeline(events: Events): string[] {
  const started = events?.[0]?.eventTime ?? 0;
  const names = new Map<number, string>();
  const attempts = new Map<number, number>();
  const lines: string[] = [];
  const add = (event: NonNullable<Events>[number], text: string) =>
    lines.push(`+${(((event.eventTime ?? started) - started) / 1000).toFixed(2)}s  event ${String(event.eventId).padStart(2)}  ${text}`);
  for (const event of events ?? []) {
    const { activityTaskScheduledEventAttributes: scheduled, activityTaskStartedEventAttributes: begun } = event;
    const ended = event.activityTaskCompletedEventAttributes ?? event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
    if (scheduled) names.set(event.eventId, scheduled.activityType?.name ?? '');
    else if (begun) attempts.set(begun.scheduledEventId, begun.attempt);
    else if (ended) {
      const attempt = attempts.get(ended.scheduledEventId) ?? 1;
      add(event, `${names.get(ended.scheduledEventId)} ${event.activityTaskCompletedEventAttributes ? 'done' : 'failed'}${attempt > 1 ? ` in attempt ${attempt}` : ''}`);
    } else if (event.timerStartedEventAttributes) add(event, 'waits for approval, with a timeout');
    else if (event.timerFiredEventAttributes) add(event, 'the timeout came first');
    else if (event.workflowExecutionSignaledEventAttributes) add(event, `signal ${event.workflowExecutionSignaledEventAttributes.signalName}`);
    else if (event.workflowExecutionCompletedEventAttributes) add(event, 'completed');
    else if (event.workflowExecutionFailedEventAttributes) add(event, 'failed');
  }
  return lines;
}
