/**
 * Time passes: firings that have come are taken in order, backfills go on, and the next firing is found.
 *
 * A schedule that was paused, or had no actions left, takes none of the firings of that time. One whose server was down takes those that
 * are not older than the catch-up window; older ones are counted as missed. One transition looks at a bounded number of firings; what is
 * left is due still, and the host wakes the schedule again after others.
 */
import { SkipReason } from '../../protocol/index.js';
import type { ScheduleDraft } from './draft.js';
import { fire, idleReason, skip } from './firings.js';
import { DEFAULT_CATCHUP_WINDOW_MS, SCHEDULE_BOUNDS } from './state.js';
import type { FiringTime } from './timing.js';

/** Takes what has come since the last look. */
export function advance(draft: ScheduleDraft): void {
  const { state, now } = draft;
  if (!state.mayAct || state.data.nextMs === 0 || state.data.nextMs > now) return;
  const windowMs = state.policies.catchupWindow ?? DEFAULT_CATCHUP_WINDOW_MS;
  let throughMs = state.data.throughMs;
  let missed = 0;
  let lastMissed: FiringTime | undefined;
  let next = state.timing.next(throughMs);
  for (let left = SCHEDULE_BOUNDS.firingsAtOnce; left > 0 && next !== undefined && next.actualMs <= now && state.mayAct; left--) {
    if (now - next.actualMs > windowMs) {
      missed += 1;
      lastMissed = next;
    } else fire(draft, { ...next, manual: false, overlapPolicy: 0 });
    throughMs = next.nominalMs;
    next = state.timing.next(throughMs);
  }
  if (lastMissed !== undefined) skip(draft, { ...lastMissed, manual: false, overlapPolicy: 0 }, SkipReason.CATCHUP_WINDOW, missed);
  draft.emit({ advanced: { throughMs, nextMs: next?.actualMs ?? 0, missed } });
}

/** Before the schedule may act again, or becomes another one: records what came while it might not. */
export function recordIdleTime(draft: ScheduleDraft): void {
  const { state, now } = draft;
  if (state.mayAct) return;
  let count = 0;
  let last: FiringTime | undefined;
  let next = state.timing.next(state.data.throughMs);
  for (; count < SCHEDULE_BOUNDS.firingsAtOnce && next !== undefined && next.actualMs <= now; count++) {
    last = next;
    next = state.timing.next(next.nominalMs);
  }
  if (last !== undefined) skip(draft, { ...last, manual: false, overlapPolicy: 0 }, idleReason(draft), count);
}

/** Looks from this moment on: after a creation, an update, or a time in which nothing was to happen. */
export function lookFrom(draft: ScheduleDraft, fromMs: number): void {
  const throughMs = Math.max(draft.state.data.throughMs, Math.floor(fromMs));
  draft.emit({ advanced: { throughMs, nextMs: draft.state.timing.next(throughMs)?.actualMs ?? 0, missed: 0 } });
}

/** Takes some firings of the backfills, oldest backfill first. */
export function backfill(draft: ScheduleDraft): void {
  const { state } = draft;
  let left: number = SCHEDULE_BOUNDS.backfilledAtOnce;
  while (left > 0 && state.canBackfill) {
    const [first] = state.data.backfills;
    if (first === undefined) return;
    const { id, endMs, overlapPolicy } = first;
    let afterMs = first.afterMs;
    while (left > 0 && state.canBackfill) {
      left -= 1;
      const next = state.timing.next(afterMs);
      if (next === undefined || next.nominalMs > endMs) {
        afterMs = 0;
        break;
      }
      fire(draft, { ...next, manual: true, overlapPolicy });
      afterMs = next.nominalMs;
    }
    draft.emit({ backfillAdvanced: { id, afterMs } });
  }
}
