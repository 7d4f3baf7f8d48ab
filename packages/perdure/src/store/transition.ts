/**
 * What makes a transition acceptable. Every implementation of the store asks here before it writes, so that all of them
 * refuse the same things in the same words.
 */
import { InvalidTransitionError, StaleWriterError } from './errors.js';
import type { MadeListing } from '../machines/listing.js';
import type { Transition } from './store.js';

/** What has to be known about a machine to judge its next transition. */
export interface JournalHead {
  readonly seq: number;
  readonly lastEventId: number;
}

const CANONICAL_UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isMachineId(text: string): boolean {
  return CANONICAL_UUID.test(text);
}

/** Throws unless `transition` is the next step of a machine whose journal ends with `head` (`undefined`: no such machine). */
export function checkTransition(transition: Transition, head: JournalHead | undefined): void {
  const { machine, seq, create, history, row } = transition;
  const expectedSeq = (head?.seq ?? 0) + 1;
  if (seq !== expectedSeq) throw new StaleWriterError(machine, expectedSeq, seq);
  if ((create !== undefined) !== (seq === 1)) {
    throw invalid(transition, 'create belongs to the first record of a machine and to no other');
  }
  if (transition.makeCurrent === true && seq === 1) {
    throw invalid(transition, 'whether a new machine is current is said in create');
  }
  // An id of a machine that exists was checked when that was created.
  if (head === undefined && !isMachineId(machine)) {
    throw invalid(transition, 'its id is not a UUID in canonical form (36 characters, lower case)');
  }
  if (create?.kind.includes('\0') || create?.namespace.includes('\0')) {
    throw invalid(transition, 'kind and namespace must not contain NUL characters');
  }
  if (history !== undefined) checkHistory(transition, history, (head?.lastEventId ?? 0) + 1);
  if (row.wakeAt !== undefined && !Number.isSafeInteger(row.wakeAt)) {
    throw invalid(transition, `wakeAt must be a whole number of milliseconds, but is ${row.wakeAt}`);
  }
}

/** The head of a journal once `transition` has been appended to it. */
export function headAfter(transition: Transition, head: JournalHead | undefined): JournalHead {
  return { seq: transition.seq, lastEventId: transition.history?.lastEventId ?? head?.lastEventId ?? 0 };
}

/**
 * Whether rows can be put in order by this listing. One that cannot is a defect of its machine, found when somebody looks: lists leave it
 * out, so that it does not keep the others from being listed.
 */
export function canBeListed(attributes: MadeListing['attributes']): boolean {
  for (const value of attributes.values()) if (typeof value === 'number' && !Number.isFinite(value)) return false;
  return typeof attributes.get('StartTime') === 'number' && ['number', 'undefined'].includes(typeof attributes.get('CloseTime'));
}

function checkHistory(transition: Transition, history: NonNullable<Transition['history']>, nextEventId: number): void {
  const { firstEventId, lastEventId } = history;
  if (firstEventId !== nextEventId) {
    throw invalid(transition, `its history must go on with event ${nextEventId}, but begins with ${firstEventId}`);
  }
  if (!Number.isSafeInteger(lastEventId) || lastEventId < firstEventId) {
    throw invalid(transition, `a history batch holds at least one event, but this one ends with ${lastEventId}`);
  }
}

function invalid(transition: Transition, reason: string): InvalidTransitionError {
  return new InvalidTransitionError(`Record ${transition.seq} of machine ${transition.machine} is invalid: ${reason}.`);
}
