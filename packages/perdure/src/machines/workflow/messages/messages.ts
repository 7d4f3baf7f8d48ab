/**
 * What a run owes to others: messages that are sent until the receiver has answered. They survive its close.
 *
 * A concept that writes to another machine (children, external workflows, the notice to the parent) keeps what is to be said in its own
 * part of the state, and adds one entry here. Its debt keys are `message:<concept>:<rest>`, so that the keys of a busy open run are told
 * apart by their first word. The answers come back through `answers.ts`. A key owes a message, or a wake-up while it waits to be sent.
 *
 * Invariant: `owes` is constant time and agrees with `keys`; a run that is closed and owes nothing changes no more.
 */
import type { Debt, DebtKey } from '../../machine.js';
import { CALLBACKS } from '../runs/callbacks.js';
import { childStarts } from './child-messages.js';
import { closeNotice } from './close-notice.js';
import { outgoingCancelRequests, outgoingSignals } from './external-messages.js';
import { nexusCancellations, nexusOperations } from '../nexus/nexus-messages.js';
import { parentClose } from './parent-close.js';
import { resetNotice } from './reset-notice.js';
import { scheduleNotice } from './schedule-notice.js';
import type { WorkflowState } from '../state.js';

const MESSAGE = 'message:';

/** One concept that writes to others. Only looks at the state. */
export interface Correspondence {
  /** Something of this concept is owed, whether the run is open or closed. */
  owes(state: WorkflowState): boolean;
  keys(state: WorkflowState): Iterable<DebtKey>;
  debt(state: WorkflowState, key: DebtKey): Debt | undefined;
}

/** A function, because the concepts and this file import each other. */
const correspondences = (): Readonly<Record<string, Correspondence>> =>
  (known ??= {
    callback: CALLBACKS,
    cancel: outgoingCancelRequests,
    'close-child': parentClose,
    'close-notice': closeNotice,
    nexus: nexusOperations,
    'nexus-cancel': nexusCancellations,
    reset: resetNotice,
    schedule: scheduleNotice,
    signal: outgoingSignals,
    'start-child': childStarts,
  });
let known: Readonly<Record<string, Correspondence>> | undefined;
let all: readonly Correspondence[] | undefined;
const concepts = (): readonly Correspondence[] => (all ??= Object.values(correspondences()));

/** The concept of a message key: its second word. */
export function conceptOf(key: DebtKey): string {
  const end = key.indexOf(':', MESSAGE.length);
  return key.slice(MESSAGE.length, end === -1 ? undefined : end);
}

export function isMessageKey(key: DebtKey): boolean {
  return key.startsWith(MESSAGE);
}

export function owesMessages(state: WorkflowState): boolean {
  return concepts().some((concept) => concept.owes(state));
}

export function* messageKeys(state: WorkflowState): Iterable<DebtKey> {
  for (const concept of concepts()) if (concept.owes(state)) yield* concept.keys(state);
}

export function messageDebt(state: WorkflowState, key: DebtKey): Debt | undefined {
  return correspondences()[conceptOf(key)]?.debt(state, key);
}
