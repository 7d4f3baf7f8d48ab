/**
 * A machine in memory: its state, where its journal stands, and the books on what it is owed.
 *
 * Invariants:
 * - `seq` is the latest record that was decided, `durableSeq` the latest one that is durable. In between lies what a failing commit
 *   undoes, by dropping the whole resident.
 * - `rowWakeAt` is what the row says or will say once everything decided is durable; it is never later than the truth.
 * - The books (`offers`, `wakes`, `deliveries`) equal what the machine's state owes whenever no transition is under way.
 *
 * Only data and arithmetic live here; `decisions.ts`, `debts.ts` and `residents.ts` change it.
 */
import type { Listing } from '../machines/listing.js';
import type { DebtKey, Machine, MachineKey } from '../machines/machine.js';
import type { Place } from '../matching/fifo.js';
import type { HistoryBatch } from '../store/store.js';
import type { Delivery } from './outbox.js';
import type { DispatchOffer } from './debts.js';
import type { Group } from './group-commit.js';

export type AnyMachine = Machine<unknown, unknown, unknown>;
export type Self = MachineKey & { readonly machine: string };

/**
 * - `prepared`: it is written piece by piece and nobody finds it yet; see `preparations.ts`.
 * - `live`: in memory and taking inputs.
 * - `hollow`: only the offers are kept; the state was evicted and is loaded when a task finds a poller.
 * - `faulty`: a transition threw; the state is not to be trusted, and is loaded anew once everything decided is durable.
 * - `gone`: dropped from memory. Whoever still holds it looks it up again.
 */
export type Phase = 'prepared' | 'live' | 'hollow' | 'faulty' | 'gone';

/** The value of a row's `wakeAt` while its machine is active: due at once, should the process die. */
export const ACTIVE = 0;

export class Resident {
  phase: Phase = 'live';
  seq = 0;
  durableSeq = 0;
  /** The group that holds the latest record, until it is durable. */
  group: Group | undefined = undefined;
  rowWakeAt: number | undefined = ACTIVE;
  /** When `rowWakeAt` was last set back to {@link ACTIVE}. */
  activeSince = 0;

  /** Records and bytes since the last snapshot: what a load has to fold. */
  recordsSinceSnapshot = 0;
  bytesSinceSnapshot = 0;
  lastSnapshotBytes = 0;

  /** The latest history batches, oldest first; the ones decided but not durable included. */
  readonly tail: TailBatch[] = [];
  tailBytes = 0;
  lastEventId = 0;
  durableLastEventId = 0;

  readonly offers = new Map<DebtKey, DispatchOffer>();
  readonly wakes = new Map<DebtKey, number>();
  readonly deliveries = new Map<DebtKey, Delivery>();
  /** What the row says to list queries; `null`: nothing. */
  #listing: Listing | null = null;
  /** After a load: what the row says, as bytes, until it is compared. */
  loadedListing: Uint8Array | undefined = undefined;
  /** It was prepared: its next record makes it the current one of its key. */
  becomesCurrent = false;
  /** The key under which the machine owes its own deletion. */
  deletionKey: DebtKey | undefined = undefined;
  /** When the entry of this machine in the heap of wakes is due; infinite: it has none. Never later than the earliest wake. */
  heapAt = Number.POSITIVE_INFINITY;
  /** The turn of the wakes in which it was woken last. */
  wokenInTurn = 0;

  /** Place in the list of residents by last use. */
  place: Place<Resident> | undefined = undefined;
  /** What the cache was charged for it. */
  chargedBytes = 0;
  /** Under `verify`: the state as folded from the journal. */
  shadow: unknown = undefined;

  constructor(
    readonly definition: AnyMachine,
    readonly self: Self,
    public state: unknown,
  ) {}

  get id(): string {
    return this.self.machine;
  }

  get isDurable(): boolean {
    return this.durableSeq === this.seq;
  }

  /** It is being forgotten: whoever asks is told that it does not exist. */
  get isDeleted(): boolean {
    return this.phase === 'live' && this.definition.isDeleted?.(this.state) === true;
  }

  get isOpen(): boolean {
    return this.definition.isOpen(this.state);
  }

  /** What the row has to be told for list queries; `undefined`: nothing has changed for them. */
  takeListing(): Listing | null | undefined {
    if (this.definition.listing === undefined) return undefined;
    const listing = this.definition.listing(this.state) ?? null;
    const loaded = this.loadedListing;
    if (loaded === undefined && listing === this.#listing) return undefined;
    this.#listing = listing;
    this.loadedListing = undefined;
    const isKnown = loaded !== undefined && listing !== null && Buffer.compare(loaded, listing.make().shown) === 0;
    return isKnown ? undefined : listing;
  }

  /** The earliest wake; infinite if none. Walks them, unless the machine knows. */
  earliestWake(): number {
    if (this.phase === 'live' && this.definition.nextWake !== undefined) return this.definition.nextWake(this.state) ?? Number.POSITIVE_INFINITY;
    let earliest = Number.POSITIVE_INFINITY;
    for (const at of this.wakes.values()) if (at < earliest) earliest = at;
    return earliest;
  }

  /** What the row would say if it were exact: now while something is owed at once, else the earliest wake. */
  exactWakeAt(): number | undefined {
    if (this.offers.size > 0 || this.deliveries.size > 0 || this.deletionKey !== undefined) return ACTIVE;
    const earliest = this.earliestWake();
    return earliest === Number.POSITIVE_INFINITY ? undefined : Math.max(ACTIVE, Math.floor(earliest));
  }

  /** Remembers a batch for readers. Beyond the limit the older half is forgotten, as far as it is durable: rarely, because it moves the rest. */
  keepBatch(batch: HistoryBatch, seq: number, limitBytes: number): void {
    const { firstEventId, lastEventId, bytes } = batch;
    this.tail.push({ firstEventId, lastEventId, bytes, seq });
    this.tailBytes += bytes.length;
    this.lastEventId = lastEventId;
    if (this.tailBytes > limitBytes) this.#trimTail(limitBytes / 2);
  }

  #trimTail(toBytes: number): void {
    let count = 0;
    for (let last = this.tail.length - 1; count < last && this.tailBytes > toBytes; count++) {
      const oldest = this.tail[count] as TailBatch;
      if (oldest.seq > this.durableSeq) break;
      this.tailBytes -= oldest.bytes.length;
    }
    if (count > 0) this.tail.splice(0, count);
  }
}

/** What anybody but the machine itself finds: a machine that is being forgotten is not there. */
export function visible(resident: Resident | undefined): Resident | undefined {
  return resident?.isDeleted === true ? undefined : resident;
}

export interface TailBatch extends HistoryBatch {
  readonly seq: number;
}
