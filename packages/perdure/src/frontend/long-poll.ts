/** How long a call may wait here. The answer "nothing yet" must reach the caller before it gives up: an expired call is an error there. */
import type { Clock } from '../ports/index.js';
import type { CallContext } from '../transport/transport.js';

/** The answer is on its way this long before the caller's deadline. */
const ANSWER_MARGIN_MS = 1_000;

/** Milliseconds to wait at most: `longestMs`, or what the caller's deadline leaves. */
export function waitMs(longestMs: number, context: CallContext, clock: Clock): number {
  if (context.deadline === undefined) return longestMs;
  return Math.max(0, Math.min(longestMs, context.deadline - clock.now() - ANSWER_MARGIN_MS));
}
