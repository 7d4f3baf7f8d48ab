/**
 * What survives a crash in a simulation: the committed machines. Several stores can be opened on one disk, one after the
 * other; the disk itself never fails and knows no time. Also the shortest correct reading of the store's contract.
 */
import { checkPageLimit, decodeCursor, encodeCursor } from '../page.js';
import type {
  DueMachine,
  DueRequest,
  HistoryBatch,
  HistoryLimit,
  JournalRecord,
  ListedMachine,
  MachineFilter,
  MachineId,
  MachineKind,
  Page,
  PageRequest,
  StoredMachine,
  Transition,
} from '../store.js';
import { checkTransition, headAfter, type JournalHead } from '../transition.js';

interface DiskMachine extends Omit<StoredMachine, 'records'> {
  /** Counts creations: the order in which machines are listed. */
  readonly number: number;
  readonly journal: readonly JournalRecord[];
}

const currentName = (kind: MachineKind, namespace: string, key: string): string => `${kind}\0${namespace}\0${key}`;
const copy = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes);

export class SimulatedDisk {
  readonly #machines = new Map<MachineId, DiskMachine>();
  readonly #current = new Map<string, MachineId>();
  #created = 0;

  /** Checks all transitions before it applies the first one, so there is never anything to undo. */
  commit(transitions: readonly Transition[]): void {
    const heads = new Map<MachineId, JournalHead>();
    for (const transition of transitions) {
      const head = heads.get(transition.machine) ?? this.#machines.get(transition.machine);
      checkTransition(transition, head);
      heads.set(transition.machine, headAfter(transition, head));
    }
    for (const transition of transitions) this.#apply(transition);
  }

  delete(machines: readonly MachineId[]): void {
    for (const id of machines) {
      const machine = this.#machines.get(id);
      if (machine === undefined) continue;
      this.#machines.delete(id);
      const name = currentName(machine.kind, machine.namespace, machine.key);
      if (this.#current.get(name) === id) this.#current.delete(name);
    }
  }

  load(id: MachineId): StoredMachine | undefined {
    const machine = this.#machines.get(id);
    if (machine === undefined) return undefined;
    const { journal, number: _, ...stored } = machine;
    return { ...stored, records: journal.slice(stored.snapshot?.seq ?? 0) };
  }

  current(kind: MachineKind, namespace: string, key: string): MachineId | undefined {
    return this.#current.get(currentName(kind, namespace, key));
  }

  history(id: MachineId, fromEventId: number, limit: HistoryLimit): readonly HistoryBatch[] {
    const batches: HistoryBatch[] = [];
    let bytes = 0;
    for (const { history } of this.#machines.get(id)?.journal ?? []) {
      if (history === undefined || history.lastEventId < fromEventId) continue;
      bytes += history.bytes.length;
      if (batches.length > 0 && (bytes > limit.bytes || batches.length >= (limit.batches ?? Infinity))) break;
      batches.push(history);
    }
    return batches;
  }

  due(at: number, { limit, after, from }: DueRequest): Page<DueMachine> {
    checkPageLimit(limit);
    const [afterWakeAt = from ?? Number.MIN_SAFE_INTEGER, afterNumber = 0] = decodeCursor(after, 2) ?? [];
    const due = [...this.#machines.values()]
      .flatMap(({ machine, number, wakeAt }) => (wakeAt === undefined || wakeAt > at ? [] : [{ machine, number, wakeAt }]))
      .filter(({ wakeAt, number }) => wakeAt > afterWakeAt || (wakeAt === afterWakeAt && number > afterNumber))
      .sort((one, other) => one.wakeAt - other.wakeAt || one.number - other.number)
      .slice(0, limit);
    const last = due.length === limit ? due.at(-1) : undefined;
    const items = due.map(({ machine, wakeAt }) => ({ machine, wakeAt }));
    return { items, next: last && encodeCursor(last.wakeAt, last.number) };
  }

  nextWake(after: number): number | undefined {
    let earliest: number | undefined;
    for (const { wakeAt } of this.#machines.values()) {
      if (wakeAt !== undefined && wakeAt > after && wakeAt < (earliest ?? Infinity)) earliest = wakeAt;
    }
    return earliest;
  }

  machines(filter: MachineFilter, { limit, after }: PageRequest): Page<ListedMachine> {
    checkPageLimit(limit);
    const [before = Infinity] = decodeCursor(after, 1) ?? [];
    const found = [...this.#machines.values()]
      .filter(
        ({ kind, namespace, key, open, number }) =>
          kind === filter.kind &&
          namespace === filter.namespace &&
          key === (filter.key ?? key) &&
          (open || !filter.openOnly) &&
          number < before,
      )
      .sort((one, other) => other.number - one.number)
      .slice(0, limit);
    const last = found.length === limit ? found.at(-1) : undefined;
    const items = found.map(({ machine, kind, namespace, key, wakeAt, open, listing }) => ({
      machine, kind, namespace, key, wakeAt, open, listing,
    }));
    return { items, next: last && encodeCursor(last.number) };
  }

  #apply(transition: Transition): void {
    const { machine: id, create, seq, history, private: privateEvents, row, snapshot } = transition;
    const before = this.#machines.get(id);
    const identity = before ?? create;
    if (identity === undefined) throw new Error(`Record ${seq} of machine ${id} was not checked.`);
    const { kind, namespace, key } = identity;
    const record: JournalRecord = {
      seq,
      history: history && { ...history, bytes: copy(history.bytes) },
      private: privateEvents && copy(privateEvents),
    };
    this.#machines.set(id, {
      machine: id,
      kind,
      namespace,
      key,
      number: before?.number ?? ++this.#created,
      ...headAfter(transition, before),
      wakeAt: row.wakeAt,
      open: row.open,
      listing: row.listing ? copy(row.listing) : before?.listing,
      snapshot: snapshot ? { seq, bytes: copy(snapshot) } : before?.snapshot,
      journal: [...(before?.journal ?? []), record],
    });
    if (create?.makeCurrent) this.#current.set(currentName(kind, namespace, key), id);
  }
}
