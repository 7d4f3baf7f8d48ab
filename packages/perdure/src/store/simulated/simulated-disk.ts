/**
 * What survives a crash in a simulation: the committed machines. Several stores can be opened on one disk, one after the
 * other; the disk itself never fails and knows no time. Also the shortest correct reading of the store's contract.
 */
import type { MadeListing } from '../../machines/listing.js';
import { CREATION_ATTRIBUTE } from '../../visibility/condition.js';
import { compareRows, evaluate, rowValues, scalarOf, type RowValues } from '../../visibility/evaluate.js';
import { checkPageLimit, decodeCursor, decodeListCursor, encodeCursor, encodeListCursor } from '../page.js';
import { MOST_GROUPS } from '../store.js';
import type {
  CountGroup,
  CountRequest,
  DueMachine,
  DueRequest,
  HistoryBatch,
  HistoryLimit,
  JournalRecord,
  ListedMachine,
  ListFilter,
  ListRequest,
  MachineFilter,
  MachineId,
  MachineKind,
  Page,
  PageRequest,
  StoredMachine,
  Transition,
} from '../store.js';
import { canBeListed, checkTransition, headAfter, type JournalHead } from '../transition.js';

interface DiskMachine extends Omit<StoredMachine, 'records'> {
  /** Counts creations: the order in which machines are listed. */
  readonly number: number;
  readonly journal: readonly JournalRecord[];
  readonly attributes: MadeListing['attributes'] | undefined;
}

const currentName = (kind: MachineKind, namespace: string, key: string): string => `${kind}\0${namespace}\0${key}`;
const copy = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes);

export class SimulatedDisk {
  readonly #machines = new Map<MachineId, DiskMachine>();
  readonly #current = new Map<string, MachineId>();
  /** Listings that a list has not looked at, as they were before: what is left of them after a crash. */
  readonly #fresh = new Map<MachineId, Pick<DiskMachine, 'listing' | 'attributes'>>();
  readonly #unlisted = new Set<MachineId>();
  /** Machines whose journal is still to be freed. */
  #left = 0;
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
      this.#fresh.delete(id);
      this.#unlisted.delete(id);
      this.#left += 1;
      const name = currentName(machine.kind, machine.namespace, machine.key);
      if (this.#current.get(name) === id) this.#current.delete(name);
    }
  }

  reclaim(): boolean {
    this.#left = Math.max(0, this.#left - 1);
    return this.#left > 0;
  }

  load(id: MachineId): StoredMachine | undefined {
    const machine = this.#machines.get(id);
    if (machine === undefined) return undefined;
    const { journal, number: _, attributes: __, ...stored } = machine;
    return { ...stored, records: journal.slice(stored.snapshot?.seq ?? 0) };
  }

  current(kind: MachineKind, namespace: string, key: string): MachineId | undefined {
    return this.#current.get(currentName(kind, namespace, key));
  }

  history(id: MachineId, fromEventId: number, limit: HistoryLimit): readonly HistoryBatch[] {
    const batches: HistoryBatch[] = [];
    let bytes = 0;
    const { descending = false } = limit;
    const journal = this.#machines.get(id)?.journal ?? [];
    for (const { history } of descending ? [...journal].reverse() : journal) {
      if (history === undefined || (descending ? history.firstEventId > fromEventId : history.lastEventId < fromEventId)) continue;
      if (history.firstEventId > (limit.throughEventId ?? Infinity)) break;
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
    return { items: found.map(shown), next: last && encodeCursor(last.number) };
  }

  list(request: ListRequest): Page<ListedMachine> {
    const { order = [], limit } = request;
    checkPageLimit(limit);
    const after = decodeListCursor(request.after, order.length + 1);
    const found = this.#found(request).sort((one, other) => compareRows(order, valuesOf(one), valuesOf(other)) || defaultOrder(one, other));
    const isUnique = order.some(({ attribute }) => attribute === CREATION_ATTRIBUTE);
    // The place of a row that may have gone meanwhile: before the first one that comes behind it.
    const isBehind = (machine: DiskMachine): boolean => {
      const values = after?.slice(0, -1);
      const position: RowValues = (name) => values?.[order.findIndex(({ attribute }) => attribute === name)] ?? undefined;
      const last = JSON.parse(String(after?.at(-1))) as [number, number, number];
      const byTerms = compareRows(order, valuesOf(machine), position);
      return byTerms > 0 || (byTerms === 0 && !isUnique && compareTimes(timesOf(machine), last) > 0);
    };
    const page = (after === undefined ? found : found.filter(isBehind)).slice(0, limit);
    const last = page.length === limit ? page.at(-1) : undefined;
    return { items: page.map(shown), next: last && encodeListCursor([...order.map(({ attribute }) => scalarOf(valuesOf(last)(attribute)) ?? null), JSON.stringify(timesOf(last))]) };
  }

  count(request: CountRequest): readonly CountGroup[] {
    const groups = new Map<CountGroup['value'], number>();
    for (const machine of this.#found(request)) {
      const value = request.groupBy === undefined ? undefined : scalarOf(valuesOf(machine)(request.groupBy));
      groups.set(value, (groups.get(value) ?? 0) + 1);
    }
    return [...groups].map(([value, count]) => ({ value, count })).sort((one, other) => other.count - one.count).slice(0, MOST_GROUPS);
  }

  unlisted(limit: number): readonly MachineId[] {
    return [...this.#unlisted].slice(0, limit);
  }

  /** A store indexes what waits before it answers a list, and when it closes. */
  indexListings(): void {
    this.#fresh.clear();
  }

  /** Nothing waits if the store before was closed. */
  loseListings(): void {
    for (const [id, indexed] of this.#fresh) {
      this.#machines.set(id, { ...(this.#machines.get(id) as DiskMachine), ...indexed });
      this.#unlisted.add(id);
    }
    this.#fresh.clear();
  }

  #found({ kind, namespace, condition }: ListFilter): DiskMachine[] {
    this.indexListings();
    return [...this.#machines.values()].filter(
      (machine) =>
        machine.kind === kind && machine.namespace === namespace && machine.attributes !== undefined && canBeListed(machine.attributes) && (condition === undefined || evaluate(condition, valuesOf(machine)) === true),
    );
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
    const made = row.listing?.make();
    if (row.listing !== undefined) this.#unlisted.delete(id);
    if (row.listing === null) this.#fresh.delete(id);
    else if (row.listing !== undefined && !this.#fresh.has(id)) this.#fresh.set(id, { listing: before?.listing, attributes: before?.attributes });
    this.#machines.set(id, {
      machine: id,
      kind,
      namespace,
      key,
      number: before?.number ?? ++this.#created,
      ...headAfter(transition, before),
      wakeAt: row.wakeAt,
      open: row.open,
      listing: row.listing === undefined ? before?.listing : made?.shown,
      attributes: row.listing === undefined ? before?.attributes : made?.attributes,
      snapshot: snapshot ? { seq, bytes: copy(snapshot) } : before?.snapshot,
      journal: [...(before?.journal ?? []), record],
    });
    if (create?.makeCurrent || transition.makeCurrent) this.#current.set(currentName(kind, namespace, key), id);
  }
}

function shown({ machine, kind, namespace, key, wakeAt, open, listing }: DiskMachine): ListedMachine {
  return { machine, kind, namespace, key, wakeAt, open, listing };
}

function valuesOf({ machine, key, number, attributes }: DiskMachine): RowValues {
  const values = rowValues(key, machine, attributes);
  return (name) => (name === CREATION_ATTRIBUTE ? number : values(name));
}

/** What runs first, then the latest close, the latest start, the latest creation. */
function timesOf({ attributes, number }: DiskMachine): [number, number, number] {
  return [Number(attributes?.get('CloseTime') ?? Number.MAX_SAFE_INTEGER), Number(attributes?.get('StartTime')), number];
}

function compareTimes(one: readonly number[], other: readonly number[]): number {
  return (other[0] as number) - (one[0] as number) || (other[1] as number) - (one[1] as number) || (other[2] as number) - (one[2] as number);
}

const defaultOrder = (one: DiskMachine, other: DiskMachine): number => compareTimes(timesOf(one), timesOf(other));
