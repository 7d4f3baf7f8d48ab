/**
 * Histories as text: for people who look at one, and as a snapshot that a test compares.
 *
 * A snapshot holds what workflow code did and was told, and nothing that differs from run to run or from machine to machine: no ids that
 * were made up, no identities, no dates, no workflow tasks. Values are shown as JSON. The format is stable: a change of it is a new option.
 */
import { EventType, Failure, Payloads, type Encoded, type HistoryEvent } from '../protocol/index.js';
import { defaultPayloadConverter } from '../sdk/common/index.js';

type History = { readonly events: readonly HistoryEvent[] };

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(EventType).map(([name, value]) => [value, pascal(name)]));
const TASK_EVENTS = /^WorkflowTask/;
/** Shown where a value cannot be decoded without the application's converter, or is very long. */
const LONGEST_VALUE = 200;

/**
 * Every event on a line: its id, the time since the first event, its name and what matters of it.
 *
 * @example console.log(printHistory(await handle.fetchHistory()));
 */
export function printHistory({ events }: History): string {
  const since = events[0]?.eventTime ?? 0;
  const width = String(events.at(-1)?.eventId ?? 0).length;
  const scheduled = namesOf(events);
  return events
    .map((event) => `${String(event.eventId).padStart(width)}  ${`+${span((event.eventTime ?? since) - since)}`.padEnd(10)}  ${nameOf(event).padEnd(38)}${describe(event, scheduled)}`.trimEnd())
    .join('\n');
}

/**
 * What the workflow did, on a line each, fit to be compared in a test.
 *
 * @example assert.equal(historySnapshot(await handle.fetchHistory()), readFileSync('order.history.txt', 'utf8'));
 */
export function historySnapshot({ events }: History): string {
  const scheduled = namesOf(events);
  return events
    .filter((event) => !TASK_EVENTS.test(nameOf(event)))
    .map((event) => `${nameOf(event)} ${describe(event, scheduled)}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}

/** What activities, timers and children are called, by the id of the event that began them. */
function namesOf(events: readonly HistoryEvent[]): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const event of events) {
    const activity = event.activityTaskScheduledEventAttributes;
    if (activity !== undefined) names.set(event.eventId, activity.activityType?.name ?? '');
    const timer = event.timerStartedEventAttributes;
    if (timer !== undefined) names.set(event.eventId, span(timer.startToFireTimeout ?? 0));
    const child = event.startChildWorkflowExecutionInitiatedEventAttributes;
    if (child !== undefined) names.set(event.eventId, child.workflowType?.name ?? '');
    const signal = event.signalExternalWorkflowExecutionInitiatedEventAttributes;
    if (signal !== undefined) names.set(event.eventId, signal.signalName);
  }
  return names;
}

/** The attributes that events share, whatever their type. */
interface Attributes {
  readonly workflowType?: { readonly name: string };
  readonly activityType?: { readonly name: string };
  readonly input?: Encoded<Payloads>;
  readonly result?: Encoded<Payloads>;
  readonly failure?: Encoded<Failure>;
  readonly signalName?: string;
  readonly markerName?: string;
  readonly startToFireTimeout?: number;
  readonly scheduledEventId?: number;
  readonly startedEventId?: number;
  readonly initiatedEventId?: number;
  readonly reason?: string;
  readonly cause?: unknown;
  readonly attempt?: number;
}

function describe(event: HistoryEvent, names: ReadonlyMap<number, string>): string {
  const update = event.workflowExecutionUpdateAcceptedEventAttributes;
  if (update !== undefined) return `${update.acceptedRequest?.input?.name ?? ''}${call(update.acceptedRequest?.input?.args)}`;
  const attributes = attributesOf(event);
  if (attributes === undefined) return '';
  const { input, result, failure, startToFireTimeout, scheduledEventId, startedEventId, initiatedEventId, reason } = attributes;
  const own = attributes.activityType?.name ?? attributes.workflowType?.name ?? attributes.signalName ?? attributes.markerName;
  const begun = names.get(scheduledEventId ?? 0) ?? names.get(initiatedEventId ?? 0) ?? names.get(startedEventId ?? 0);
  const parts = [
    own === undefined ? begun : `${own}${input === undefined ? '' : call(input)}`,
    startToFireTimeout === undefined ? undefined : span(startToFireTimeout),
    result === undefined ? undefined : `→ ${values(result)}`,
    failure === undefined ? undefined : `✗ ${failureText(Failure.decode(failure))}`,
    reason ? JSON.stringify(reason) : undefined,
    attributes.attempt !== undefined && attributes.attempt > 1 && begun !== undefined ? `attempt ${attributes.attempt}` : undefined,
  ];
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}

function attributesOf(event: HistoryEvent): Attributes | undefined {
  for (const [name, value] of Object.entries(event)) if (name.endsWith('EventAttributes') && value !== undefined) return value as Attributes;
  return undefined;
}

const call = (input: Encoded<Payloads> | undefined): string => `(${input === undefined ? '' : values(input)})`;

function values(bytes: Encoded<Payloads>): string {
  return Payloads.decode(bytes)
    .payloads.map((payload) => {
      try {
        const text = JSON.stringify(defaultPayloadConverter.fromPayload<unknown>(payload)) ?? 'undefined';
        return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
      } catch {
        return `<${payload.data.byteLength} bytes, ${Buffer.from(payload.metadata?.['encoding'] ?? []).toString() || 'unknown encoding'}>`;
      }
    })
    .join(', ');
}

function failureText(failure: Failure): string {
  const type = failure.applicationFailureInfo?.type;
  const cause = failure.cause === undefined ? '' : `: ${failureText(failure.cause)}`;
  return `${type ? `${type}: ` : ''}${failure.message}${cause}`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

/** `1d2h`, `90s` as `1m30s`. */
function span(ms: number): string {
  let left = Math.round(ms);
  let text = '';
  for (const [unit, size] of UNITS) {
    if (left >= size) text += `${Math.floor(left / size)}${unit}`;
    left %= size;
  }
  return text || '0ms';
}

function nameOf(event: HistoryEvent): string {
  return NAMES.get(event.eventType) ?? `EventType${event.eventType}`;
}

function pascal(name: string): string {
  return name
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');
}
