/**
 * Makes a failing plan smaller: fewer faults, shorter ones, fewer messages, as long as the run still fails in the same way.
 *
 * Greedy and bounded: halves first, then single pieces, then what is left of each piece is made simpler. Every try is a whole run, so the
 * number of tries is limited; the smallest plan found so far is always one that fails.
 */
import type { Fault } from './faults.js';
import type { Delivery } from './simulation-options.js';

export interface Plan {
  readonly faults: readonly Fault[];
  readonly deliveries: readonly Delivery[];
}

export interface ShrinkOptions {
  /** Whether a delivery may be left out. */
  readonly isOptional: (delivery: Delivery) => boolean;
  /** Whether a run of this plan fails in the same way. */
  readonly stillFails: (plan: Plan) => Promise<boolean>;
  readonly mostTries: number;
}

export async function shrink(plan: Plan, { isOptional, stillFails, mostTries }: ShrinkOptions): Promise<Plan> {
  let best = plan;
  let tries = 0;
  const attempt = async (candidate: Plan): Promise<boolean> => {
    if (tries >= mostTries) return false;
    tries += 1;
    if (!(await stillFails(candidate))) return false;
    best = candidate;
    return true;
  };
  const leaveOut = async (size: number): Promise<void> => {
    for (let at = 0; at < best.faults.length; ) {
      const faults = best.faults.toSpliced(at, size);
      if (!(await attempt({ ...best, faults }))) at += size;
    }
  };
  for (let size = Math.ceil(best.faults.length / 2); size > 1; size = Math.ceil(size / 2)) await leaveOut(size);
  // What was needed may be needed no more once something else is gone.
  for (let before = -1; before !== best.faults.length; ) {
    before = best.faults.length;
    await leaveOut(1);
  }
  for (let at = 0; at < best.deliveries.length; ) {
    const delivery = best.deliveries[at];
    if (delivery === undefined || !isOptional(delivery) || !(await attempt({ ...best, deliveries: best.deliveries.toSpliced(at, 1) }))) at += 1;
  }
  for (let at = 0; at < best.faults.length; at++) {
    for (const simpler of simplerFaults(best.faults[at])) if (await attempt({ ...best, faults: best.faults.with(at, simpler) })) break;
  }
  for (let at = 0; at < best.deliveries.length; at++) {
    const delivery = best.deliveries[at];
    if (delivery !== undefined && delivery.atMs !== 0) await attempt({ ...best, deliveries: best.deliveries.with(at, { ...delivery, atMs: 0 }) });
  }
  return best;
}

/** The same fault with rounder and shorter times, the simplest first. */
function simplerFaults(fault: Fault | undefined): Fault[] {
  if (fault === undefined) return [];
  const times = ['downMs', 'silentMs', 'delayMs', 'byMs'].filter((name) => Number((fault as unknown as Record<string, number>)[name] ?? 0) !== 0);
  if (times.length === 0) return [];
  const zeros = { ...fault, ...Object.fromEntries(times.map((name) => [name, 0])) } as Fault;
  const rounded = { ...fault, ...Object.fromEntries(times.map((name) => [name, round(Number((fault as unknown as Record<string, number>)[name]))])) } as Fault;
  return fault.kind === 'clockJump' ? [rounded] : [zeros, rounded];
}

/** To one digit. */
function round(ms: number): number {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, Math.abs(ms))));
  return Math.round(ms / unit) * unit;
}
