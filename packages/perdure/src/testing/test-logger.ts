/** A logger that keeps what it is told, for tests. */
import type { Logger } from '../sdk/common/index.js';

export function silentWorkerLogger(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (message: string): void => void lines.push(message);
  const drop = (): void => {};
  return { lines, logger: { log: drop, trace: drop, debug: drop, info: drop, warn: drop, error: keep } };
}
