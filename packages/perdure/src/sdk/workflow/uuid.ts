import { currentRun } from './current-run.js';

/** A random UUID (version 4) that comes out the same in every replay. */
export function uuid4(): string {
  return currentRun('uuid4').random.uuid4();
}
