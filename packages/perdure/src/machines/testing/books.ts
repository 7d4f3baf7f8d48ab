/** What a machine owes, in the books of a test: kept as the host keeps its own, from the keys that a transition touches. For tests only. */
import type { Debt, DebtKey } from '../machine.js';

export type Books = Map<DebtKey, Debt>;

interface Owing<State> {
  debtKeys(state: State): Iterable<DebtKey>;
  debt(state: State, key: DebtKey): Debt | undefined;
}

/** All that is owed in this state: what the books must say. */
export function owedBy<State>(machine: Owing<State>, state: State): Books {
  const owed: Books = new Map();
  keepBooks(owed, machine, state, machine.debtKeys(state));
  return owed;
}

/** @param touched by the transition that led to the state */
export function keepBooks<State>(books: Books, machine: Owing<State>, state: State, touched: Iterable<DebtKey>): void {
  for (const key of touched) {
    const debt = machine.debt(state, key);
    if (debt === undefined) books.delete(key);
    else books.set(key, debt);
  }
}

/** For comparisons: the order in which keys were touched is nobody's business. */
export function inOrder(books: Iterable<readonly [DebtKey, Debt | undefined]>): (readonly [DebtKey, Debt | undefined])[] {
  return [...books].sort(([one], [other]) => (one < other ? -1 : 1));
}
