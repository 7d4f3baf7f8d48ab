/** Time and chance for workflow code, under names that say that they are safe. */
import { currentRun } from './current-run.js';

/** A random UUID (version 4) that comes out the same in every replay. */
export function uuid4(): string {
  return currentRun('uuid4').random.uuid4();
}

/** A random number from 0 to 1 (not included) that comes out the same in every replay. The same as `Math.random()` in workflow code. */
export function random(): number {
  return currentRun('random').random.float();
}

/**
 * Workflow time, in milliseconds since the epoch: when the current workflow task started the first time. It stands still while code runs,
 * and comes out the same in every replay. The same as `Date.now()` in workflow code.
 */
export function now(): number {
  return currentRun('now').timeMs;
}
