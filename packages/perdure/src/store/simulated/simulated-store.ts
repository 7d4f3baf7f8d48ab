/**
 * A store in memory that can be made to fail: for tests of the host and for deterministic simulation. Time passes and
 * chance strikes only through the clock and the plan it is given, so the same seed gives the same faults.
 *
 * A crash loses what was under way, and listings that no list has looked at. Whether a commit that was under way had already reached the disk is
 * for the plan to say, because after a real crash both happen; in neither case does its promise ever settle, as nobody
 * is left to hear of it.
 */
import { StoreUnavailableError, type UnavailableReason } from '../errors.js';
import type {
  CountGroup,
  CountRequest,
  DueMachine,
  DueRequest,
  HistoryBatch,
  HistoryLimit,
  ListedMachine,
  ListRequest,
  MachineFilter,
  MachineId,
  MachineKind,
  Page,
  PageRequest,
  Store,
  StoredMachine,
  Transition,
} from '../store.js';
import type { Clock } from '../../ports/clock.js';
import type { Random } from '../../ports/random.js';
import { SimulatedDisk } from './simulated-disk.js';

export type StoreOperation = 'commit' | 'delete' | 'reclaim' | 'load' | 'current' | 'history' | 'due' | 'nextWake' | 'machines' | 'list' | 'count' | 'unlisted';

/** What goes wrong with one call. */
export type StoreFault =
  /** It is refused with a `StoreUnavailableError` and changes nothing. */
  | { readonly kind: 'unavailable'; readonly reason: Exclude<UnavailableReason, 'closed'> }
  /** It takes this long, and so do the writes queued behind it. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** The process dies at this moment: before the write is on disk, or after it is there but before anyone is told. */
  | { readonly kind: 'crash'; readonly moment: 'beforeWrite' | 'afterWrite' };

/** Asked once per call, in order. `undefined`: all goes well. */
export type FaultPlan = (operation: StoreOperation) => StoreFault | undefined;

export interface SimulatedStoreOptions {
  /** Needed for slow calls only. */
  readonly clock?: Pick<Clock, 'setDelay'>;
  readonly faults?: FaultPlan;
  /** What an earlier store left behind. Default: an empty disk. */
  readonly disk?: SimulatedDisk;
}

/** Faults by chance: `unavailable` and `slow` are probabilities per call, from 0 to 1. */
export function randomFaults(
  random: Pick<Random, 'next'>,
  rates: { readonly unavailable?: number; readonly slow?: number; readonly slowestMs?: number },
): FaultPlan {
  const { unavailable = 0, slow = 0, slowestMs = 100 } = rates;
  return () => {
    const chance = random.next();
    if (chance < unavailable) return { kind: 'unavailable', reason: chance < unavailable / 2 ? 'full' : 'io' };
    if (chance < unavailable + slow) return { kind: 'slow', delayMs: random.next() * slowestMs };
    return undefined;
  };
}

export class SimulatedStore implements Store {
  /** Outlives the store. To restart after a crash, open another store on it. */
  readonly disk: SimulatedDisk;
  readonly #clock: Pick<Clock, 'setDelay'> | undefined;
  readonly #faults: FaultPlan;
  /** Settles when the last write that was called has; writes wait for it, which keeps them in order. */
  #lastWrite: Promise<void> = Promise.resolve();
  #life: 'open' | 'closed' | 'crashed' = 'open';

  constructor(options: SimulatedStoreOptions = {}) {
    this.disk = options.disk ?? new SimulatedDisk();
    this.disk.loseListings();
    this.#clock = options.clock;
    this.#faults = options.faults ?? (() => undefined);
  }

  /** Dies now: no call that is under way will settle, no later one will, and writes under way are lost. */
  crash(): void {
    this.#life = 'crashed';
  }

  commit(transitions: readonly Transition[]): Promise<void> {
    return this.#write('commit', () => this.disk.commit(transitions));
  }

  delete(machines: readonly MachineId[]): Promise<void> {
    return this.#write('delete', () => this.disk.delete(machines));
  }

  reclaim(): Promise<boolean> {
    return this.#perform('reclaim', () => this.disk.reclaim());
  }

  load(machine: MachineId): Promise<StoredMachine | undefined> {
    return this.#perform('load', () => this.disk.load(machine));
  }

  current(kind: MachineKind, namespace: string, key: string): Promise<MachineId | undefined> {
    return this.#perform('current', () => this.disk.current(kind, namespace, key));
  }

  history(machine: MachineId, fromEventId: number, limit: HistoryLimit): Promise<readonly HistoryBatch[]> {
    return this.#perform('history', () => this.disk.history(machine, fromEventId, limit));
  }

  due(at: number, request: DueRequest): Promise<Page<DueMachine>> {
    return this.#perform('due', () => this.disk.due(at, request));
  }

  nextWake(after: number): Promise<number | undefined> {
    return this.#perform('nextWake', () => this.disk.nextWake(after));
  }

  machines(filter: MachineFilter, request: PageRequest): Promise<Page<ListedMachine>> {
    return this.#perform('machines', () => this.disk.machines(filter, request));
  }

  list(request: ListRequest): Promise<Page<ListedMachine>> {
    return this.#perform('list', () => this.disk.list(request));
  }

  count(request: CountRequest): Promise<readonly CountGroup[]> {
    return this.#perform('count', () => this.disk.count(request));
  }

  unlisted(limit: number): Promise<readonly MachineId[]> {
    return this.#perform('unlisted', () => this.disk.unlisted(limit));
  }

  async close(): Promise<void> {
    await this.#lastWrite;
    if (this.#life !== 'open') return;
    this.#life = 'closed';
    this.disk.indexListings();
  }

  #write(operation: StoreOperation, work: () => void): Promise<void> {
    const before = this.#lastWrite;
    const written = this.#perform(operation, work, before);
    this.#lastWrite = written.catch(() => {});
    return written;
  }

  async #perform<Result>(operation: StoreOperation, work: () => Result, turn?: Promise<void>): Promise<Result> {
    if (this.#life === 'closed') throw new StoreUnavailableError('closed', 'The simulated store has been closed.');
    const fault = this.#faults(operation);
    await turn;
    if (fault?.kind === 'slow') await this.#sleep(fault.delayMs);
    if (fault?.kind === 'crash' && fault.moment === 'beforeWrite') this.crash();
    await this.#whileAlive();
    if (fault?.kind === 'unavailable') {
      throw new StoreUnavailableError(fault.reason, `The simulated store is unavailable (${fault.reason}), as planned.`);
    }
    const result = work();
    if (fault?.kind === 'crash') this.crash();
    await this.#whileAlive();
    return result;
  }

  /** Never resolves in a dead process. */
  async #whileAlive(): Promise<void> {
    if (this.#life === 'crashed') await new Promise<never>(() => {});
  }

  #sleep(delayMs: number): Promise<void> {
    const clock = this.#clock;
    if (clock === undefined) throw new Error('A simulated store needs a clock to be slow: pass one in its options.');
    return new Promise((resolve) => void clock.setDelay(delayMs, resolve));
  }
}
