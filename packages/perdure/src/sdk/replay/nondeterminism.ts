/** The report of a replay that does not fit: what history holds, what the code did instead, and where. */
import { EventType, type HistoryEvent } from '../../protocol/index.js';
import { framesOf } from '../workflow/stack-traces.js';
import type { QueuedCommand } from './machines/machine.js';

export interface NondeterminismReport {
  /** The event that history holds; absent when the code did more than history shows. */
  readonly expected: { readonly eventId: number; readonly description: string } | undefined;
  /** What the code did instead; absent when it did nothing. */
  readonly actual: { readonly description: string; readonly stack: string } | undefined;
}

export class NondeterminismError extends Error {
  override readonly name = 'NondeterminismError';

  constructor(
    readonly report: NondeterminismReport,
    detail = '',
  ) {
    super(messageFor(report) + detail);
  }

  static mismatch(event: HistoryEvent, command: QueuedCommand | undefined): NondeterminismError {
    const expected = { eventId: event.eventId, description: describeEvent(event) };
    return new NondeterminismError({ expected, actual: command && describeCommand(command) });
  }

  static missing(command: QueuedCommand, workflowTaskCompletedEventId: number): NondeterminismError {
    return new NondeterminismError(
      { expected: undefined, actual: describeCommand(command) },
      ` (after the workflow task that event ${workflowTaskCompletedEventId} completed)`,
    );
  }

  static unknownReference(event: HistoryEvent): NondeterminismError {
    const expected = { eventId: event.eventId, description: describeEvent(event) };
    return new NondeterminismError({ expected, actual: undefined }, ': nothing the code did is waiting for it');
  }
}

function describeCommand(command: QueuedCommand): { readonly description: string; readonly stack: string } {
  return { description: command.description, stack: command.site === undefined ? '' : framesOf(command.site) };
}

function messageFor({ expected, actual }: NondeterminismReport): string {
  const history = expected === undefined ? 'history has no further command here' : `history has event ${expected.eventId}, ${expected.description}`;
  const where = actual?.stack ? ` ${(actual.stack.split('\n')[0] ?? '').trim()}` : '';
  const code = actual === undefined ? 'the code did nothing of the kind' : `the code went on to ${actual.description}${where}`;
  return (
    `Nondeterminism: the workflow code does not do what it did before: ${history}, but ${code}. ` +
    'Put changes of running workflows behind patched(), and keep clocks, chance and I/O out of workflow code'
  );
}

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(EventType).map(([name, value]) => [value, name]));

/** `ActivityTaskScheduled (activity 'charge', id '3')`. */
function describeEvent(event: HistoryEvent): string {
  const name = (NAMES.get(event.eventType) ?? `type ${event.eventType}`)
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');
  const details = detailsOf(event);
  return details === '' ? name : `${name} (${details})`;
}

function detailsOf(event: HistoryEvent): string {
  const activity = event.activityTaskScheduledEventAttributes;
  if (activity !== undefined) return `activity '${activity.activityType?.name ?? ''}', id '${activity.activityId}'`;
  const timerId = event.timerStartedEventAttributes?.timerId ?? event.timerCanceledEventAttributes?.timerId;
  if (timerId !== undefined) return `timer '${timerId}'`;
  const child = event.startChildWorkflowExecutionInitiatedEventAttributes;
  if (child !== undefined) return `child workflow '${child.workflowType?.name ?? ''}', id '${child.workflowId}'`;
  const marker = event.markerRecordedEventAttributes;
  if (marker !== undefined) return `marker '${marker.markerName}'`;
  const signal = event.signalExternalWorkflowExecutionInitiatedEventAttributes;
  if (signal !== undefined) return `signal '${signal.signalName}'`;
  return '';
}
