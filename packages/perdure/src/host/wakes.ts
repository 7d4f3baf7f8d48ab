/**
 * The wakes of machines in memory: a heap with one entry for each machine, and one timer for the earliest.
 *
 * An entry may be earlier than the machine's earliest wake, never later: a time-out that is set and cleared again (every workflow task
 * has one) then costs nothing. An entry that comes too early finds the next wake and goes back. Machines that are not in memory are
 * woken by `recovery.ts`, from their rows. With nothing to wake there is no timer.
 */
import type { Clock, Timer } from '../ports/clock.js';
import type { Resident } from './resident.js';

/** Machines woken in one turn, so that a million timers at midnight do not stop the server. */
const WAKES_PER_TURN = 200;
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
  #heap: Entry[] = [];
  /** Entries in the heap that count no more: their machine has an earlier one, or left memory. */
  #stale = 0;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** Counts the turns, so that no machine is woken twice in one. */
  #turn = 0;
  #closed = false;

  constructor(clock: Clock, wake: (resident: Resident) => void) {
    this.#clock = clock;
    this.#wake = wake;
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
    if (first === undefined || first.at >= this.#timerAt || this.#closed) return;
    this.#timer?.cancel();
    this.#timerAt = first.at;
    this.#timer = this.#clock.setTimer(first.at, () => this.#run());
  }

  #run(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#timer = undefined;
    let left = WAKES_PER_TURN;
    /** Those that are due again already: they come after the others. */
    const again: Resident[] = [];
    this.#turn += 1;
    for (let first = this.#heap[0]; first !== undefined && left > 0; first = this.#heap[0]) {
      const { resident, at } = first;
      const isStale = resident.heapAt !== at;
      if (!isStale && at > this.#clock.now()) break;
      pop(this.#heap);
      if (isStale) {
        this.#stale -= 1;
        continue;
      }
      resident.heapAt = Number.POSITIVE_INFINITY;
      if (resident.earliestWake() > this.#clock.now()) {
        this.woken(resident, true);
        continue;
      }
      if (resident.wokenInTurn === this.#turn) {
        again.push(resident);
        continue;
      }
      resident.wokenInTurn = this.#turn;
      left -= 1;
      this.#wake(resident);
    }
    for (const resident of again) this.expect(resident, this.#clock.now());
    this.#arm();
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
