/** The schedule as a machine: see `transition.ts` for how an input is decided, `state.ts` for what a schedule is. */
import { ScheduleSnapshot } from '../../protocol/index.js';
import type { Machine } from '../machine.js';
import { countBytes } from './apply.js';
import { debt, debtKeys } from './debts.js';
import { fold } from './draft.js';
import { SCHEDULE_KIND } from './inputs.js';
import type { ScheduleInput, ScheduleReply } from './inputs.js';
import { listing } from './listing.js';
import { ScheduleMachineState } from './state.js';
import { transition } from './transition.js';

export const scheduleMachine: Machine<ScheduleMachineState, ScheduleInput, ScheduleReply> = {
  kind: SCHEDULE_KIND,
  transition,
  fold,
  snapshot: ({ data }) => ScheduleSnapshot.encode(data),
  restore(bytes) {
    const state = new ScheduleMachineState();
    state.data = ScheduleSnapshot.decode(new Uint8Array(bytes));
    countBytes(state);
    return state;
  },
  debtKeys,
  debt,
  nextWake: (state) => (state.isOpen ? state.wakeAt : undefined),
  isOpen: (state) => state.isOpen,
  isDeleted: (state) => !state.isOpen,
  listing,
  sizeBytes: ({ data, userBytes }) => 3000 + userBytes + 120 * data.buffer.length + 400 * (data.starting.length + data.running.length),
};

export { canonicalSpec } from './canonical-spec.js';
export { describeSchedule, matchingTimes, skippedActions } from './describe.js';
export { listedSchedule } from './listing.js';
export * from './inputs.js';
export { SCHEDULE_SUFFIX_BYTES, ScheduleMachineState } from './state.js';
