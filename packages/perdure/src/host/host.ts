/**
 * The host runs machines: it gives each a single writer, a journal, a clock and an outbox. This is all that the frontend sees of it.
 *
 * Invariants (each has a test that tries to break it):
 * - Nobody sees a reply, a task or a read before everything it is based on is durable.
 * - A machine decides one input at a time, on its latest state.
 * - What a machine owes is in the books (`debts.ts`) or, for machines that rest outside memory, in its row.
 * - Whatever waits is bounded; what does not fit is refused RESOURCE_EXHAUSTED.
 * - With nothing to do there is no timer and no query.
 *
 * `docs/internals/host.md` tells how an input travels.
 */
import type { JournalRecord, MachineKey } from '../machines/machine.js';
import type { Matching } from '../matching/matching.js';
import { resourceExhausted } from '../matching/resource-exhausted.js';
import type { Clock } from '../ports/clock.js';
import { silentLogger, type Logger } from '../ports/logger.js';
import type { Random } from '../ports/random.js';
import type { CountGroup, CountRequest, HistoryBatch, ListedMachine, ListRequest, MachineFilter, Page, PageRequest, Store } from '../store/store.js';
import { Cache } from './cache.js';
import { Changes, type Matters } from './changes.js';
import type { Courier } from './courier.js';
import { Debts } from './debts.js';
import { Deletions } from './deletions.js';
import { Decisions } from './decisions.js';
import { Forgetting, type Forgotten } from './forgetting.js';
import { GroupCommit, type Asker, type Group } from './group-commit.js';
import { newerBatches, readHistory, readHistoryBefore, type HistorySlice, type HistorySliceBefore, type HistorySliceLimit } from './history.js';
import { CLOSING, DEFAULT_LIMITS, STUCK, unavailable, type HostLimits } from './limits.js';
import { fullPage, Listings } from './listings.js';
import { Outbox } from './outbox.js';
import { Preparations } from './preparations.js';
import { Recovery } from './recovery.js';
import { visible, type AnyMachine, type Resident } from './resident.js';
import { Residents, type Departure } from './residents.js';
import { HostStats } from './stats.js';
import { Wakes } from './wakes.js';

export type { Courier } from './courier.js';
export type { HostLimits } from './limits.js';
export type { HistorySlice, HistorySliceLimit } from './history.js';

export interface HostOptions {
  /** Where machines are kept. The host uses it and does not close it. */
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** Where workers wait. The host offers its tasks and ends its polls at `close`. */
  readonly matching: Matching;
  /** The kinds of machines. */
  readonly machines: readonly AnyMachine[];
  /** Those who deliver messages to the outside. */
  readonly couriers?: readonly Courier[];
  readonly limits?: Partial<HostLimits>;
  /** Hears of commits that fail or do not end. Default: nobody does. */
  readonly logger?: Logger;
  /** Checks after every step that the journal folds to the live state and that the books are right. For tests: slow. */
  readonly verify?: boolean;
}

export class Host {
  /** Hears what machines tell those who wait for something of theirs, once it is durable. Must be quick, and must not throw. */
  onNotice: (machine: MachineKey & { readonly machine: string }, notice: unknown) => void = () => {};
  /** Hears of machines that have closed for good, once that is durable; perhaps more than once. Must be quick, and must not throw. */
  onClosed: (machine: MachineKey & { readonly machine: string }) => void = () => {};
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #matching: Matching;
  readonly #residents: Residents;
  readonly #commit: GroupCommit;
  readonly #decisions: Decisions;
  readonly #debts: Debts;
  readonly #wakes: Wakes;
  readonly #cache: Cache;
  readonly #recovery: Recovery;
  readonly #deletions: Deletions;
  readonly #forgetting: Forgetting;
  readonly #preparations: Preparations;
  readonly #changes: Changes;
  readonly #listings: Listings;
  readonly stats = new HostStats();
  #closed: Promise<void> | undefined;

  constructor(options: HostOptions) {
    const { store, clock, random, matching, verify = false } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const machines = new Map(options.machines.map((machine) => [machine.kind, machine]));
    this.#clock = clock;
    this.#store = store;
    this.#matching = matching;
    this.#changes = new Changes(limits.changeWaiters);
    this.#wakes = new Wakes(clock, (resident) => this.#wake(resident), () => this.#commit.isBehind, this.stats.wakeSeconds);
    this.#commit = new GroupCommit(store, clock, limits, options.logger ?? silentLogger, {
      flushing: (group) => this.#addSnapshots(group),
      durable: (group) => this.#becameDurable(group),
      undone: (groups) => this.#undo(groups),
    }, this.stats);
    const residents = new Residents({
      store, limits, machines, verify,
      events: { loaded: (resident) => this.#loaded(resident), dropped: (resident, why) => this.#dropped(resident, why) },
    });
    const commit = this.#commit;
    const decisions = new Decisions({ clock, random, limits, machines, residents, commit, verify });
    const couriers = new Map((options.couriers ?? []).map((courier) => [courier.kind, courier]));
    const outbox = new Outbox({ clock, random, limits, residents, decisions, commit, couriers });
    this.#debts = new Debts({ matching, wakes: this.#wakes, outbox, decisions, residents, commit });
    this.#cache = new Cache({ clock, limits, residents, commit, leaving: (resident) => this.#debts.forgetTurnedAway(resident) });
    this.#deletions = new Deletions({ clock, store, residents });
    this.#forgetting = new Forgetting({ store, residents, deletions: this.#deletions });
    this.#preparations = new Preparations({ store, limits, machines, residents, commit, deletions: this.#deletions, verify });
    this.#recovery = new Recovery({ clock, store, limits, residents, debts: this.#debts, wakes: this.#wakes });
    this.#listings = new Listings({ clock, store, limits, residents, commit, logger: options.logger ?? silentLogger });
    this.#residents = residents;
    this.#decisions = decisions;
    residents.cache = this.#cache;
    decisions.debts = this.#debts;
    matching.onSpace = () => {
      this.#debts.offerTurnedAway();
      if (!this.#debts.isFull) this.#recovery.resume();
    };
  }

  /**
   * Sends an input to a machine and resolves with its reply, once that is durable. Where no machine exists under the key, the kind's
   * transition decides on state `undefined`.
   *
   * @throws RpcError a refusal of the machine; UNAVAILABLE (retryable) if the store fails or the host closes; RESOURCE_EXHAUSTED if too
   * much waits.
   *
   * @example
   * ```ts
   * const reply = await host.send<StartReply>({ kind: 'workflow', namespace: namespaceId, key: 'order-17' }, { type: 'start', request });
   * ```
   */
  send<Reply>(to: MachineKey, input: unknown): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      if (this.#closed !== undefined) throw unavailable(CLOSING);
      if (this.#commit.isStuck) throw unavailable(STUCK);
      if (this.#commit.isOverloaded) {
        throw resourceExhausted('SYSTEM_OVERLOADED', 'More is waiting to be stored than the limit allows. Send the request again later.');
      }
      const asker = { resolve: resolve as Asker['resolve'], reject };
      const resident = this.#residents.find(to);
      if (resident !== undefined) {
        this.stats.cacheHits += 1;
        this.#answer(asker, to, resident, input);
      } else this.#residents.withMachine(to, (loaded) => this.#answer(asker, to, loaded, input), reject);
    });
  }

  /**
   * Like `send`, for an input that depends on all that the machine has written: `make` gets the machine and its batches after
   * `afterEventId`, the ones that are not durable yet included, at the moment of the decision. Resolves with `undefined`, and decides
   * nothing, if `make` returns `undefined`, and if memory does not hold all those batches: read on from the durable history, and ask again.
   * A machine that is named decides only where none is current under its key any more: it may bring a successor.
   */
  sendAfterHistory<Reply>(to: MachineKey, afterEventId: number, make: (machine: string, newer: readonly HistoryBatch[]) => unknown): Promise<Reply | undefined> {
    return new Promise<Reply | undefined>((resolve, reject) => {
      if (this.#closed !== undefined) throw unavailable(CLOSING);
      const decide = (resident: Resident | undefined): void => {
        const found = visible(resident);
        const newer = found && newerBatches(found, afterEventId);
        const input = found === undefined || newer === undefined ? undefined : make(found.id, newer);
        if (input === undefined) return resolve(undefined);
        this.#answer({ resolve: resolve as Asker['resolve'], reject }, to, resident, input);
      };
      if (to.machine === undefined) return this.#residents.withMachine(to, decide, reject);
      const { kind, namespace, key } = to;
      const decideAlone = (resident: Resident | undefined): void =>
        this.#residents.withMachine(
          { kind, namespace, key },
          // It may have left memory while the other one was looked for.
          (current) => ((visible(current) ?? resident) === resident && resident?.phase === 'live' ? decide(resident) : resolve(undefined)),
          reject,
        );
      this.#residents.withMachine(to, decideAlone, reject);
    });
  }

  /**
   * Writes what a machine is to begin with, before it exists for anybody: the first records of a successor that is named by a later
   * decision. Resolves when they are durable. Whoever prepares a machine discards it if it does not come to that; a restart does too.
   *
   * @throws RpcError UNAVAILABLE if the store fails: discard it, and begin again with another machine.
   */
  prepare(machine: MachineKey & { readonly machine: string }, records: readonly JournalRecord[]): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(unavailable(CLOSING));
    return this.#preparations.append(machine, records);
  }

  /** Forgets a machine that was prepared. Nothing happens if it has become a successor. */
  discard(machine: string): Promise<void> {
    return this.#preparations.discard(machine);
  }

  /** The store does not end its commit: nothing is taken in. */
  get isStuck(): boolean {
    return this.#commit.isStuck;
  }

  /** What the host holds at the moment: machines and their bytes in memory, and records that are decided and not durable. */
  get load(): { readonly machines: number; readonly cachedBytes: number; readonly pendingRecords: number } {
    return { machines: this.#residents.size, cachedBytes: this.#cache.bytes, pendingRecords: this.#commit.pendingRecords };
  }

  /**
   * Looks at a machine. What `look` returns is handed out once everything it saw is durable; it must not keep the state. Called with
   * `undefined` and `''` where no machine exists.
   */
  read<Result, State = unknown>(of: MachineKey, look: (state: State | undefined, machine: string) => Result): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (this.#closed !== undefined) throw unavailable(CLOSING);
      this.#residents.withMachine(of, (resident) => {
        try {
          const found = visible(resident);
          const result = look(found?.state as State | undefined, found?.id ?? '');
          if (resident !== undefined) this.#cache.touch(resident);
          this.#commit.release(resident?.group, { resolve: () => resolve(result), reject }, undefined);
        } catch (error) {
          reject(error);
        }
      }, reject);
    });
  }

  /**
   * Durable history from `fromEventId` on, spliced from stored batches, at most `limit.bytes` of it at the border of a batch. Go on from
   * `lastEventId + 1` while `more`. An unknown machine has no history.
   */
  history(machine: string, fromEventId: number, limit: HistorySliceLimit): Promise<HistorySlice> {
    return readHistory(this.#store, machine, this.#residents.byId(machine), fromEventId, limit);
  }

  /** Durable history up to the batch that holds `throughEventId`, at most what the limit says. Go on with `firstEventId - 1` until that is 0. */
  historyBefore(machine: string, throughEventId: number, limit: HistorySliceLimit): Promise<HistorySliceBefore> {
    return readHistoryBefore(this.#store, machine, throughEventId, limit);
  }

  /**
   * Calls `wake` after each durable change of the machine and when the host closes, until the returned function is called. Watch before
   * you read, or a change in between is missed. With `matters`, changes are passed over of which it says no to the machine's latest
   * state, which may be ahead of what is durable: ask only for what stays true, and read once woken.
   * @throws RpcError RESOURCE_EXHAUSTED if too many watch.
   */
  watch<State>(machine: string, wake: () => void, matters?: (state: State) => boolean): () => void {
    return this.#changes.watch(machine, wake, matters as Matters | undefined);
  }

  /**
   * A page of the machines that a list query finds, by what is durable. Whoever got a reply finds in the list what the reply is about.
   * @throws RangeError the cursor is none of this list. RpcError UNAVAILABLE if the store cannot be read.
   */
  async list(request: ListRequest): Promise<Page<ListedMachine>> {
    await this.#listings.ready().catch(unreadable);
    return fullPage(this.#store, this.#clock, request).catch(unreadable);
  }

  /** How many machines a list query finds. @throws RpcError UNAVAILABLE if the store cannot be read. */
  async count(request: CountRequest): Promise<readonly CountGroup[]> {
    await this.#listings.ready().catch(unreadable);
    return this.#store.count(request).catch(unreadable);
  }

  /** A page of machines by what never changes about them, newest first. @throws RpcError UNAVAILABLE if the store cannot be read. */
  async machines(filter: MachineFilter, page: PageRequest): Promise<Page<ListedMachine>> {
    return this.#store.machines(filter, page).catch(unreadable);
  }

  /**
   * Forgets the machines that `read` finds, as far as they are closed, owe nothing and are not in memory; the others are to be told that they
   * are deleted. `read` is called twice, and hands out rows of `list` or `machines`.
   * @throws RpcError UNAVAILABLE if the store fails
   */
  async forget(read: () => Promise<readonly ListedMachine[]>): Promise<Forgotten> {
    if (this.#closed !== undefined) throw unavailable(CLOSING);
    return this.#forgetting.forget(read).catch(unreadable);
  }

  /**
   * At the start, before requests are taken or beside them: brings back what is due, and then waits for the rest. Resolves when that is
   * done, or after `longestWaitMs`; the rest of it then happens beside requests.
   */
  recover(longestWaitMs?: number): Promise<void> {
    this.#deletions.reclaim();
    this.#listings.begin();
    return longestWaitMs === undefined ? this.#recovery.recover() : this.#recovery.begin(longestWaitMs);
  }

  /**
   * Takes no more inputs (UNAVAILABLE), ends polls with `undefined`, waits for what is decided to be durable, and writes rows and
   * snapshots that make the next start quick. The store stays open. Idempotent.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#matching.close();
    this.#wakes.close();
    this.#recovery.close();
    await this.#deletions.close();
    await this.#listings.close();
    this.#residents.close();
    await this.#commit.drained();
    this.#changes.close();
    for (const resident of this.#residents.values()) {
      if (resident.phase === 'live' && resident.isDurable && this.#cache.needsRecord(resident)) this.#cache.save(resident);
    }
    await this.#commit.drained();
    for (const resident of this.#residents.values()) this.#debts.clear(resident);
  }

  #answer(asker: Asker, to: MachineKey, resident: Resident | undefined, input: unknown): void {
    const { group, reply } = this.#decisions.decide(to, visible(resident), input);
    this.#commit.release(group, asker, reply);
  }

  #loaded(resident: Resident): void {
    this.stats.loads += 1;
    this.#debts.reconcileAll(resident);
    this.#deletions.consider(resident);
  }

  #wake(resident: Resident): void {
    this.#residents.withMachine(
      resident.self,
      (found) => {
        if (found === undefined) return;
        const { changed } = this.#decisions.decide(found.self, found, { type: 'wake' });
        this.#wakes.woken(found, changed);
      },
      // The store cannot be read: the wake must not be lost.
      () => this.#wakes.expect(resident, this.#clock.now() + 1_000),
    );
  }

  #addSnapshots(group: Group): void {
    for (const { resident, transition } of group.steps) {
      // Only the latest record: the state has no older version. After a fault the state is not what the journal says.
      if (resident.seq === transition.seq && resident.phase === 'live') this.#cache.snapshotIfDue(resident, transition);
    }
  }

  #becameDurable(group: Group): void {
    for (const { resident, transition, notices } of group.steps) {
      this.#changes.notify(resident);
      if (!transition.row.open) this.onClosed(resident.self);
      if (notices !== undefined) for (const notice of notices) this.onNotice(resident.self, notice);
      if (resident.phase === 'faulty' && resident.isDurable) this.#residents.drop(resident, 'faulty');
      else if (resident.deletionKey !== undefined) this.#deletions.consider(resident);
    }
    this.#cache.evict();
    this.#wakes.resume();
  }

  #undo(groups: readonly Group[]): void {
    for (const group of groups) for (const { resident } of group.steps) this.#residents.drop(resident, 'undone');
    this.#wakes.resume();
  }

  #dropped(resident: Resident, why: Departure): void {
    this.#debts.clear(resident);
    this.#wakes.forget(resident);
    if (why === 'evicted') this.#recovery.sleeping(resident.rowWakeAt);
    else if (why !== 'deleted') this.#recovery.reload(resident.id, why);
  }
}

function unreadable(error: unknown): never {
  if (error instanceof Error && error.name === 'StoreUnavailableError') throw unavailable('The store cannot be read. Send the request again.', error);
  throw error;
}
