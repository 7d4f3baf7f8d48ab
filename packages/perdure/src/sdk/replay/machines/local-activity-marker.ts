/**
 * The marker that records how a local activity ended.
 *
 * Name and content are what all SDKs on the shared core write: `data` is JSON that says which activity it was, `result` is what it
 * returned; a failure stands in the marker's own field.
 */
import { CommandType, Failure, Payloads, type Command, type Encoded, type HistoryEvent, type Init } from '../../../protocol/index.js';
import { defaultPayloadConverter, type Payload } from '../../common/payload-converter.js';
import type { CallSite } from '../../workflow/activation.js';
import type { LocalActivityOutcome } from '../local-activities.js';
import { userMetadata } from '../wire.js';
import type { QueuedCommand } from './machine.js';

export const LOCAL_ACTIVITY_MARKER = 'core_local_activity';
const DATA = 'data';
export const LOCAL_ACTIVITY_RESULT = 'result';

/** What a marker says. Times are milliseconds. */
export interface LocalActivityRecord {
  readonly seq: number;
  readonly activityId: string;
  readonly activityType: string;
  readonly attempt: number;
  readonly completeTimeMs: number | undefined;
  readonly backoffMs: number | undefined;
  readonly originalScheduleTimeMs: number | undefined;
  readonly outcome: LocalActivityOutcome;
}

export class LocalActivityMarker implements QueuedCommand {
  constructor(
    readonly record: LocalActivityRecord,
    readonly summary: Payload | undefined,
    readonly site: CallSite,
    readonly description: string,
  ) {}

  matches(event: HistoryEvent): boolean {
    const recorded = localActivityRecordOf(event);
    const { seq, activityId, activityType } = this.record;
    return recorded?.seq === seq && recorded.activityId === activityId && recorded.activityType === activityType;
  }

  build(): Init<Command> {
    const { outcome } = this.record;
    const details = new Map([[DATA, Payloads.encode({ payloads: [defaultPayloadConverter.toPayload(dataOf(this.record))] })]]);
    if (outcome.kind === 'completed') details.set(LOCAL_ACTIVITY_RESULT, Payloads.encode({ payloads: [outcome.result] }));
    return {
      commandType: CommandType.RECORD_MARKER,
      userMetadata: userMetadata(this.summary),
      recordMarkerCommandAttributes: {
        markerName: LOCAL_ACTIVITY_MARKER,
        details,
        failure: outcome.kind === 'completed' ? undefined : Failure.encode(outcome.failure),
      },
    };
  }
}

/** The JSON in a marker. */
interface MarkerData {
  readonly seq: number;
  readonly attempt: number;
  readonly activity_id: string;
  readonly activity_type: string;
  readonly complete_time: SecondsAndNanos | null;
  readonly backoff: SecondsAndNanos | null;
  readonly original_schedule_time: SecondsAndNanos | null;
}

interface SecondsAndNanos {
  readonly seconds: number;
  readonly nanos: number;
}

function dataOf(record: LocalActivityRecord): MarkerData {
  return {
    seq: record.seq,
    attempt: record.attempt,
    activity_id: record.activityId,
    activity_type: record.activityType,
    complete_time: fromMillis(record.completeTimeMs),
    backoff: fromMillis(record.backoffMs),
    original_schedule_time: fromMillis(record.originalScheduleTimeMs),
  };
}

/** The activity that a marker is about; undefined for other markers, and for one that does not say. */
export function localActivityIdOf(markerName: string | undefined, details: ReadonlyMap<string, Encoded<Payloads>> | undefined): string | undefined {
  const data = markerName === LOCAL_ACTIVITY_MARKER ? details?.get(DATA) : undefined;
  const [payload] = data === undefined ? [] : Payloads.decode(data).payloads;
  return payload && defaultPayloadConverter.fromPayload<Partial<MarkerData>>(payload).activity_id;
}

export function isLocalActivityMarker(event: HistoryEvent): boolean {
  return event.markerRecordedEventAttributes?.markerName === LOCAL_ACTIVITY_MARKER;
}

/** What a marker of a local activity records; undefined for other events. @throws TypeError for one that cannot be read. */
export function localActivityRecordOf(event: HistoryEvent): LocalActivityRecord | undefined {
  const marker = event.markerRecordedEventAttributes;
  if (marker?.markerName !== LOCAL_ACTIVITY_MARKER) return undefined;
  const data = firstOf(marker.details.get(DATA));
  if (data === undefined) throw new TypeError(`Event ${event.eventId}, the marker of a local activity, says nothing about it.`);
  const { seq, attempt, activity_id: activityId, activity_type: activityType, ...times } = defaultPayloadConverter.fromPayload<MarkerData>(data);
  return {
    seq,
    attempt,
    activityId,
    activityType,
    completeTimeMs: toMillis(times.complete_time),
    backoffMs: toMillis(times.backoff),
    originalScheduleTimeMs: toMillis(times.original_schedule_time),
    outcome: outcomeOf(marker.failure === undefined ? undefined : Failure.decode(marker.failure), firstOf(marker.details.get(LOCAL_ACTIVITY_RESULT))),
  };
}

function outcomeOf(failure: Failure | undefined, result: Payload | undefined): LocalActivityOutcome {
  if (failure === undefined) return { kind: 'completed', result: result ?? defaultPayloadConverter.toPayload(undefined) };
  if (failure.canceledFailureInfo !== undefined || failure.cause?.canceledFailureInfo !== undefined) return { kind: 'cancelled', failure };
  return { kind: failure.timeoutFailureInfo === undefined ? 'failed' : 'timed-out', failure };
}

function firstOf(payloads: Uint8Array | undefined): Payload | undefined {
  return payloads && Payloads.decode(payloads).payloads[0];
}

function fromMillis(millis: number | undefined): SecondsAndNanos | null {
  if (millis === undefined) return null;
  const seconds = Math.floor(millis / 1000);
  return { seconds, nanos: Math.floor((millis - seconds * 1000) * 1e6) };
}

function toMillis(time: SecondsAndNanos | null | undefined): number | undefined {
  return time === null || time === undefined ? undefined : time.seconds * 1000 + time.nanos / 1e6;
}
