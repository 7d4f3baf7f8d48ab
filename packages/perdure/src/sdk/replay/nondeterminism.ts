/** The report of a replay that does not fit: what history holds, what the code did instead, and where. */
import { EventType, type HistoryEvent } from '../../protocol/index.js';
import { framesOf } from '../workflow/stack-traces.js';
import { isLocalActivityMarker, localActivityRecordOf } from './machines/local-activity-marker.js';
import type { CallSite } from '../workflow/activation.js';

/** What the code did. */
interface Doing {
  readonly description: string;
  readonly site: CallSite | undefined;
}

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

  static mismatch(event: HistoryEvent, command: Doing | undefined): NondeterminismError {
    const expected = { eventId: event.eventId, description: describeEvent(event) };
    return new NondeterminismError({ expected, actual: command && describeCommand(command) });
  }

  static missing(command: Doing, workflowTaskCompletedEventId: number): NondeterminismError {
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

const NONDETERMINISM_NAMES: readonly string[] = ['NondeterminismError', 'DeterminismViolationError', 'Error'];

/** Whether an execution of the types that fail it fails when its code does not fit its history. Otherwise the task fails, and the code can be mended. */
export function isNondeterminismFailure(failureErrorTypes: readonly string[] | undefined): boolean {
  return failureErrorTypes?.some((name) => NONDETERMINISM_NAMES.includes(name)) ?? false;
}

function describeCommand(command: Doing): { readonly description: string; readonly stack: string } {
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
  if (isLocalActivityMarker(event)) {
    const record = localActivityRecordOf(event);
    return `local activity '${record?.activityType ?? ''}', id '${record?.activityId ?? ''}'`;
  }
  if (marker !== undefined) return `marker '${marker.markerName}'`;
  const update = event.workflowExecutionUpdateAcceptedEventAttributes;
  if (update !== undefined) return `update '${update.acceptedRequest?.input?.name ?? ''}', id '${update.protocolInstanceId}'`;
  const completed = event.workflowExecutionUpdateCompletedEventAttributes;
  if (completed !== undefined) return `update id '${completed.meta?.updateId ?? ''}'`;
  const signal = event.signalExternalWorkflowExecutionInitiatedEventAttributes;
  if (signal !== undefined) return `signal '${signal.signalName}'`;
  return '';
}
