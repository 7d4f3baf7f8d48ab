/**
 * Answers to the messages that a run owes (see `messages.ts`), and the moments at which a delayed message becomes due.
 *
 * One function a concept: it notes the answer, so that the message is owed no more. An answer to what is not owed (any more) changes
 * nothing. Works on open and on closed runs alike.
 */
import type { DebtKey, MessageAnswer } from '../../machine.js';
import type { Draft } from '../draft.js';
import { callbackAnswered, callbackDue } from '../runs/callbacks.js';
import { conceptOf } from './messages.js';
import { takeCloseNoticeAnswer } from './child-close.js';
import { takeChildStartAnswer } from './children.js';
import { takeCancelAnswer, takeSignalAnswer } from './external.js';
import { takeCancellationAnswer, takeOperationAnswer, wakeCancellation, wakeOperation } from '../nexus/nexus-answers.js';
import { takeParentCloseAnswer } from './parent-close.js';
import { baseAnswered } from '../reset/reset.js';
import { scheduleAnswered } from './schedule-answer.js';

type TakeAnswer = (draft: Draft, key: DebtKey, reply: unknown) => void;
type TakeWake = (draft: Draft, key: DebtKey) => void;

const ANSWERS: Readonly<Record<string, TakeAnswer>> = {
  callback: callbackAnswered,
  cancel: takeCancelAnswer,
  'close-child': takeParentCloseAnswer,
  'close-notice': takeCloseNoticeAnswer,
  nexus: takeOperationAnswer,
  'nexus-cancel': takeCancellationAnswer,
  reset: baseAnswered,
  schedule: scheduleAnswered,
  signal: takeSignalAnswer,
  'start-child': takeChildStartAnswer,
};
/** Only concepts whose debts have a `wakeAt`. */
const WAKES: Readonly<Record<string, TakeWake>> = { callback: callbackDue, nexus: wakeOperation, 'nexus-cancel': wakeCancellation };

export function takeAnswers(draft: Draft, answers: readonly MessageAnswer[]): void {
  for (const { key, reply } of answers) ANSWERS[conceptOf(key)]?.(draft, key, reply);
}

/** The `wakeAt` of a message key has come. */
export function wakeMessage(draft: Draft, key: DebtKey): void {
  WAKES[conceptOf(key)]?.(draft, key);
}
