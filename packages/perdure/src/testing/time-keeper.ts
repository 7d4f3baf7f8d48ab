/**
 * Time in a test environment: stands still, is skipped, or goes by.
 *
 * *Skipped* it is while somebody waits for what only time can bring (a result, an update, `env.sleep`) and nobody is at work: then the
 * clock jumps to the timer that is due next, everything that this causes settles, and so on. At work are requests, workflow tasks and
 * activities; a function that sleeps on this clock is not. Nor is an activity that somebody outside is to complete: it holds time all the
 * same, but for `env.sleep`. *Going by*, at the pace of real time, it is while an activity is at work, and
 * while nobody waits, nobody is at work and something will be due: what takes real time takes it here as well. The first
 * {@link GRACE_MS} do not count, so that a test that is quick sees the same times in each run. Otherwise the clock *stands still*.
 *
 * Some servers are asked for a clock that never stands still ({@link KeeperOptions.alwaysGoesBy}): that one goes by like any other, and
 * is skipped besides.
 *
 * Timers run by their time and, at the same time, in the order in which they were set; between two of them everything settles. One
 * keeper belongs to one environment; environments do not know of each other.
 */
import type { Clock, Timer, VirtualClock } from '../ports/index.js';
import type { WorkerTime } from '../sdk/common/worker-time.js';
import { EngineClock } from './engine-clock.js';

/** Real time that goes by unnoticed. Much longer than a quick activity takes, also on a busy machine. */
const GRACE_MS = 100;
/** Turns of the event loop without anything new, after which nothing more comes by itself. */
const CALM_TURNS = 3;
/** A wait in which nothing is due is over after so much real time, or nobody knows when. */
const STALLED_AFTER_MS = 1_000;
/** How often to look whether somebody is still about to begin work. */
const AWAITED_EVERY_MS = 2;

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** `outside`: an activity that somebody else is to complete. */
type Work = 'request' | 'outside' | Parameters<WorkerTime['beginWork']>[0];

export interface KeeperOptions {
  /** Ends the work `outside` of which the engine expects nothing any more. Called before time waits for it. */
  readonly lookOutside?: () => Promise<void>;
  /** Told when somebody waits, nobody is at work and nothing will ever be due: usually something is missing. */
  readonly onStall?: (workflowIds: readonly string[]) => void;
  /** The clock goes by at the pace of real time, whoever waits or works, without any grace. Default: false. */
  readonly alwaysGoesBy?: boolean;
  /** True: somebody is about to begin work, so time must not be skipped yet. Asked again soon. Default: never. */
  readonly isAwaited?: () => boolean;
}

export class TimeKeeper implements WorkerTime {
  readonly #clock: EngineClock;
  readonly #atWork: Record<Work, number> = { request: 0, task: 0, activity: 0, outside: 0 };
  /** Waits that let time be skipped, sleepers included, each with the workflow that is waited for. */
  readonly #waits = new Set<{ readonly workflowId: string | undefined }>();
  readonly #sleepers: Sleeper[] = [];
  #skipping = false;
  #closed = false;
  /** Counts everything that may lead to something. */
  #stirs = 0;
  #onStir: (() => void) | undefined;
  /** Why time goes by. Absent: it does not. */
  #flow: 'always' | 'activity' | 'idle' | undefined;
  /** What the clock showed, and what real time it was, when time began to go by. */
  readonly #flowStart = { virtual: 0, real: 0 };
  /** Real time that went by while the test was idle, since time was skipped last. A test that polls is idle in small pieces. */
  #idledMs = 0;
  #ticker: { readonly at: number; readonly timeout: NodeJS.Timeout } | undefined;
  #ticking = false;

  readonly #options: KeeperOptions;

  /** @param startMs what the clock shows at first */
  constructor(startMs: number, options: KeeperOptions = {}) {
    this.#options = options;
    this.#clock = new EngineClock(startMs);
    if (options.alwaysGoesBy === true) {
      this.#flow = 'always';
      this.#startFlow(startMs);
      this.#clock.onLook = () => this.#goBy();
    }
    this.#clock.onTimer = () => {
      this.#changed();
      this.#armTicker();
    };
  }

  /** What the engine runs on. */
  get clock(): VirtualClock & Clock {
    return this.#clock;
  }

  now(): number {
    this.#goBy();
    return this.#clock.now();
  }

  monotonic(): number {
    this.#goBy();
    return this.#clock.monotonic();
  }

  setDelay(delayMs: number, run: () => void): Timer {
    this.#goBy();
    return this.#clock.setDelay(delayMs, run);
  }

  beginWork(kind: Work): () => void {
    this.#goBy();
    this.#atWork[kind] += 1;
    this.#changed();
    let begun = true;
    return () => {
      if (!begun) return;
      begun = false;
      this.#goBy();
      this.#atWork[kind] -= 1;
      this.#changed();
    };
  }

  /** Somebody waits, until the returned function is called: time may be skipped. */
  beginWait(workflowId?: string): () => void {
    this.#goBy();
    const wait = { workflowId };
    this.#waits.add(wait);
    this.#changed();
    void this.#skip();
    return () => {
      if (this.#waits.delete(wait)) this.#changed();
    };
  }

  /** Skips this much time. Resolves when all that is due until then has happened; activities that take real time may go on. */
  async sleep(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`Time goes on by 0 or more milliseconds, not by ${ms}.`);
    this.#goBy();
    const atMs = this.#clock.now() + ms;
    const endWait = this.beginWait();
    await this.until(atMs).finally(endWait);
  }

  /** Resolves at this time, which comes by itself or because somebody else waits; all that is due until then has happened. */
  until(atMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const sleeper = { at: atMs, wake: resolve };
      this.#sleepers.push(sleeper);
      this.#sleepers.sort((one, other) => one.at - other.at);
      signal?.addEventListener('abort', () => {
        const place = this.#sleepers.indexOf(sleeper);
        if (place !== -1) this.#sleepers.splice(place, 1);
        resolve();
      }, { once: true });
      this.#changed();
      this.#armTicker();
    });
  }

  /** Time stands still from now on; whoever sleeps is let go. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#ticker?.timeout);
    for (const sleeper of this.#sleepers.splice(0)) sleeper.wake();
    this.#stir();
  }

  async #skip(): Promise<void> {
    if (this.#skipping) return;
    this.#skipping = true;
    try {
      while (this.#waits.size > 0 && !this.#closed) {
        await this.#calm();
        if (this.#waits.size === 0 || this.#busy || this.#closed) continue;
        if (this.#options.isAwaited?.() === true) await this.#soon();
        else if (this.#atWork.outside > 0 && this.#sleepers.length === 0) await this.#lookOutside();
        else if (!this.#jump()) await this.#stalled();
      }
    } finally {
      this.#skipping = false;
    }
  }

  /** Nobody here knows how long work outside takes, unless the test says it with a sleep. So time goes by. */
  async #lookOutside(): Promise<void> {
    await this.#options.lookOutside?.();
    if (this.#atWork.outside > 0 && !this.#busy) await this.#stalled();
  }

  /** Goes to what is due next, if there is anything. */
  #jump(): boolean {
    const next = this.#clock.nextTimerAt;
    const [sleeper] = this.#sleepers;
    this.#idledMs = 0;
    if (next === undefined && sleeper === undefined) return false;
    if (this.#clock.runUpkeep(Math.min(next ?? Infinity, sleeper?.at ?? Infinity))) {
      this.#skipped();
      return true;
    }
    if (sleeper !== undefined && (next === undefined || next > sleeper.at)) {
      this.#clock.driftTo(sleeper.at);
      this.#skipped();
      this.#wakeSleepers();
      return true;
    }
    // Time goes on from there, also for what this timer does.
    if (next !== undefined) this.#clock.driftTo(next);
    this.#skipped();
    return this.#clock.runNext();
  }

  /** Where time goes by all along, it goes on from where it was skipped to. */
  #skipped(): void {
    if (this.#flow !== undefined) this.#startFlow(this.#clock.shown);
  }

  #startFlow(virtualMs: number): void {
    this.#flowStart.real = performance.now();
    this.#flowStart.virtual = virtualMs;
  }

  #soon(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, AWAITED_EVERY_MS));
  }

  /** Nothing is due. A signal from the test may still come; if it is slow to, somebody should say what is waited for. */
  async #stalled(): Promise<void> {
    const waiting = [...this.#waits].flatMap(({ workflowId }) => workflowId ?? []);
    const timeout = setTimeout(() => this.#options.onStall?.(waiting), STALLED_AFTER_MS);
    await this.#stirred();
    clearTimeout(timeout);
  }

  #wakeSleepers(): void {
    while (this.#sleepers[0] !== undefined && this.#sleepers[0].at <= this.#clock.now()) this.#sleepers.shift()?.wake();
  }

  get #busy(): boolean {
    const { request, task, activity } = this.#atWork;
    return request + task + activity > 0;
  }

  /** Resolves when nobody is at work and nothing more comes by itself. */
  async #calm(): Promise<void> {
    for (let calm = 0; calm < CALM_TURNS && !this.#closed; ) {
      if (this.#busy) {
        await this.#stirred();
        calm = 0;
        continue;
      }
      const before = this.#stirs;
      await new Promise<void>((resolve) => setImmediate(resolve));
      calm = this.#busy || this.#clock.hasDeferred || this.#stirs !== before ? 0 : calm + 1;
    }
  }

  #changed(): void {
    this.#flowChanged();
    this.#stir();
  }

  #stir(): void {
    this.#stirs += 1;
    this.#onStir?.();
    this.#onStir = undefined;
  }

  #stirred(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed) resolve();
      else this.#onStir = resolve;
    });
  }

  #flowChanged(): void {
    const flow = this.#flowDue();
    if (flow === this.#flow) return;
    const real = performance.now();
    if (this.#flow === 'idle') this.#idledMs += real - this.#flowStart.real;
    this.#flow = flow;
    this.#startFlow(this.#clock.now());
    if (flow !== undefined) this.#armTicker();
  }

  #flowDue(): 'always' | 'activity' | 'idle' | undefined {
    if (this.#options.alwaysGoesBy === true) return 'always';
    if (this.#atWork.activity + this.#atWork.outside > 0) return 'activity';
    return this.#waits.size === 0 && !this.#busy && this.#clock.nextTimerAt !== undefined ? 'idle' : undefined;
  }

  /** What the clock should show, as far as time goes by. */
  #flowNow(): number {
    if (this.#flow === undefined) return this.#clock.now();
    const elapsedMs = performance.now() - this.#flowStart.real;
    const { graceMs, creditMs } = this.#grace();
    return elapsedMs < graceMs ? this.#clock.now() : this.#flowStart.virtual + Math.floor(elapsedMs + creditMs);
  }

  /** What is left of the grace, and the idle time from before that will count once it is used up. */
  #grace(): { readonly graceMs: number; readonly creditMs: number } {
    if (this.#flow === 'always') return { graceMs: 0, creditMs: 0 };
    const beforeMs = this.#flow === 'idle' ? this.#idledMs : 0;
    return beforeMs < GRACE_MS ? { graceMs: GRACE_MS - beforeMs, creditMs: beforeMs } : { graceMs: 0, creditMs: 0 };
  }

  /** Brings the clock up to date, but for timers: these are the ticker's. */
  #goBy(): void {
    if (this.#flow !== undefined) this.#clock.driftTo(this.#flowNow());
  }

  /** The ticker runs when the next timer, or sleeper, is due. It keeps no process alive: whoever waits for real time does. */
  #armTicker(): void {
    const next = Math.min(this.#clock.nextTimerAt ?? Infinity, this.#sleepers[0]?.at ?? Infinity);
    if (this.#flow === undefined || this.#closed || this.#ticking || next === Infinity) return;
    const { graceMs, creditMs } = this.#grace();
    const at = this.#flowStart.real + Math.max(graceMs, next - this.#flowStart.virtual - creditMs);
    if (this.#ticker !== undefined && this.#ticker.at <= at) return;
    clearTimeout(this.#ticker?.timeout);
    const timeout = setTimeout(() => void this.#tick(), Math.min(at - performance.now(), 60_000));
    this.#ticker = { at, timeout: timeout.unref() };
  }

  async #tick(): Promise<void> {
    this.#ticker = undefined;
    this.#ticking = true;
    try {
      while (this.#flow !== undefined && !this.#closed && (this.#clock.nextTimerAt ?? Infinity) <= this.#flowNow()) {
        this.#clock.runNext();
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      this.#goBy();
      while (this.#clock.runUpkeep(this.#clock.now()));
      this.#wakeSleepers();
    } finally {
      this.#ticking = false;
      this.#flowChanged();
      this.#armTicker();
    }
  }
}
