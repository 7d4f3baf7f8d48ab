/** The activity that belongs to no workflow, as a machine. See `transition.ts` for how an input is decided, `state.ts` for what it is. */
import { StandaloneSnapshot } from '../../protocol/index.js';
import type { Machine } from '../machine.js';
import type { LimitsOf } from '../workflow/index.js';
import { fold } from './apply.js';
import { debt, debtKeys } from './debts.js';
import { ACTIVITY_KIND, type ActivityInput, type ActivityReply } from './inputs.js';
import { listing } from './listing.js';
import { StandaloneState } from './state.js';
import { transition } from './transition.js';

export type ActivityMachine = Machine<StandaloneState, ActivityInput, ActivityReply>;

/** @param limitsOf the limits of a namespace: quick, it is asked at every decision */
export function createActivityMachine(limitsOf: LimitsOf): ActivityMachine {
  return {
    kind: ACTIVITY_KIND,
    transition: (state, input, at, self) => transition(state, input, at, self, limitsOf(self.namespace)),
    fold,
    snapshot: ({ data }) => StandaloneSnapshot.encode(data),
    restore(bytes) {
      const state = new StandaloneState();
      state.data = StandaloneSnapshot.decode(new Uint8Array(bytes));
      return state;
    },
    debtKeys,
    debt,
    isOpen: (state) => state.isOpen,
    isDeleted: (state) => state.data.forgotten,
    listing,
    sizeBytes: (state) => state.sizeBytes,
  };
}

export { describeActivity, outcomeOf, type DescribedParts } from './describe.js';
export * from './inputs.js';
export { TYPE_ATTRIBUTE } from './listing.js';
export type { StandaloneState } from './state.js';
