/**
 * Completion callbacks: addresses outside that are told how a chain of runs ended, or how an update did (`update-callbacks.ts`).
 *
 * Those of a chain come with a start, or are attached to a run by a start that uses it. While the run is open they stand by. A run that is followed by
 * another one of its chain hands them on; the last run keeps its close event and owes one message for each callback until it has been
 * taken, or refused for good. A call that fails is repeated with growing pauses. That is private: the public history says only that
 * callbacks were registered. Who delivers is the courier of the kind {@link CALLBACK_KIND}.
 *
 * Those of an update are owed from its completion on, also while the run is open.
 *
 * Debts: `message:callback:<index>`, a message while scheduled, a wake-up while it backs off.
 */
import { CallbackState, Code, Failure, HistoryEvent, RpcError } from '../../../protocol/index.js';
import type { Callback, CallbackAttempted, CallbackDue, CompletionCallbackState, Encoded, Init, WorkflowCallbackInfo } from '../../../protocol/index.js';
import type { Debt, DebtKey } from '../../machine.js';
import type { Draft } from '../draft.js';
import type { WorkflowLimits } from '../limits.js';
import { after, keep, must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';

/** `kind` of the receiver: it is outside, reached through a courier. */
export const CALLBACK_KIND = 'callback';
const KEY = 'message:callback:';

/** What the courier is to deliver. */
export interface CallbackMessage {
  readonly callback: Encoded<Callback>;
  /** The close event of the run, or the event with the outcome of the update, encoded. */
  readonly closeEvent: Uint8Array;
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
  /** Milliseconds since the epoch, as the next. */
  readonly startTimeMs: number;
  /** The request that attached the callback; empty if it came with the start of the run. */
  readonly attachedRequestId: string;
  /** It came with the update whose outcome it is told. */
  readonly ofAcceptedUpdate: boolean;
}

/** What came of it. */
export type CallbackReply =
  | { readonly kind: 'taken' }
  | { readonly kind: 'not-taken'; readonly message: string; readonly retryable: boolean };

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 3_600_000;

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Whether the run may have so many more callbacks. */
export function tooManyCallbacks(registered: number, more: number, { callbacksPerRun }: WorkflowLimits): RpcError | undefined {
  if (registered + more <= callbacksPerRun) return undefined;
  return new RpcError(Code.FAILED_PRECONDITION, `cannot attach more than ${callbacksPerRun} callbacks to a workflow (${registered} callbacks already attached)`);
}

/** The courier's answer. */
export function callbackAnswered(draft: Draft, key: DebtKey, reply: unknown): void {
  const index = indexOf(key);
  const callback = draft.state.callbacks[index];
  if (callback === undefined || callback.state !== CallbackState.SCHEDULED) return;
  const outcome = outcomeOf(reply);
  if (outcome.kind === 'taken') return draft.emitPrivate({ callbackAttempted: { index, nextAttemptMs: 0 } });
  const { message, retryable } = outcome;
  const failure = Failure.encode({ message, applicationFailureInfo: { nonRetryable: !retryable } });
  const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(callback.attempt, 30), LONGEST_PAUSE_MS);
  draft.emitPrivate({ callbackAttempted: { index, failure, nextAttemptMs: retryable ? after(draft.now, pauseMs) : 0 } });
}

/** The pause before the next call is over. */
export function callbackDue(draft: Draft, key: DebtKey): void {
  const index = indexOf(key);
  const callback = draft.state.callbacks[index];
  if (callback?.state === CallbackState.BACKING_OFF && callback.nextAttemptMs <= draft.now) draft.emitPrivate({ callbackDue: { index } });
}

/** A refusal of the surroundings is one of the receiver: it is asked again, or it cannot be reached at all. */
function outcomeOf(reply: unknown): CallbackReply {
  if (reply instanceof RpcError) return { kind: 'not-taken', message: reply.message, retryable: reply.code !== Code.UNIMPLEMENTED };
  return reply as CallbackReply;
}

/** For the Started event of the run that follows. */
export function handedOnCallbacks(state: WorkflowState): Encoded<Callback>[] {
  return state.callbacks.flatMap(({ callback, updateId }) => (updateId === '' && callback) || []);
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function registerCallbacks(
  state: WorkflowState,
  callbacks: readonly Encoded<Callback>[],
  registrationTimeMs: number,
  attachedRequestId: string,
  update: { readonly updateId: string; readonly accepted: boolean } = NO_UPDATE,
): void {
  for (const callback of callbacks) {
    state.callbacks.push({
      callback: keep(callback),
      registrationTimeMs,
      attachedRequestId,
      state: CallbackState.STANDBY,
      attempt: 0,
      lastAttemptCompleteTimeMs: 0,
      nextAttemptMs: 0,
      updateId: update.updateId,
      accepted: update.accepted,
      notice: new Uint8Array(0),
    });
  }
}

const NO_UPDATE = { updateId: '', accepted: false } as const;

/** The run has closed. A reset hands the callbacks to the run that it made. */
export function closeCallbacks(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { run, callbacks } = state;
  if (run.successorRunId !== '' || run.resetRunId !== '' || callbacks.every(({ updateId }) => updateId !== '')) return;
  run.callbackNotice = HistoryEvent.encode(event);
  for (const [index, callback] of callbacks.entries()) if (callback.updateId === '') oweCallback(index, callback, applying);
}

export function oweCallback(index: number, callback: CompletionCallbackState, applying: Applying): void {
  callback.state = CallbackState.SCHEDULED;
  applying.touch(`${KEY}${index}`);
}

export function applyCallbackAttempted(state: WorkflowState, { index, failure, nextAttemptMs }: CallbackAttempted, applying: Applying): void {
  const callback = must(state.callbacks[index], 'callback');
  callback.attempt += 1;
  callback.lastAttemptCompleteTimeMs = applying.now;
  callback.lastFailure = keep(failure);
  callback.nextAttemptMs = nextAttemptMs;
  callback.state = failure === undefined ? CallbackState.SUCCEEDED : nextAttemptMs > 0 ? CallbackState.BACKING_OFF : CallbackState.FAILED;
  if (!isOwed(callback)) callbackSettled(state, callback);
  applying.touch(`${KEY}${index}`);
}

/** What was to be told is kept as long as somebody has to be told. */
function callbackSettled({ run, callbacks }: WorkflowState, callback: CompletionCallbackState): void {
  if (callback.updateId !== '') {
    callback.notice = new Uint8Array(0);
    run.owedUpdateCallbacks -= 1;
  } else if (!callbacks.some((other) => other.updateId === '' && isOwed(other))) run.callbackNotice = new Uint8Array(0);
}

export function applyCallbackDue(state: WorkflowState, { index }: CallbackDue, applying: Applying): void {
  const callback = must(state.callbacks[index], 'callback');
  callback.state = CallbackState.SCHEDULED;
  callback.nextAttemptMs = 0;
  applying.touch(`${KEY}${index}`);
}

// ── debts ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function isOwed({ state }: CompletionCallbackState): boolean {
  return state === CallbackState.SCHEDULED || state === CallbackState.BACKING_OFF;
}

/** See `messages.ts`. */
export const CALLBACKS = {
  owes: ({ run }: WorkflowState): boolean => run.callbackNotice.byteLength > 0 || run.owedUpdateCallbacks > 0,
  *keys({ callbacks }: WorkflowState): Iterable<DebtKey> {
    for (const [index, callback] of callbacks.entries()) if (isOwed(callback)) yield `${KEY}${index}`;
  },
  debt(state: WorkflowState, key: DebtKey): Debt | undefined {
    const callback = state.callbacks[indexOf(key)];
    if (callback?.state === CallbackState.BACKING_OFF) return { wakeAt: callback.nextAttemptMs };
    if (callback?.state !== CallbackState.SCHEDULED) return undefined;
    const { run } = state;
    const input: CallbackMessage = {
      callback: must(callback.callback, 'callback'),
      closeEvent: callback.updateId === '' ? run.callbackNotice : callback.notice,
      namespace: run.namespace,
      workflowId: run.workflowId,
      runId: run.runId,
      startTimeMs: callback.updateId === '' ? run.startTimeMs : callback.registrationTimeMs,
      attachedRequestId: callback.attachedRequestId,
      ofAcceptedUpdate: callback.accepted,
    };
    return { message: { to: { kind: CALLBACK_KIND, namespace: run.namespaceId, key: run.workflowId }, input } };
  },
};

function indexOf(key: DebtKey): number {
  return Number(key.slice(KEY.length));
}

// ── views ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function callbackInfos({ callbacks }: WorkflowState): Init<WorkflowCallbackInfo>[] {
  const moment = (timeMs: number): number | undefined => (timeMs > 0 ? timeMs : undefined);
  return callbacks.map((callback) => ({
    callback: callback.callback,
    trigger: callback.updateId === '' ? { workflowClosed: {} } : { updateWorkflowExecutionCompleted: { updateId: callback.updateId } },
    registrationTime: callback.registrationTimeMs,
    state: callback.state,
    attempt: callback.attempt,
    lastAttemptCompleteTime: moment(callback.lastAttemptCompleteTimeMs),
    lastAttemptFailure: callback.lastFailure,
    nextAttemptScheduleTime: moment(callback.nextAttemptMs),
  }));
}
