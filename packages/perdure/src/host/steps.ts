/** Records of machines as steps on their way to the store, with what a resident remembers of them. */
import type { JournalRecord } from '../machines/machine.js';
import type { MachineRow } from '../store/store.js';
import type { PendingStep } from './group-commit.js';
import { ACTIVE, type Resident } from './resident.js';

/** The machine's next record. `resident.seq` counts it already. */
export function stepOf(resident: Resident, { history, private: privateEvents }: JournalRecord, row: MachineRow, tailBytes: number): PendingStep {
  const { seq, self } = resident;
  const bytes = 100 + (history?.bytes.length ?? 0) + (privateEvents?.length ?? 0);
  resident.recordsSinceSnapshot += 1;
  resident.bytesSinceSnapshot += bytes;
  if (history !== undefined) resident.keepBatch(history, seq, tailBytes);
  const isCurrent = resident.phase === 'live';
  const create = seq === 1 ? { kind: self.kind, namespace: self.namespace, key: self.key, makeCurrent: isCurrent } : undefined;
  const transition = { machine: resident.id, create, seq, history, private: privateEvents, row, snapshot: undefined };
  if (!resident.becomesCurrent) return { resident, transition, bytes };
  resident.becomesCurrent = false;
  return { resident, transition: { ...transition, makeCurrent: true }, bytes };
}

/**
 * A record that the machine begins with. Its state is that of its last record: there is nothing to be owed in between, and nothing to
 * verify.
 */
export function inheritedStep(resident: Resident, record: JournalRecord, tailBytes: number, verify: boolean): PendingStep {
  resident.seq += 1;
  if (verify) resident.shadow = resident.definition.fold(resident.shadow, record);
  return stepOf(resident, record, { wakeAt: ACTIVE, open: true }, tailBytes);
}
