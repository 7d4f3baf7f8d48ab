/**
 * A process in a simulation: what it waits for ends with it.
 *
 * It is the clock of a server and the time of a worker, both on the one clock of the simulation. After {@link SimulatedProcess.kill} none
 * of its timers runs, and its work counts no more: whatever of its code still runs for a moment reaches nobody, because its network is
 * gone as well.
 */
import type { Clock, Timer, VirtualClock } from '../ports/index.js';
import type { WorkerTime } from '../sdk/common/worker-time.js';

const NEVER: Timer = { cancel() {} };

export class SimulatedProcess implements Clock, WorkerTime {
  readonly name: string;
  readonly #clock: VirtualClock;
  readonly #onStir: () => void;
  readonly #timers = new Set<Timer>();
  readonly #onDeath = new Set<() => void>();
  #alive = true;
  #activities = 0;

  /** @param onStir told when something happens that may lead to more */
  constructor(name: string, clock: VirtualClock, onStir: () => void) {
    this.name = name;
    this.#clock = clock;
    this.#onStir = onStir;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Activities whose code runs, and waits for something else than time. */
  get activitiesAtWork(): number {
    return this.#activities;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  setTimer(atMs: number, run: () => void): Timer {
    return this.#set((guarded) => this.#clock.setTimer(atMs, guarded), run);
  }

  setDelay(delayMs: number, run: () => void): Timer {
    return this.#set((guarded) => this.#clock.setDelay(delayMs, guarded), run);
  }

  defer(run: () => void): void {
    if (this.#alive) this.#clock.defer(() => this.#alive && run());
  }

  beginWork(kind: 'task' | 'activity'): () => void {
    this.#onStir();
    if (kind === 'task' || !this.#alive) return this.#onStir;
    this.#activities += 1;
    let begun = true;
    return () => {
      if (begun && this.#alive) this.#activities -= 1;
      begun = false;
      this.#onStir();
    };
  }

  /** Called once, when the process dies, unless the returned function is called before. */
  onDeath(run: () => void): () => void {
    this.#onDeath.add(run);
    return () => void this.#onDeath.delete(run);
  }

  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#activities = 0;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    for (const run of this.#onDeath) run();
    this.#onDeath.clear();
    this.#onStir();
  }

  #set(set: (run: () => void) => Timer, run: () => void): Timer {
    if (!this.#alive) return NEVER;
    const timer = set(() => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
    return {
      cancel: () => {
        this.#timers.delete(timer);
        timer.cancel();
      },
    };
  }
}
