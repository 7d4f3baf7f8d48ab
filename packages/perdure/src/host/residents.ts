/**
 * The machines in memory: finding, loading, dropping.
 *
 * Invariants:
 * - A machine is in memory at most once, and what is in memory is at least as new as the store.
 * - Inputs for a machine that is being loaded wait in its mailbox, in order; mailboxes are bounded.
 * - A load whose machine was in memory and left it meanwhile is repeated: it may have read an old state.
 */
import type { MachineKey } from '../machines/machine.js';
import { resourceExhausted } from '../matching/resource-exhausted.js';
import { Code, RpcError } from '../protocol/index.js';
import { StoreCorruptError } from '../store/errors.js';
import type { Store, StoredMachine } from '../store/store.js';
import type { Cache } from './cache.js';
import { CLOSING, unavailable, type HostLimits } from './limits.js';
import { Resident, type AnyMachine, type Self } from './resident.js';

/** Who is to be loaded: a certain machine, or whichever is current under a key. */
type Target = MachineKey | { readonly machine: string; readonly kind?: undefined };

interface Waiter {
  readonly to: Target;
  run(resident: Resident | undefined): void;
  fail(error: RpcError): void;
}

/**
 * - `evicted`: it rests, and its row says until when.
 * - `undone`: a commit failed; the store has an earlier state.
 * - `faulty`: a transition threw.
 * - `deleted`: the store has forgotten it.
 */
export type Departure = 'evicted' | 'undone' | 'faulty' | 'deleted';

export interface ResidentsEvents {
  /** In memory again, before the inputs that waited: recompute what is owed. */
  loaded(resident: Resident): void;
  /** Left memory: forget what is owed. The resident still has what it was. */
  dropped(resident: Resident, why: Departure): void;
}

export interface ResidentsOptions {
  readonly store: Store;
  readonly limits: HostLimits;
  readonly machines: ReadonlyMap<string, AnyMachine>;
  readonly events: ResidentsEvents;
  readonly verify: boolean;
}

export class Residents {
  /** Set once, by the host. */
  cache!: Cache;
  readonly #options: ResidentsOptions;
  readonly #byId = new Map<string, Resident>();
  /** The latest machine of a key, where it is known. */
  readonly #current = new Map<string, Resident>();
  readonly #loads = new Map<string, { readonly startedAt: number; readonly waiters: Waiter[] }>();
  /** Machines that nobody may load now, and when that is over. */
  readonly #keptOut = new Map<string, Promise<void>>();
  /** What left memory while loads were under way, and when. */
  readonly #droppedAt = new Map<string, number>();
  #sequence = 0;
  #waitingInputs = 0;
  #closed = false;

  constructor(options: ResidentsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byId.size;
  }

  values(): IterableIterator<Resident> {
    return this.#byId.values();
  }

  byId(machine: string): Resident | undefined {
    return this.#byId.get(machine);
  }

  /** The machine, if it is in memory and takes inputs. */
  find(to: Target): Resident | undefined {
    const resident = this.#known(to);
    if (resident === undefined || resident.phase !== 'live') return undefined;
    return matches(resident, to) ? resident : undefined;
  }

  /**
   * Calls `run` with the machine, at once if it is in memory, else after it was loaded; with `undefined` if there is none. Calls
   * `fail` if it cannot be loaded or too much waits.
   */
  withMachine(to: Target, run: (resident: Resident | undefined) => void, fail: (error: RpcError) => void): void {
    const resident = this.find(to);
    if (resident !== undefined) return run(resident);
    if (this.#closed) return fail(unavailable(CLOSING));
    const inMemory = this.#known(to);
    if (inMemory?.phase === 'faulty') return fail(unavailable('The machine is being loaded again after an error. Send the request again.'));
    if (inMemory?.phase === 'live') return run(undefined); // The run exists, under another key.
    this.#enqueue({ to, run, fail });
  }

  add(resident: Resident): void {
    this.#byId.set(resident.id, resident);
    this.#current.set(keyId(resident.self), resident);
  }

  /** Known by its id only, so that nothing loads it. */
  addPrepared(resident: Resident): void {
    this.#byId.set(resident.id, resident);
  }

  touch(resident: Resident): void {
    this.cache.touch(resident);
  }

  /** Takes a machine out of memory. Whatever was not durable is lost with it. */
  drop(resident: Resident, why: Departure): void {
    if (resident.phase === 'gone') return;
    this.noteDeparture(resident);
    this.#byId.delete(resident.id);
    const key = keyId(resident.self);
    if (this.#current.get(key) === resident) this.#current.delete(key);
    this.cache.remove(resident);
    resident.phase = 'gone';
    this.#options.events.dropped(resident, why);
  }

  /** Loads under way may have read what this machine was before it changed last. */
  noteDeparture({ self }: { readonly self: Self }): void {
    if (this.#loads.size === 0) return;
    this.#sequence += 1;
    this.#droppedAt.set(self.machine, this.#sequence);
    this.#droppedAt.set(keyId(self), this.#sequence);
  }

  /** Keeps those of these machines out of memory that are not in it, until the barrier is lifted: loads of them wait. */
  keepOut(machines: readonly Self[]): { readonly machines: ReadonlySet<string>; lift(): void } {
    const kept = machines.filter(({ machine }) => !this.#byId.has(machine) && !this.#keptOut.has(machine));
    let lifted: () => void = () => {};
    const over = new Promise<void>((resolve) => (lifted = resolve));
    for (const { machine } of kept) this.#keptOut.set(machine, over);
    const lift = (): void => {
      for (const self of kept) {
        this.#keptOut.delete(self.machine);
        this.noteDeparture({ self });
      }
      lifted();
    };
    return { machines: new Set(kept.map(({ machine }) => machine)), lift };
  }

  /** The state in memory is not to be trusted any more: drop it as soon as what was decided on it is durable. */
  fault(resident: Resident): void {
    if (resident.phase !== 'live') return;
    resident.phase = 'faulty';
    if (resident.isDurable) this.drop(resident, 'faulty');
  }

  /** Refuses what waits, and everything from now on that would have to be loaded. */
  close(): void {
    this.#closed = true;
    for (const load of this.#loads.values()) for (const waiter of load.waiters.splice(0)) waiter.fail(unavailable(CLOSING));
    this.#waitingInputs = 0;
  }

  #known(to: Target): Resident | undefined {
    return to.machine === undefined ? this.#current.get(addressOf(to)) : this.#byId.get(to.machine);
  }

  #enqueue(waiter: Waiter): void {
    const address = addressOf(waiter.to);
    let load = this.#loads.get(address);
    if (load === undefined) {
      load = { startedAt: this.#sequence, waiters: [] };
      this.#loads.set(address, load);
      void this.#load(address, waiter.to);
    }
    const { limits } = this.#options;
    if (load.waiters.length >= limits.mailboxInputs) {
      waiter.fail(resourceExhausted('BUSY_WORKFLOW', `${limits.mailboxInputs} requests wait for this machine, which is the limit. Send the request again later.`));
    } else if (this.#waitingInputs >= limits.waitingInputs) {
      waiter.fail(resourceExhausted('SYSTEM_OVERLOADED', `${limits.waitingInputs} requests wait for machines to be loaded, which is the limit. Send the request again later.`));
    } else {
      this.#waitingInputs += 1;
      load.waiters.push(waiter);
    }
  }

  async #load(address: string, to: Target): Promise<void> {
    let failure: RpcError | undefined;
    let loaded: Resident | undefined;
    try {
      for (let isStale = true; isStale && !this.#closed; ) {
        const startedAt = this.#sequence;
        const machine = to.kind === undefined || to.machine !== undefined ? to.machine : await this.#options.store.current(to.kind, to.namespace, to.key);
        const stored = machine === undefined ? undefined : await this.#options.store.load(machine);
        const keptOut = machine === undefined ? undefined : this.#keptOut.get(machine);
        if (keptOut !== undefined) {
          await keptOut;
          continue;
        }
        const leftAt = Math.max(this.#droppedAt.get(address) ?? 0, machine === undefined ? 0 : (this.#droppedAt.get(machine) ?? 0));
        isStale = leftAt > startedAt;
        if (!isStale && !this.#closed) loaded = stored === undefined ? undefined : this.#install(stored, to);
      }
    } catch (error) {
      failure = loadFailure(error);
    }
    const { waiters } = this.#loads.get(address) ?? { waiters: [] };
    this.#loads.delete(address);
    if (this.#loads.size === 0) this.#droppedAt.clear();
    this.#waitingInputs -= waiters.length;
    if (loaded !== undefined) this.#options.events.loaded(loaded);
    for (const waiter of waiters) this.#deliver(waiter, loaded, failure);
    this.cache.evict();
  }

  /** An earlier input may have created the machine, replaced it, or broken it. */
  #deliver(waiter: Waiter, loaded: Resident | undefined, failure: RpcError | undefined): void {
    if (failure !== undefined) return waiter.fail(failure);
    const isKnown = loaded !== undefined || this.#known(waiter.to) !== undefined;
    if (isKnown) this.withMachine(waiter.to, waiter.run, waiter.fail);
    else waiter.run(undefined);
  }

  #install(stored: StoredMachine, to: Target): Resident {
    const known = this.#byId.get(stored.machine);
    const resident = known === undefined ? this.#restore(stored) : known;
    if (known?.phase === 'hollow') this.#refill(known, this.#restore(stored));
    this.#byId.set(resident.id, resident);
    const address = addressOf(to);
    if (to.machine === undefined && this.#current.get(address) === undefined) this.#current.set(address, resident);
    this.cache.touch(resident);
    return resident;
  }

  /** The offers of a hollow machine stand, and its state could not change without them noticing. */
  #refill(hollow: Resident, restored: Resident): void {
    hollow.state = restored.state;
    hollow.shadow = restored.shadow;
    hollow.tail.push(...restored.tail);
    hollow.tailBytes = restored.tailBytes;
    hollow.recordsSinceSnapshot = restored.recordsSinceSnapshot;
    hollow.bytesSinceSnapshot = restored.bytesSinceSnapshot;
    hollow.lastSnapshotBytes = restored.lastSnapshotBytes;
    hollow.loadedListing = restored.loadedListing;
    hollow.phase = 'live';
  }

  #restore(stored: StoredMachine): Resident {
    const definition = this.#options.machines.get(stored.kind);
    if (definition === undefined) throw new RpcError(Code.UNIMPLEMENTED, `There are no machines of kind "${stored.kind}" here.`);
    const { kind, namespace, key, machine } = stored;
    const resident = new Resident(definition, { kind, namespace, key, machine }, restoreState(definition, stored));
    if (this.#options.verify) resident.shadow = restoreState(definition, stored);
    resident.seq = resident.durableSeq = stored.seq;
    resident.rowWakeAt = stored.wakeAt;
    resident.loadedListing = stored.listing;
    resident.lastSnapshotBytes = stored.snapshot?.bytes.length ?? 0;
    resident.recordsSinceSnapshot = stored.records.length;
    for (const record of stored.records) {
      resident.bytesSinceSnapshot += 100 + (record.history?.bytes.length ?? 0) + (record.private?.length ?? 0);
      if (record.history !== undefined) resident.keepBatch(record.history, record.seq, this.#options.limits.tailBytes);
    }
    resident.lastEventId = resident.durableLastEventId = stored.lastEventId;
    return resident;
  }
}

function restoreState(definition: AnyMachine, stored: StoredMachine): unknown {
  let state = stored.snapshot === undefined ? undefined : definition.restore(stored.snapshot.bytes);
  for (const { history, private: privateEvents } of stored.records) {
    // A record without content only rewrote the row.
    if (history === undefined && privateEvents === undefined) continue;
    state = definition.fold(state, { ...(history && { history }), ...(privateEvents && { private: privateEvents }) });
  }
  if (state === undefined) throw new StoreCorruptError(`Machine ${stored.machine} has neither a snapshot nor records.`);
  return state;
}

function loadFailure(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (error instanceof StoreCorruptError) return new RpcError(Code.DATA_LOSS, error.message, [], { cause: error });
  if (error instanceof Error && error.name === 'StoreUnavailableError') return unavailable('The store cannot be read. Send the request again.', error);
  const reason = error instanceof Error ? error.message : String(error);
  return new RpcError(Code.INTERNAL, `A machine could not be loaded: ${reason}. This is a bug in the server, or a record of a newer version.`, [], { cause: error });
}

function matches(resident: Resident, to: Target): boolean {
  const { kind, namespace, key } = resident.self;
  return to.kind === undefined || (to.key === key && to.namespace === namespace && to.kind === kind);
}

function addressOf(to: Target): string {
  return to.kind === undefined ? to.machine : (to.machine ?? keyId(to));
}

/** NUL cannot be part of a name that users choose: keys of different kinds and namespaces never meet. */
function keyId(key: { readonly kind: string; readonly namespace: string; readonly key: string }): string {
  return `${key.kind}\0${key.namespace}\0${key.key}`;
}
