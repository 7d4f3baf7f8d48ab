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
import type { MachineKey } from '../machines/machine.js';
import type { Matching } from '../matching/matching.js';
import { resourceExhausted } from '../matching/resource-exhausted.js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import type { Store } from '../store/store.js';
import { Cache } from './cache.js';
import { Changes } from './changes.js';
import { Debts } from './debts.js';
import { Decisions } from './decisions.js';
import { GroupCommit, type Asker, type Group } from './group-commit.js';
import { readHistory, type HistorySlice, type HistorySliceLimit } from './history.js';
import { CLOSING, DEFAULT_LIMITS, unavailable, type HostLimits } from './limits.js';
import { Outbox } from './outbox.js';
import { Recovery } from './recovery.js';
import type { AnyMachine, Resident } from './resident.js';
import { Residents, type Departure } from './residents.js';
import { Wakes } from './wakes.js';

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
  readonly limits?: Partial<HostLimits>;
  /** Checks after every step that the journal folds to the live state and that the books are right. For tests: slow. */
  readonly verify?: boolean;
}

export class Host {
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
  readonly #changes: Changes;
  #closed: Promise<void> | undefined;

  constructor(options: HostOptions) {
    const { store, clock, random, matching, verify = false } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const machines = new Map(options.machines.map((machine) => [machine.kind, machine]));
    this.#clock = clock;
    this.#store = store;
    this.#matching = matching;
    this.#changes = new Changes(limits.changeWaiters);
    this.#wakes = new Wakes(clock, (resident) => this.#wake(resident));
    this.#commit = new GroupCommit(store, clock, limits, {
      flushing: (group) => this.#addSnapshots(group),
      durable: (group) => this.#becameDurable(group),
      undone: (groups) => this.#undo(groups),
    });
    const residents = new Residents({
      store, limits, machines, verify,
      events: { loaded: (resident) => this.#debts.reconcileAll(resident), dropped: (resident, why) => this.#dropped(resident, why) },
    });
    const commit = this.#commit;
    const decisions = new Decisions({ clock, random, limits, machines, residents, commit, verify });
    const outbox = new Outbox({ clock, random, limits, residents, decisions });
    this.#debts = new Debts({ matching, wakes: this.#wakes, outbox, decisions, residents, commit });
    this.#cache = new Cache({ clock, limits, residents, commit, leaving: (resident) => this.#debts.forgetTurnedAway(resident) });
    this.#recovery = new Recovery({ clock, store, limits, residents, debts: this.#debts });
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
      if (this.#commit.isOverloaded) {
        throw resourceExhausted('SYSTEM_OVERLOADED', 'More is waiting to be stored than the limit allows. Send the request again later.');
      }
      const asker = { resolve: resolve as Asker['resolve'], reject };
      const resident = this.#residents.find(to);
      if (resident !== undefined) this.#answer(asker, to, resident, input);
      else this.#residents.withMachine(to, (loaded) => this.#answer(asker, to, loaded, input), reject);
    });
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
          const result = look(resident?.state as State | undefined, resident?.id ?? '');
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

  /**
   * Resolves at the next durable change of the machine, when the signal is aborted, or when the host closes. Call it before you read,
   * or a change in between is missed.
   * @throws RpcError RESOURCE_EXHAUSTED if too many wait.
   */
  changed(machine: string, signal: AbortSignal): Promise<void> {
    return this.#closed !== undefined ? Promise.resolve() : this.#changes.next(machine, signal);
  }

  /** At the start, before requests are taken or beside them: brings back what is due, and waits for the rest. */
  recover(): Promise<void> {
    return this.#recovery.recover();
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
    const { group, reply } = this.#decisions.decide(to, resident, input);
    this.#commit.release(group, asker, reply);
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
    for (const { resident } of group.steps) {
      this.#changes.notify(resident.id);
      if (resident.phase === 'faulty' && resident.isDurable) this.#residents.drop(resident, 'faulty');
    }
    this.#cache.evict();
  }

  #undo(groups: readonly Group[]): void {
    for (const group of groups) for (const { resident } of group.steps) this.#residents.drop(resident, 'undone');
  }

  #dropped(resident: Resident, why: Departure): void {
    this.#debts.clear(resident);
    this.#wakes.forget(resident);
    if (why === 'evicted') this.#recovery.sleeping(resident.rowWakeAt);
    else this.#recovery.reload(resident.id, why);
  }
}
