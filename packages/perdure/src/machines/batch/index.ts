/** The batch job as a machine: one operation on every execution that a query finds. See `transition.ts`, and `machines/batch/sweep/` for the walk. */
import { BatchSnapshot } from '../../protocol/index.js';
import type { Debt, DebtKey, Machine } from '../machine.js';
import { sweepDebt, sweepDebtKeys } from './sweep/sweep.js';
import { listing } from './describe.js';
import { BATCH_KIND, type BatchInput, type BatchReply } from './inputs.js';
import { walkOf } from './operations.js';
import { BatchState, DELETION, fold } from './state.js';
import { transition } from './transition.js';

export const batchMachine: Machine<BatchState, BatchInput, BatchReply> = {
  kind: BATCH_KIND,
  transition,
  fold,
  snapshot: ({ data }) => BatchSnapshot.encode(data),
  restore(bytes) {
    const state = new BatchState();
    state.data = BatchSnapshot.decode(new Uint8Array(bytes));
    return state;
  },
  debtKeys(state) {
    if (state.isRunning) return sweepDebtKeys(state.sweep);
    return state.data.forgotten ? [DELETION] : [];
  },
  debt,
  isOpen: (state) => state.isRunning,
  isDeleted: (state) => state.data.forgotten,
  listing,
  sizeBytes: (state) => state.sizeBytes,
};

function debt(state: BatchState, key: DebtKey): Debt | undefined {
  if (state.isRunning) return sweepDebt(state.sweep, walkOf(state), key);
  return key === DELETION && state.data.forgotten ? { deletion: true } : undefined;
}

export { describeBatch } from './describe.js';
export * from './inputs.js';
export { BATCH_RESET_KIND, operationOf, targetKind, type BatchResetMessage } from './operations.js';
export type { BatchState } from './state.js';
