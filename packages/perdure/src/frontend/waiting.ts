/** Waits that end: with what was waited for, with time, or with the caller. Each frees what it held. */
import type { EndSignal } from '../matching/matching.js';
import type { Timer } from '../ports/index.js';
import type { Closing } from './closing.js';
import type { Rooms } from './rooms.js';

/** What waiting needs of the rooms. */
export type WaitingRooms = Pick<Rooms, 'clock' | 'closing'> & { readonly host: Pick<Rooms['host'], 'watch'> };

/** The value, or `undefined` once the time is over, the caller gone or the engine closing. */
export function within<T>(promise: Promise<T>, timeoutMs: number, { clock, closing }: Pick<Rooms, 'clock' | 'closing'>, signal: EndSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', giveUp);
      closing.remove(giveUp);
    };
    const giveUp = (): void => {
      end();
      resolve(undefined);
    };
    const timer = clock.setDelay(timeoutMs, giveUp);
    signal.addEventListener('abort', giveUp);
    closing.add(giveUp);
    if (signal.aborted || closing.begun) giveUp();
    promise.then(
      (value) => {
        end();
        resolve(value);
      },
      (error: unknown) => {
        end();
        reject(error);
      },
    );
  });
}

/**
 * Waits until `look` sees what it is looking for in the state of a machine, which it is shown now and after durable changes. `undefined` if
 * that does not happen in time.
 *
 * @param matters passes changes over of which it says no to the machine's latest state: a wait for the end is then not bothered by each
 *   event. Ask only for what stays true ("is it closed?").
 */
export async function untilSeen<T, State>(
  rooms: WaitingRooms,
  machine: string,
  look: () => Promise<T | undefined>,
  timeoutMs: number,
  caller: EndSignal,
  matters?: (state: State) => boolean,
): Promise<T | undefined> {
  const wait = new Wait(rooms, timeoutMs, caller);
  let unwatch: (() => void) | undefined;
  try {
    // First listen, then look: what changes in between is not missed.
    unwatch = rooms.host.watch(machine, wait.onChange, matters);
    for (;;) {
      wait.forget();
      const seen = await look();
      if (seen !== undefined || !(await wait.change())) return seen;
    }
  } finally {
    unwatch?.();
    wait.end();
  }
}

/** One wait for changes: a single timer and a single listener, however often something changes. */
class Wait {
  readonly #closing: Closing;
  readonly #caller: EndSignal;
  readonly #timer: Timer;
  #changed = false;
  #over: boolean;
  #resume: (() => void) | undefined;

  constructor({ clock, closing }: WaitingRooms, timeoutMs: number, caller: EndSignal) {
    this.#closing = closing;
    this.#caller = caller;
    this.#over = caller.aborted || closing.begun || timeoutMs <= 0;
    this.#timer = clock.setDelay(timeoutMs, this.#giveUp);
    caller.addEventListener('abort', this.#giveUp);
    closing.add(this.#giveUp);
  }

  readonly onChange = (): void => {
    this.#changed = true;
    this.#resume?.();
  };

  /** What changed before this does not count: it is about to be looked at. */
  forget(): void {
    this.#changed = false;
  }

  /** True after a change; false once the time is over, the caller gone or the engine closing. */
  async change(): Promise<boolean> {
    if (!this.#changed && !this.#over) await new Promise<void>((resolve) => (this.#resume = resolve));
    return !this.#over;
  }

  end(): void {
    this.#timer.cancel();
    this.#caller.removeEventListener('abort', this.#giveUp);
    this.#closing.remove(this.#giveUp);
  }

  readonly #giveUp = (): void => {
    this.#over = true;
    this.#resume?.();
  };
}
