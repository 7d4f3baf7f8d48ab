/**
 * A deleted namespace, emptied: everything in it is deleted, kind by kind, round after round until nothing is left, and then the namespace
 * itself.
 *
 * Nothing of this is stored but the namespace's state: what is still there is to be removed, so a crash loses nothing. Runs that are open
 * are terminated; what a run owes to others (a parent elsewhere that waits for its end) it delivers before it goes. Nothing new begins
 * meanwhile: the frontend refuses requests, and the workflow machine what other runs and schedules send.
 */
import type { Host } from '../host/host.js';
import type { Namespace } from '../machines/namespace/inputs.js';
import type { Clock, Timer } from '../ports/clock.js';
import { Code, RpcError } from '../protocol/index.js';
import type { ListedMachine } from '../store/store.js';
import type { Pace } from './pace.js';

const PAGE = 100;
/** Between two rounds: machines that are being deleted wait for answers. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 10_000;

/** A kind of machines that live in namespaces. */
export interface Kind {
  readonly kind: string;
  /** The input that deletes a machine of it. */
  readonly deletion: unknown;
  /** Closed ones are forgotten after the retention of their namespace. */
  readonly expires: boolean;
}

export interface RemovalOptions {
  readonly host: Pick<Host, 'machines' | 'forget' | 'send'>;
  readonly clock: Clock;
  readonly pace: Pace;
  /** In the order in which they go: first what makes others. */
  readonly kinds: readonly Kind[];
  readonly namespace: Namespace;
  /** Everything is gone. */
  readonly forget: (namespace: Namespace) => Promise<void>;
  readonly onProblem: (error: unknown) => void;
}

export class Removal {
  readonly #options: RemovalOptions;
  #keptUntilMs: number;
  #pause: { readonly timer: Timer; readonly resolve: () => void } | undefined;
  #ended = false;

  constructor(options: RemovalOptions) {
    this.#options = options;
    this.#keptUntilMs = options.namespace.keptUntilMs;
  }

  begin(): void {
    void this.#run();
  }

  /** The namespace itself is to be kept until then. */
  keepUntil(atMs: number): void {
    this.#keptUntilMs = atMs;
    this.#wake();
  }

  /** Stops, at whatever point. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    const { clock, namespace, forget, onProblem } = this.#options;
    for (let pauseMs = FIRST_PAUSE_MS; !this.#ended; pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs)) {
      try {
        const found = await this.#round();
        if (this.#ended) return;
        if (found === 0 && this.#keptUntilMs <= clock.now()) return await forget(namespace);
        if (found === 0) await this.#sleepUntil(this.#keptUntilMs);
      } catch (error) {
        if (!this.#ended) onProblem(error);
      }
      await this.#sleepUntil(clock.now() + pauseMs);
    }
  }

  /** Deletes all that is there. Returns how much that was: none of it need be gone yet. */
  async #round(): Promise<number> {
    let found = 0;
    for (const kind of this.#options.kinds) {
      for (let after: string | undefined, isFirst = true; (isFirst || after !== undefined) && !this.#ended; isFirst = false) {
        const page = await this.#options.pace.piece(() => this.#page(kind, after));
        found += page?.found ?? 0;
        after = page?.next;
      }
    }
    return found;
  }

  async #page({ kind, deletion }: Kind, after: string | undefined): Promise<{ readonly found: number; readonly next: string | undefined }> {
    const { host, namespace } = this.#options;
    let next: string | undefined;
    const { found, left } = await host.forget(async () => {
      const page = await host.machines({ kind, namespace: namespace.id }, { limit: PAGE, after });
      next ??= page.next;
      return page.items;
    });
    await Promise.all(left.map((machine) => this.#delete(machine, deletion)));
    return { found, next };
  }

  async #delete({ kind, namespace, key, machine }: ListedMachine, deletion: unknown): Promise<void> {
    try {
      await this.#options.host.send({ kind, namespace, key, machine }, deletion);
    } catch (error) {
      // It is being deleted already.
      if (error instanceof RpcError && error.code === Code.NOT_FOUND) return;
      this.#options.onProblem(error);
    }
  }

  #sleepUntil(atMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#ended) return resolve();
      const { clock } = this.#options;
      const wake = (): void => this.#wake();
      this.#pause = { timer: clock.setUpkeepTimer?.(atMs, wake) ?? clock.setTimer(atMs, wake), resolve };
    });
  }

  #wake(): void {
    const pause = this.#pause;
    this.#pause = undefined;
    pause?.timer.cancel();
    pause?.resolve();
  }
}
