/**
 * The option `verify`: after every step, the state folded from the journal equals the live state, and the books equal what it owes.
 *
 * Costs a snapshot of both states for each step, so it is for tests and simulations. A difference throws: a machine that breaks this
 * rule would come back from a crash as another machine.
 */
import type { JournalRecord } from '../machines/machine.js';
import type { Resident } from './resident.js';

export function verifyResident(resident: Resident, record: JournalRecord): void {
  const { definition, state } = resident;
  resident.shadow = definition.fold(resident.shadow, record);
  const live = definition.snapshot(state);
  const folded = definition.snapshot(resident.shadow);
  if (!sameBytes(live, folded)) throw differs(resident, `live state ${text(live)} and folded journal ${text(folded)}`);
  verifyBooks(resident);
}

/** Every key that owes something is in the books, and nothing else. */
function verifyBooks(resident: Resident): void {
  const { definition, state } = resident;
  const seen = new Set(definition.debtKeys(state));
  for (const book of [resident.offers, resident.wakes, resident.deliveries]) for (const key of book.keys()) seen.add(key);
  for (const key of seen) {
    const debt = definition.debt(state, key);
    const offer = resident.offers.get(key);
    const sameOffer = debt?.dispatch === undefined ? offer === undefined : offer?.since === debt.dispatch.since && offer.queue.name === debt.dispatch.queue.name;
    const sameMessage = (debt?.message === undefined) === (resident.deliveries.get(key) === undefined);
    const sameDeletion = (debt?.deletion === true) === (resident.deletionKey === key);
    if (!sameDeletion || !sameOffer || debt?.wakeAt !== resident.wakes.get(key) || !sameMessage) throw differs(resident, `what is owed under "${key}" and the books: the key was not touched`);
  }
}

function differs(resident: Resident, what: string): Error {
  return new Error(`Machine ${resident.id} (${resident.self.kind}), record ${resident.seq}: difference between ${what}.`);
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 400)).toString('latin1');
}
