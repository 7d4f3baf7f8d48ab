/** Waits that end: with what was waited for, with time, or with the caller. Each frees what it held. */
import type { Rooms } from './rooms.js';

/** The value, or `undefined` once the time is over, the caller gone or the engine closing. */
export function within<T>(promise: Promise<T>, timeoutMs: number, { clock, closing }: Pick<Rooms, 'clock' | 'closing'>, signal: AbortSignal): Promise<T | undefined> {
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
 * Waits until `look` sees what it is looking for in the state of a run, which it is shown now and after each durable change. `undefined`
 * if that does not happen in time.
 */
export async function untilSeen<T>(rooms: Rooms, runId: string, look: () => Promise<T | undefined>, timeoutMs: number, caller: AbortSignal): Promise<T | undefined> {
  const deadline = rooms.clock.monotonic() + timeoutMs;
  const waiting = new AbortController();
  try {
    for (;;) {
      // First listen, then look: what changes in between is not missed.
      const changed = rooms.host.changed(runId, waiting.signal).then(() => true);
      changed.catch(() => {});
      const seen = await look();
      if (seen !== undefined) return seen;
      const leftMs = deadline - rooms.clock.monotonic();
      if (leftMs <= 0 || !(await within(changed, leftMs, rooms, caller))) return undefined;
    }
  } finally {
    waiting.abort();
  }
}
