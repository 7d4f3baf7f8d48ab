/**
 * Machines that are not in memory and have to be: after a start, when a sleeper's time comes, after a failed commit.
 *
 * All of it is the same question to the store: which rows are due? A scan loads them in pages, which puts what they owe back into the
 * books. `scannedTo` is how far the wake times have been looked at, so a timer reads only the rows that became due since. When matching
 * is full, a scan of everything pauses until there is room. Between scans there is one timer for the earliest sleeper, or none.
 *
 * Sleepers are loaded a little before their time, as long as memory is half empty: when ten thousand of them are due in the same second,
 * that second is for what they decide.
 */
import { Code, type RpcError } from '../protocol/index.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { DueMachine, Store } from '../store/store.js';
import type { Debts } from './debts.js';
import type { HostLimits } from './limits.js';
import { ACTIVE } from './resident.js';
import type { Residents } from './residents.js';
import type { Wakes } from './wakes.js';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** Loads go on for this long before others get a turn: a store that answers at once would never let go. */
const TURN_MS = 5;
/** How early a sleeper is loaded. */
const AHEAD_MS = 5_000;
/** How long a machine rests after a transition threw, should nobody ask for it. */
const FAULT_PAUSE_MS = 5_000;

export interface RecoveryOptions {
  readonly clock: Clock;
  readonly store: Store;
  readonly limits: HostLimits;
  readonly residents: Residents;
  readonly debts: Debts;
  readonly wakes: Wakes;
}

export class Recovery {
  readonly #options: RecoveryOptions;
  /** Rows due until here were looked at; -1: none. */
  #scannedTo = -1;
  /** The earliest row that went to sleep, due or not, since the scan under way began. */
  #sleptSinceScan = Number.POSITIVE_INFINITY;
  #nextAt = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;
  #scan: Promise<void> | undefined;
  /** Rows that are due were left out because matching is full. */
  #paused = false;
  #failures = 0;
  readonly #toReload = new Set<string>();
  #reloadTimer: Timer | undefined;
  #closed = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** At the start: loads everything that is due, then waits for the sleepers. Rejects if the store cannot be read. */
  recover(): Promise<void> {
    this.#scan ??= this.#run().finally(() => (this.#scan = undefined));
    return this.#scan;
  }

  /**
   * Like `recover`, but waits for it only so long: whoever starts with a million machines that are due serves requests beside. Then a
   * store that cannot be read is tried again.
   */
  async begin(longestWaitMs: number): Promise<void> {
    let isAwaited = true;
    const recovered = this.recover();
    recovered.catch(() => {
      if (isAwaited) return;
      this.#failures += 1;
      this.#arm(this.#options.clock.now() + this.#pauseMs());
    });
    let timer: Timer | undefined;
    const waited = new Promise<void>((resolve) => (timer = this.#options.clock.setDelay(longestWaitMs, resolve)));
    try {
      await Promise.race([recovered, waited]);
    } finally {
      isAwaited = false;
      timer?.cancel();
    }
  }

  /** A machine left memory whose row is due at this time. */
  sleeping(wakeAt: number | undefined): void {
    if (wakeAt === undefined) return;
    if (wakeAt === ACTIVE) {
      this.#paused = true;
      return;
    }
    this.#scannedTo = Math.min(this.#scannedTo, wakeAt - 1);
    this.#sleptSinceScan = Math.min(this.#sleptSinceScan, wakeAt);
    this.#expect(wakeAt);
  }

  /** Matching has room again. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#scannedTo = -1;
    this.#start();
  }

  /** Loads these machines, again and again until it works: what they owe is in nobody's books. */
  reload(machine: string, why: 'undone' | 'faulty'): void {
    this.#toReload.add(machine);
    this.#reloadAfter(why === 'faulty' ? FAULT_PAUSE_MS : this.#pauseMs());
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#reloadTimer?.cancel();
  }

  #start(): void {
    if (this.#closed) return;
    this.recover().then(
      () => (this.#failures = 0),
      () => {
        this.#failures += 1;
        this.#arm(this.#options.clock.now() + this.#pauseMs());
      },
    );
  }

  async #run(): Promise<void> {
    const { clock, store } = this.#options;
    for (let isDone = false; !isDone && !this.#closed; ) {
      const from = this.#scannedTo + 1;
      // A start is waited for: it loads what is due.
      const until = from > 0 && this.#mayLoadAhead ? clock.now() + AHEAD_MS : clock.now();
      this.#sleptSinceScan = Number.POSITIVE_INFINITY;
      const through = await this.#loadDue(from, until);
      const next = await store.nextWake(through);
      this.#scannedTo = Math.min(through, this.#sleptSinceScan - 1);
      this.#expect(Math.min(next ?? Number.POSITIVE_INFINITY, this.#sleptSinceScan));
      isDone = this.#sleptSinceScan > clock.now();
    }
  }

  /** What is loaded ahead must not push out what is in use, nor be pushed out before its time comes. */
  get #mayLoadAhead(): boolean {
    return this.#options.residents.cache.isHalfEmpty;
  }

  /** @returns until when there is nothing left to load, or nothing that there is room for */
  async #loadDue(from: number, until: number): Promise<number> {
    const { clock, store, limits, residents, debts, wakes } = this.#options;
    let turnEndsAt = clock.monotonic() + TURN_MS;
    for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
      if (this.#closed) return until;
      // Timers must come also when matching is full; a scan of everything can wait.
      if (from === 0 && debts.isFull) {
        this.#paused = true;
        return until;
      }
      const page = await store.due(until, { limit: limits.recoveryLoads, after, from });
      await Promise.all(page.items.filter((item) => item.wakeAt >= from && residents.byId(item.machine) === undefined).map((item) => this.#load(item)));
      after = page.next;
      const lastAt = page.items.at(-1)?.wakeAt;
      if (lastAt !== undefined && lastAt > clock.now() && !this.#mayLoadAhead) return lastAt - 1;
      // What was loaded is woken before more is: memory holds a part of what is due, however much that is.
      await wakes.caughtUp();
      if (clock.monotonic() < turnEndsAt) continue;
      await new Promise<void>((resolve) => clock.defer(resolve));
      turnEndsAt = clock.monotonic() + TURN_MS;
    }
    return until;
  }

  #load(item: DueMachine): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#options.residents.withMachine(
        { machine: item.machine },
        () => resolve(),
        // One broken machine must not keep the others from being recovered.
        (error) => (isHopeless(error) ? resolve() : reject(error)),
      );
    });
  }

  /** The earliest sleeper is due at this time. */
  #expect(at: number): void {
    this.#arm(this.#mayLoadAhead ? at - AHEAD_MS : at);
  }

  #arm(lookAt: number): void {
    if (this.#closed || lookAt === Number.POSITIVE_INFINITY || (this.#timer !== undefined && this.#nextAt <= lookAt)) return;
    this.#timer?.cancel();
    this.#nextAt = lookAt;
    this.#timer = this.#options.clock.setTimer(lookAt, () => {
      this.#timer = undefined;
      this.#start();
    });
  }

  #reloadAfter(pauseMs: number): void {
    if (this.#closed || this.#reloadTimer !== undefined) return;
    this.#reloadTimer = this.#options.clock.setDelay(pauseMs, () => {
      this.#reloadTimer = undefined;
      const machines = [...this.#toReload];
      this.#toReload.clear();
      for (const machine of machines) {
        this.#load({ machine, wakeAt: ACTIVE }).then(
          () => (this.#failures = 0),
          () => {
            this.#toReload.add(machine);
            if (this.#reloadTimer !== undefined) return;
            this.#failures += 1;
            this.#reloadAfter(this.#pauseMs());
          },
        );
      }
    });
  }

  #pauseMs(): number {
    return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 10));
  }
}

/** Trying again will not help: the machine cannot be read by this version, or not at all. */
function isHopeless(error: RpcError): boolean {
  return error.code === Code.DATA_LOSS || error.code === Code.INTERNAL || error.code === Code.UNIMPLEMENTED;
}
