/**
 * A rate, kept by one number: the moment up to which it has been used up. Messages are sent in small bursts, so that a high rate does not
 * mean a wake for each of them.
 */

/** What a rate allows in this time may be sent at once. */
const BURST_MS = 100;

const intervalMs = (perSecond: number): number => 1000 / perSecond;
const burst = (perSecond: number): number => Math.max(1, Math.floor(BURST_MS / intervalMs(perSecond)));

export interface Release {
  readonly count: number;
  readonly pacedMs: number;
}

/** How many of the `wanted` messages may be sent now. */
export function pacedRelease(pacedMs: number, now: number, wanted: number, perSecond: number): Release {
  if (perSecond <= 0) return { count: wanted, pacedMs: 0 };
  const interval = intervalMs(perSecond);
  const most = burst(perSecond);
  // Unused time is not saved up beyond a burst; a clock that was set back must not stop the sweep until it has caught up.
  const since = pacedMs > now + interval ? now - interval : Math.max(pacedMs, now - most * interval);
  // The moments are fractions of a millisecond: what is due by rounding is due.
  const count = Math.min(wanted, most, Math.floor((now - since) / interval + 1e-6));
  return count > 0 ? { count, pacedMs: since + count * interval } : { count: 0, pacedMs };
}

/** When a burst of the `wanted` messages may be sent; for a first one, and without a rate, at once. */
export function wakeForRate(pacedMs: number, wanted: number, perSecond: number): number {
  if (perSecond <= 0) return 0;
  return Math.ceil(pacedMs + Math.min(wanted, burst(perSecond)) * intervalMs(perSecond));
}
