/**
 * Whether time may be skipped, as the clients of a test server decide it: by counted locks, of which there is one at first.
 *
 * No lock: time is skipped whenever nobody is at work. Any lock: it goes by at the pace of real time.
 */
import { Code, RpcError, TestService } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import type { TimeKeeper } from './time-keeper.js';
import { holdFor, REACTION_MS } from './watched-router.js';

/** Locks of a test that counts them up in a loop, by mistake. */
const MOST_LOCKS = 1_000_000;

class TimeLock {
  readonly #keeper: TimeKeeper;
  #locks = 1;
  #endWait: (() => void) | undefined;

  constructor(keeper: TimeKeeper) {
    this.#keeper = keeper;
  }

  lock(): void {
    if (this.#locks >= MOST_LOCKS) throw new RpcError(Code.RESOURCE_EXHAUSTED, `Time skipping is locked ${MOST_LOCKS} times, which is the limit: unlock it as often as it is locked.`);
    this.#locks += 1;
    this.#endWait?.();
    this.#endWait = undefined;
  }

  /** @throws RpcError FAILED_PRECONDITION if there is no lock */
  unlock(): void {
    if (this.#locks === 0) throw new RpcError(Code.FAILED_PRECONDITION, 'Time skipping is not locked: each unlock takes back one lock.');
    this.#locks -= 1;
    if (this.#locks === 0) this.#endWait = this.#keeper.beginWait();
  }
}

/** Adds the RPCs of the TestService, for a server that runs on the keeper's clock. */
export function addTestService(router: Router, keeper: TimeKeeper): void {
  const lock = new TimeLock(keeper);
  router.add(TestService.LockTimeSkipping, () => {
    lock.lock();
    return {};
  });
  router.add(TestService.UnlockTimeSkipping, () => {
    lock.unlock();
    return {};
  });
  router.add(TestService.Sleep, async ({ duration }, { signal }) => {
    await keeper.until(keeper.now() + checked(duration), signal);
    holdFor(keeper, REACTION_MS);
    return {};
  });
  router.add(TestService.SleepUntil, async ({ timestamp }, { signal }) => {
    if (timestamp === undefined) throw new RpcError(Code.INVALID_ARGUMENT, 'SleepUntil needs a timestamp.');
    if (timestamp <= keeper.now()) return {};
    await keeper.until(timestamp, signal);
    holdFor(keeper, REACTION_MS);
    return {};
  });
  router.add(TestService.UnlockTimeSkippingWithSleep, async ({ duration }, { signal }) => {
    const untilMs = keeper.now() + checked(duration);
    lock.unlock();
    // Also if the caller went away: it has given up its lock for the time of this call only.
    await keeper.until(untilMs, signal).finally(() => lock.lock());
    return {};
  });
  router.add(TestService.GetCurrentTime, () => ({ time: keeper.now() }));
}

function checked(duration: number | undefined): number {
  if (duration === undefined || duration < 0) throw new RpcError(Code.INVALID_ARGUMENT, 'A sleep needs a duration of 0 or more.');
  return duration;
}
