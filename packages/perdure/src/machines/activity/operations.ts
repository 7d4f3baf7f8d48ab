/**
 * What operators do with an activity without a workflow: pause, unpause, reset, other options.
 *
 * Unlike in a workflow, a request that makes no sense now is refused (to unpause what is not paused), an unpaused attempt waits out its
 * backoff, and a reset waits for the attempt that a worker holds. The request id of the latest of each kind is kept: the same request
 * again changes nothing.
 */
import { RpcError } from '../../protocol/index.js';
import type { ActivityOptions, ActivitySettings } from '../../protocol/index.js';
import { isSetting, mergeSettings, newBackoffEnd, optionsOf } from '../workflow/activities/activity-settings.js';
import { jittered } from '../workflow/activities/activity-operations.js';
import { settingsOf } from '../workflow/activities/attempt.js';
import type { DoneReply, Jitter } from '../workflow/inputs.js';
import { invalid } from '../workflow/refusals.js';
import type { Draft } from './draft.js';
import type { PauseInput, ResetInput, StandaloneOptionsReply, UnpauseInput, UpdateOptionsInput } from './inputs.js';
import { notNow } from './refusals.js';
import { boundedDelay } from './start.js';
import { stateName } from './state-name.js';
import type { StandaloneState } from './state.js';

const DONE: DoneReply = { kind: 'done' };

const isRepeated = (requestId: string, latest: string): boolean => requestId !== '' && requestId === latest;

export function pause(draft: Draft, { identity, reason, requestId }: PauseInput): DoneReply | RpcError {
  const { state } = draft;
  if (isRepeated(requestId, state.data.pauseRequestId)) return DONE;
  if (!state.isOpen || state.isCancelRequested || state.activity.paused || state.data.resetRequested !== undefined) {
    return notNow(`activity is in non-pausable state ${stateName(state)}`);
  }
  draft.emit({ paused: { scheduledEventId: 0, identity, reason, requestId } });
  return DONE;
}

export function unpause(draft: Draft, { jitter, requestId }: UnpauseInput): DoneReply | RpcError {
  const { state } = draft;
  const { activity } = state;
  if (isRepeated(requestId, state.data.unpauseRequestId)) return DONE;
  if (!state.isOpen) return notNow(`activity is in terminal state ${stateName(state)}`);
  if (!activity.paused) return notNow(`activity is in non-unpausable state ${stateName(state)}`);
  const attemptAtMs = activity.started ? 0 : Math.max(activity.attemptScheduledTimeMs, jittered(draft.now, jitter, 0));
  draft.emit({ unpaused: { attemptAtMs, requestId } });
  return DONE;
}

export function reset(draft: Draft, input: ResetInput): DoneReply | RpcError {
  const { state } = draft;
  const { resetHeartbeat, keepPaused, restoreOriginalOptions, jitter, requestId } = input;
  if (isRepeated(requestId, state.data.resetRequestId)) return DONE;
  if (!state.isOpen) return notNow('activity execution is not running');
  if (state.isCancelRequested) return notNow('cannot reset an activity with a pending cancellation');
  if (state.data.resetRequested !== undefined) return notNow('cannot reset an activity with a pending reset');
  const asked = { scheduledEventId: 0, resetHeartbeat, restoreOriginalOptions, requestId, keepPaused: keepPaused && state.activity.paused };
  if (state.activity.started) draft.emit({ resetRequested: { ...asked, attemptAtMs: 0 } });
  else draft.emit({ reset: { ...asked, attemptAtMs: firstAttemptAt(state, draft.now, jitter) } });
  return DONE;
}

/** A start delay is waited out by an activity that never began. */
function firstAttemptAt(state: StandaloneState, now: number, jitter: Jitter): number {
  const at = jittered(now, jitter, 0);
  return state.data.firstStartedMs > 0 ? at : Math.max(at, state.firstAttemptMs);
}

export function updateOptions(draft: Draft, { change, requestId }: UpdateOptionsInput): StandaloneOptionsReply | RpcError {
  const { state } = draft;
  if (isRepeated(requestId, state.data.optionsRequestId)) return optionsReply(state);
  if (!state.isOpen || state.isCancelRequested || state.data.resetRequested !== undefined) {
    return notNow(`Cannot update options for activity in state ${stateName(state)}`);
  }
  const merged = change.kind === 'restore' ? original(state) : merge(draft, change.options, change.paths);
  if (merged instanceof RpcError) return merged;
  const { settings, startDelayMs } = merged;
  const isPolicyChanged = change.kind === 'restore' || change.paths.some((path) => path.startsWith('retry'));
  const attemptAtMs = isPolicyChanged ? newBackoffEnd(state.activity, settings) : 0;
  draft.emit({ optionsUpdated: { settings, startDelayMs, attemptAtMs, requestId } });
  return optionsReply(state);
}

interface Options {
  readonly settings: ActivitySettings;
  readonly startDelayMs: number;
}

/** The start delay is given back only as long as it matters. */
function original({ activity, data, scheduled }: StandaloneState): Options {
  const settings = activity.originalSettings ?? settingsOf(activity);
  return { settings, startDelayMs: data.firstStartedMs > 0 ? data.startDelayMs : scheduled.startDelayMs };
}

const START_DELAY = new Set(['startDelay', 'start_delay']);

function merge({ state, now, limits }: Draft, options: ActivityOptions, paths: readonly string[]): Options | RpcError {
  const { activity, data, scheduled } = state;
  const unknown = paths.find((path) => !START_DELAY.has(path) && !isSetting(path));
  if (unknown !== undefined) return invalid(`unsupported update_mask path: "${unknown}"`);
  const settings = mergeSettings(settingsOf(activity), options, paths, { activityId: scheduled.activityId, runTimeoutMs: 0, limits });
  if (typeof settings === 'string') return invalid(settings);
  if (!paths.some((path) => START_DELAY.has(path))) return { settings, startDelayMs: data.startDelayMs };
  if ((options.startDelay ?? 0) < 0) return invalid('StartDelay is negative');
  const isWaiting = state.firstAttemptMs > now || (data.firstStartedMs === 0 && activity.paused);
  if (!isWaiting) return notNow('cannot update start_delay: the first activity attempt has already been dispatched');
  return { settings, startDelayMs: boundedDelay(options.startDelay) };
}

function optionsReply(state: StandaloneState): StandaloneOptionsReply {
  const startDelay = state.data.startDelayMs > 0 ? state.data.startDelayMs : undefined;
  return { kind: 'standalone-options', options: { ...optionsOf(state.activity), startDelay } };
}
