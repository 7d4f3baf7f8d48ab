/**
 * The closed runs of one namespace, forgotten when its retention is over.
 *
 * Nothing of this is stored: what is expired is in the list (`CloseTime`), so the list is also the place where a crash goes on. The run that
 * closed first says when to look next; a namespace without closed runs has no timer. Closing a run costs nothing here: only the first
 * one sets the timer.
 *
 * A run is forgotten at the earliest when its retention is over, and usually within a minute after that: runs that expire one after the
 * other go together.
 */
import type { Host } from '../host/host.js';
import type { Clock, Timer } from '../ports/clock.js';
import { Code, RpcError } from '../protocol/index.js';
import type { ListedMachine } from '../store/store.js';
import type { Condition } from '../visibility/condition.js';
import type { Pace } from './pace.js';

/** Runs forgotten in one piece of work. */
const PAGE = 100;
/** Between two sweeps of a namespace, at most, and as a part of its retention. */
const LONGEST_GAP_MS = 60_000;
const GAP_PART = 1 / 100;
/** After something could not be done; then longer and longer. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

export interface ExpiryOptions {
  readonly host: Pick<Host, 'list' | 'forget' | 'send'>;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly kind: string;
  /** Id of the namespace. */
  readonly namespace: string;
  /** What a machine that is in memory is told. */
  readonly deletion: unknown;
  readonly retentionMs: number;
  /** Hears of what goes wrong; it is tried again. */
  readonly onProblem: (error: unknown) => void;
}

export class Expiry {
  readonly #options: ExpiryOptions;
  #timer: Timer | undefined;
  #sweeping = false;
  /** A run has closed during the sweep: its looks at the list may have come before. */
  #closedMeanwhile = false;
  #pauseMs = FIRST_PAUSE_MS;
  #ended = false;

  constructor(options: ExpiryOptions) {
    this.#options = options;
  }

  /** Looks what is there: after a start, and when the retention has changed. */
  begin(): void {
    void this.#sweep();
  }

  /** A run has closed just now. */
  closed(): void {
    if (this.#sweeping) this.#closedMeanwhile = true;
    else if (this.#timer === undefined) this.#lookAt(this.#options.clock.now() + this.#options.retentionMs);
  }

  /** Forgets nothing more. */
  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #lookAt(atMs: number): void {
    if (this.#ended) return;
    const { clock } = this.#options;
    const due = (): void => {
      this.#timer = undefined;
      void this.#sweep();
    };
    this.#timer = clock.setUpkeepTimer?.(Math.ceil(atMs), due) ?? clock.setTimer(Math.ceil(atMs), due);
  }

  async #sweep(): Promise<void> {
    const { clock, pace, retentionMs, onProblem } = this.#options;
    this.#sweeping = true;
    this.#closedMeanwhile = false;
    try {
      const sweptThrough = clock.now() - retentionMs;
      await this.#forgetThrough(sweptThrough);
      this.#pauseMs = FIRST_PAUSE_MS;
      const oldest = (await pace.piece(() => this.#oldestSince(sweptThrough))) ?? (this.#closedMeanwhile ? clock.now() : undefined);
      this.#sweeping = false;
      if (oldest !== undefined) this.#lookAt(Math.max(oldest + retentionMs, clock.now() + Math.min(LONGEST_GAP_MS, retentionMs * GAP_PART)));
    } catch (error) {
      this.#sweeping = false;
      if (!this.#ended) onProblem(error);
      this.#lookAt(clock.now() + this.#pauseMs);
      this.#pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * this.#pauseMs);
    }
  }

  /** Forgets what closed until then, page by page. @throws if it gets no further */
  async #forgetThrough(closedMs: number): Promise<void> {
    const { host, pace } = this.#options;
    for (let isDone = false; !isDone && !this.#ended; ) {
      isDone = (await pace.piece(async () => {
        const { found, left } = await host.forget(() => this.#closedThrough(closedMs, PAGE));
        const results = await Promise.all(left.map((machine) => this.#delete(machine)));
        if (found > 0 && results.length === found && results.every((isDeleted) => !isDeleted)) throw new Error('No expired run could be forgotten.');
        return found < PAGE && left.length === 0;
      })) ?? true;
    }
  }

  /** One that is in memory, or owes something to others yet. */
  async #delete({ kind, namespace, key, machine }: ListedMachine): Promise<boolean> {
    try {
      await this.#options.host.send({ kind, namespace, key, machine }, this.#options.deletion);
      return true;
    } catch (error) {
      if (error instanceof RpcError && error.code === Code.NOT_FOUND) return true;
      this.#options.onProblem(error);
      return false;
    }
  }

  /**
   * About when the oldest of the closed runs closed, by about thirty looks at the index; not later than it did. `undefined` if there is
   * none. None closed before `sinceMs`.
   */
  async #oldestSince(sinceMs: number): Promise<number | undefined> {
    let low = sinceMs;
    let high = this.#options.clock.now();
    const isThere = async (closedMs: number): Promise<boolean> => (await this.#closedThrough(closedMs, 1)).length > 0;
    if (!(await isThere(high + LONGEST_GAP_MS))) return undefined;
    while (high - low > 1 && !this.#ended) {
      const middle = (low + high) / 2;
      if (await isThere(middle)) high = middle;
      else low = middle;
    }
    return low;
  }

  async #closedThrough(closedMs: number, limit: number): Promise<readonly ListedMachine[]> {
    const { host, kind, namespace } = this.#options;
    const condition: Condition = { kind: 'compare', attribute: 'CloseTime', operator: '<=', value: closedMs };
    return (await host.list({ kind, namespace, condition, limit })).items;
  }
}
