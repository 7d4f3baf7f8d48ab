/**
 * What each event does to the state, live and in a fold alike. An event is a fact: nothing is decided here. The attempts themselves change
 * as those of every activity do (`workflow/activities/attempt.ts`).
 */
import { StandaloneRecord, StandaloneScheduled } from '../../protocol/index.js';
import type { ActivityReset, ActivityState, StandaloneClosed, StandaloneEvent, StandaloneOptions } from '../../protocol/index.js';
import type { JournalRecord } from '../machine.js';
import {
  beginAttempt,
  beginPause,
  changeSettings,
  endAttempt,
  endPause,
  moveAttempt,
  newActivity,
  noteHeartbeat,
  startOver,
} from '../workflow/activities/attempt.js';
import { keep, must } from '../workflow/state.js';
import { StandaloneState } from './state.js';

export function applyEvent(state: StandaloneState, event: StandaloneEvent, now: number): void {
  const { activity, data } = state;
  if (event.attemptStarted !== undefined) {
    beginAttempt(activity, event.attemptStarted, now);
    data.firstStartedMs ||= now;
  } else if (event.attemptHeartbeat !== undefined) {
    noteHeartbeat(activity, event.attemptHeartbeat.details, now);
    data.heartbeats++;
  } else if (event.attemptFailed !== undefined) {
    if (event.attemptFailed.heartbeatDetails !== undefined) data.heartbeats++;
    endAttempt(activity, event.attemptFailed, now);
  } else if (event.attemptReady !== undefined) activity.ready = true;
  else if (event.closed !== undefined) close(state, event.closed);
  else if (event.scheduled !== undefined) schedule(state, event.scheduled, now);
  else if (event.cancelRequested !== undefined) {
    data.cancelRequested = event.cancelRequested;
    // There are no events to be named: one that is not zero says that it was requested.
    activity.cancelRequestedEventId = 1;
    activity.resetRequested = false;
    data.resetRequested = undefined;
    endPause(activity);
  } else if (event.paused !== undefined) {
    beginPause(activity, event.paused, now);
    data.pauseRequestId = event.paused.requestId;
  } else if (event.unpaused !== undefined) {
    endPause(activity);
    if (event.unpaused.attemptAtMs > 0) moveAttempt(activity, event.unpaused.attemptAtMs, now);
    data.unpauseRequestId = event.unpaused.requestId;
  } else if (event.reset !== undefined) reset(state, event.reset, now);
  else if (event.resetRequested !== undefined) {
    data.resetRequested = event.resetRequested;
    activity.resetRequested = true;
    if (!event.resetRequested.keepPaused) endPause(activity);
    data.resetRequestId = event.resetRequested.requestId;
  } else if (event.optionsUpdated !== undefined) updateOptions(state, event.optionsUpdated, now);
  else if (event.linksAttached !== undefined) {
    const { requestId, links } = event.linksAttached;
    state.scheduled.links.push(...links.map(copied));
    data.attachedRequestIds.push(requestId);
  } else if (event.forgotten !== undefined) data.forgotten = true;
  else throw new Error('broken record: an event of an activity has a type that this version does not know');
}

function schedule({ data }: StandaloneState, scheduled: StandaloneScheduled, now: number): void {
  // Bytes of its own: those of a request belong to its sender.
  const { settings, input, header, ...rest } = StandaloneScheduled.decode(new Uint8Array(StandaloneScheduled.encode(scheduled)));
  const firstAttemptMs = Math.ceil(now + rest.startDelayMs);
  data.scheduled = rest;
  data.scheduledMs = now;
  data.startDelayMs = rest.startDelayMs;
  const { activityId, activityType } = rest;
  data.activity = newActivity({ ...must(settings, 'settings'), activityId, activityType, input, header, scheduledTimeMs: firstAttemptMs }, firstAttemptMs, now);
}

function reset(state: StandaloneState, event: ActivityReset, now: number): void {
  const { activity, data } = state;
  const { lastFailure } = activity;
  startOver(activity, event, now);
  activity.lastFailure = lastFailure;
  data.resetRequested = undefined;
  data.resetRequestId = event.requestId;
  if (event.restoreOriginalOptions && data.firstStartedMs === 0) delayStart(state, state.scheduled.startDelayMs, now);
}

function updateOptions(state: StandaloneState, { settings, startDelayMs, attemptAtMs, requestId }: StandaloneOptions, now: number): void {
  const { activity, data } = state;
  changeSettings(activity, must(settings, 'settings'));
  if (startDelayMs !== data.startDelayMs) delayStart(state, startDelayMs, now);
  if (attemptAtMs > 0) moveAttempt(activity, attemptAtMs, now);
  data.optionsRequestId = requestId;
}

/** Of an activity whose first attempt has not begun. */
function delayStart(state: StandaloneState, startDelayMs: number, now: number): void {
  state.data.startDelayMs = startDelayMs;
  state.activity.scheduledTimeMs = state.firstAttemptMs;
  moveAttempt(state.activity, state.firstAttemptMs, now);
}

function close({ data, activity }: StandaloneState, closed: StandaloneClosed): void {
  data.closed = { ...closed, result: keep(closed.result), failure: keep(closed.failure) };
  if (closed.endsAttempt) endLastAttempt(activity, data.closed);
  activity.started = activity.ready = activity.resetRequested = false;
  endPause(activity);
  data.resetRequested = undefined;
}

/** One that is completed by its id may never have begun. */
function endLastAttempt(activity: ActivityState, { closedMs, failure, identity }: StandaloneClosed): void {
  if (!activity.started) activity.startedTimeMs = closedMs;
  if (identity !== '') activity.identity = identity;
  activity.lastAttemptCompleteTimeMs = closedMs;
  if (failure !== undefined) activity.lastFailure = failure;
}

const copied = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

export function fold(before: StandaloneState | undefined, record: JournalRecord): StandaloneState {
  if (record.private === undefined) throw new Error('broken record: it holds no events of an activity');
  const state = before ?? new StandaloneState();
  const { nowMs, events } = StandaloneRecord.decode(new Uint8Array(record.private));
  for (const event of events) applyEvent(state, event, nowMs);
  state.data.transitions++;
  return state;
}
