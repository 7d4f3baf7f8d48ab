/**
 * Which machines stay in memory: the ones used last, within a bound of bytes and of count.
 *
 * A machine leaves only when it is durable and delivers nothing. Before that, its row must say when it needs attention next, because
 * from then on the row is all there is; and if a load would have to fold many records, a snapshot is written. Both ride on an ordinary
 * commit as a record without content, and the machine leaves once that is durable, unless it was used meanwhile. A machine that only
 * waits for workers leaves too, but its offers stay (it becomes `hollow`): a million queued tasks must not need a million states.
 */
import { Fifo } from '../matching/fifo.js';
import type { Clock } from '../ports/clock.js';
import type { GroupCommit } from './group-commit.js';
import type { HostLimits } from './limits.js';
import { ACTIVE, type Resident } from './resident.js';
import type { Residents } from './residents.js';

/** Machines looked at in one go, when many cannot leave. */
const LOOKS = 500;

export interface CacheOptions {
  readonly clock: Clock;
  readonly limits: HostLimits;
  readonly residents: Residents;
  readonly commit: GroupCommit;
  /** The machine is about to leave memory; offers that nobody keeps are forgotten here. */
  readonly leaving: (resident: Resident) => void;
}

export class Cache {
  readonly #options: CacheOptions;
  /** The one used longest ago first. */
  readonly #byUse = new Fifo<Resident>();
  #bytes = 0;

  constructor(options: CacheOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** There is room for as much again. */
  get isHalfEmpty(): boolean {
    const { cachedMachines, cachedBytes } = this.#options.limits;
    return this.#byUse.size * 2 < cachedMachines && this.#bytes * 2 < cachedBytes;
  }

  /** The machine was used: it stays longest now, and may have grown. */
  touch(resident: Resident): void {
    if (resident.phase !== 'live') return;
    if (resident.place === undefined) resident.place = this.#byUse.push(resident);
    else this.#byUse.moveToBack(resident.place);
    const bytes = 500 + resident.definition.sizeBytes(resident.state) + resident.tailBytes;
    this.#bytes += bytes - resident.chargedBytes;
    resident.chargedBytes = bytes;
  }

  remove(resident: Resident): void {
    if (resident.place !== undefined) this.#byUse.remove(resident.place);
    resident.place = undefined;
    this.#bytes -= resident.chargedBytes;
    resident.chargedBytes = 0;
  }

  /** Lets machines leave until the rest fits. */
  evict(): void {
    const { cachedMachines, cachedBytes } = this.#options.limits;
    let count = this.#byUse.size - cachedMachines;
    let bytes = this.#bytes - cachedBytes;
    if (count <= 0 && bytes <= 0) return;
    let looks = LOOKS;
    const now = this.#options.clock.now();
    for (const resident of this.#byUse) {
      if ((count <= 0 && bytes <= 0) || looks-- === 0) return;
      if (resident.deliveries.size > 0 || resident.deletionKey !== undefined || resident.phase !== 'live' || resident.heapAt <= now) continue;
      count -= 1;
      bytes -= resident.chargedBytes;
      if (!resident.isDurable) continue; // Leaves after its commit.
      if (this.needsRecord(resident)) this.save(resident);
      else this.#release(resident);
    }
  }

  /** The store does not yet have what a load will want. */
  needsRecord(resident: Resident): boolean {
    return this.#isRowWrong(resident) || this.#wantsSnapshot(resident);
  }

  /** Writes the exact row, and a snapshot if a load would be long without. */
  save(resident: Resident): void {
    const wantsSnapshot = this.#wantsSnapshot(resident);
    resident.rowWakeAt = resident.exactWakeAt();
    resident.seq += 1;
    const snapshot = wantsSnapshot ? resident.definition.snapshot(resident.state) : undefined;
    if (snapshot !== undefined) noteSnapshot(resident, snapshot);
    const row = { wakeAt: resident.rowWakeAt, open: resident.isOpen };
    const transition = { machine: resident.id, seq: resident.seq, history: undefined, private: undefined, row, snapshot };
    this.#options.commit.add({ resident, transition, bytes: 100 + (snapshot?.length ?? 0) });
  }

  /** Adds the snapshot that is due to the machine's latest record. */
  snapshotIfDue(resident: Resident, transition: { snapshot: Uint8Array | undefined }): void {
    const { snapshotRecords, snapshotBytes } = this.#options.limits;
    const isMuch = resident.recordsSinceSnapshot >= snapshotRecords || resident.bytesSinceSnapshot >= snapshotBytes;
    if (!isMuch || resident.bytesSinceSnapshot * 2 < resident.lastSnapshotBytes || !resident.isOpen) return;
    const snapshot = resident.definition.snapshot(resident.state);
    transition.snapshot = snapshot;
    noteSnapshot(resident, snapshot);
  }

  #wantsSnapshot(resident: Resident): boolean {
    return resident.recordsSinceSnapshot > this.#options.limits.evictionRecords && resident.isOpen;
  }

  /** Its time is over, so nobody would look at the row again when the next wake comes. A time to come may be too early. */
  #isRowWrong(resident: Resident): boolean {
    const row = resident.rowWakeAt;
    if (row === undefined || row > this.#options.clock.now()) return false;
    const exact = resident.exactWakeAt();
    return exact !== row && exact !== ACTIVE;
  }

  #release(resident: Resident): void {
    this.#options.leaving(resident);
    if (resident.offers.size === 0) return this.#options.residents.drop(resident, 'evicted');
    this.#options.residents.noteDeparture(resident);
    this.remove(resident);
    resident.phase = 'hollow';
    resident.state = undefined;
    resident.shadow = undefined;
    resident.tail.length = 0;
    resident.tailBytes = 0;
  }
}

function noteSnapshot(resident: Resident, snapshot: Uint8Array): void {
  resident.recordsSinceSnapshot = 0;
  resident.bytesSinceSnapshot = 0;
  resident.lastSnapshotBytes = snapshot.length;
}
