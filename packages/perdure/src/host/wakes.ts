/**
 * The wakes of machines in memory: a heap with one entry for each machine, and one timer for the earliest.
 *
 * Very many may be due at once. They are woken in slices of a few milliseconds, between which everybody else gets a turn, and no faster
 * than what they decide becomes durable: what waits for a commit stays small, so clients are not refused because it is midnight.
 *
 * An entry may be earlier than the machine's earliest wake, never later: a time-out that is set and cleared again (every workflow task
 * has one) then costs nothing. An entry that comes too early finds the next wake and goes back. Machines that are not in memory are
 * woken by `recovery.ts`, from their rows. With nothing to wake there is no timer.
 */
import type { Clock, Timer } from '../ports/clock.js';
import type { Histogram } from '../metrics/instruments.js';
import type { Resident } from './resident.js';

/** Machines woken in one turn, and for how long: a million timers at midnight must not stop the server. */
const WAKES_PER_TURN = 1_000;
const TURN_MS = 10;
/** A machine that was woken, wrote nothing, and is still due is asked again after this long. */
const STUBBORN_PAUSE_MS = 1_000;

interface Entry {
  readonly at: number;
  readonly resident: Resident;
}

export class Wakes {
  readonly #clock: Clock;
  /** Wakes the machine; calls {@link Wakes.woken} when it has been. */
  readonly #wake: (resident: Resident) => void;
  /** Enough is decided for now: {@link Wakes.resume} is called once it is durable. */
  readonly #mustHold: () => boolean;
  #heap: Entry[] = [];
  /** Entries in the heap that count no more: their machine has an earlier one, or left memory. */
  #stale = 0;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** Counts the turns, so that no machine is woken twice in one. */
  #turn = 0;
  /** Some are due and were not woken yet: until the next turn, or until there is room. */
  #behind: 'deferred' | 'held' | undefined;
  #waitingToCatchUp: (() => void)[] = [];
  #closed = false;

  /** How late machines are woken, in seconds. */
  readonly #delays: Histogram | undefined;

  constructor(clock: Clock, wake: (resident: Resident) => void, mustHold: () => boolean, delays?: Histogram) {
    this.#delays = delays;
    this.#clock = clock;
    this.#wake = wake;
    this.#mustHold = mustHold;
  }

  /** Resolves once all that are due have been woken; undefined if that is so. Whoever loads machines that are due waits for it. */
  caughtUp(): Promise<void> | undefined {
    return this.#behind === undefined ? undefined : new Promise((resolve) => this.#waitingToCatchUp.push(resolve));
  }

  /** There may be room again. */
  resume(): void {
    if (this.#behind === 'held' && !this.#mustHold()) this.#defer();
  }

  /** The machine has a wake at this time. */
  expect(resident: Resident, at: number): void {
    if (at >= resident.heapAt || at === Number.POSITIVE_INFINITY) return;
    if (resident.heapAt !== Number.POSITIVE_INFINITY) this.#addStale();
    resident.heapAt = at;
    push(this.#heap, { at, resident });
    this.#arm();
  }

  /** The machine has taken its wake. `changed`: it wrote a record. */
  woken(resident: Resident, changed: boolean): void {
    if (resident.phase === 'gone') return;
    const earliest = resident.earliestWake();
    const isStubborn = !changed && earliest <= this.#clock.now();
    this.expect(resident, isStubborn ? this.#clock.now() + STUBBORN_PAUSE_MS : earliest);
  }

  /** The machine left memory. */
  forget(resident: Resident): void {
    if (resident.heapAt === Number.POSITIVE_INFINITY) return;
    resident.heapAt = Number.POSITIVE_INFINITY;
    this.#addStale();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#heap = [];
    this.#behind = undefined;
    this.#tellCaughtUp();
  }

  /** Stale entries hold on to machines, some for years: once they are the majority they go. */
  #addStale(): void {
    this.#stale += 1;
    if (this.#stale < 1_000 || this.#stale * 2 < this.#heap.length) return;
    const live = this.#heap.filter(({ resident, at }) => resident.heapAt === at);
    this.#heap = [];
    this.#stale = 0;
    for (const entry of live) push(this.#heap, entry);
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || first.at >= this.#timerAt || this.#behind !== undefined || this.#closed) return;
    // Due already, as after a load: no timer, so that whoever loads more waits for it.
    if (first.at <= this.#clock.now()) return this.#defer();
    this.#timer?.cancel();
    this.#timerAt = first.at;
    this.#timer = this.#clock.setTimer(first.at, () => this.#run());
  }

  #run(): void {
    this.#timer?.cancel();
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#timer = undefined;
    this.#behind = this.#mustHold() ? 'held' : undefined;
    if (this.#behind !== undefined || this.#closed) return;
    const isThrough = this.#wakeSome();
    if (!isThrough) return this.#defer();
    this.#tellCaughtUp();
    this.#arm();
  }

  /** False: more are due. */
  #wakeSome(): boolean {
    const endAt = this.#clock.monotonic() + TURN_MS;
    let left = WAKES_PER_TURN;
    /** Those that are due again already: they come after the others. */
    const again: Resident[] = [];
    this.#turn += 1;
    // What a wake leads to must not set the timer meanwhile.
    this.#behind = 'deferred';
    while (left > 0 && this.#clock.monotonic() <= endAt) {
      const resident = this.#takeDue();
      if (resident === undefined) break;
      if (resident.wokenInTurn === this.#turn) {
        again.push(resident);
        continue;
      }
      resident.wokenInTurn = this.#turn;
      left -= 1;
      this.#wake(resident);
    }
    for (const resident of again) this.expect(resident, this.#clock.now());
    this.#behind = undefined;
    const first = this.#heap[0];
    return first === undefined || first.at > this.#clock.now();
  }

  /** The next machine that is due, without its entry. */
  #takeDue(): Resident | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      const { resident, at } = first;
      const isStale = resident.heapAt !== at;
      if (!isStale && at > this.#clock.now()) return undefined;
      pop(this.#heap);
      if (isStale) this.#stale -= 1;
      else {
        resident.heapAt = Number.POSITIVE_INFINITY;
        const late = this.#clock.now() - resident.earliestWake();
        if (late >= 0) {
          this.#delays?.observe(late / 1000);
          return resident;
        }
        this.woken(resident, true);
      }
    }
    return undefined;
  }

  #defer(): void {
    this.#behind = 'deferred';
    this.#clock.defer(() => this.#run());
  }

  #tellCaughtUp(): void {
    for (const resolve of this.#waitingToCatchUp.splice(0)) resolve();
  }
}

function push(heap: Entry[], entry: Entry): void {
  let index = heap.length;
  heap.push(entry);
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex] as Entry;
    if (parent.at <= entry.at) break;
    heap[index] = parent;
    index = parentIndex;
  }
  heap[index] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop() as Entry;
  if (heap.length === 0) return;
  let index = 0;
  for (;;) {
    let childIndex = 2 * index + 1;
    if (childIndex >= heap.length) break;
    const right = heap[childIndex + 1];
    if (right !== undefined && right.at < (heap[childIndex] as Entry).at) childIndex += 1;
    const child = heap[childIndex] as Entry;
    if (child.at >= last.at) break;
    heap[index] = child;
    index = childIndex;
  }
  heap[index] = last;
}
