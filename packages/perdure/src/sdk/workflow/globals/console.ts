/** `console` in workflow code: goes to the worker's logger, and is silent during replay. */
import type { LogLevel } from '../../common/logger.js';
import { log } from '../log.js';

function writer(level: LogLevel): (...values: unknown[]) => void {
  return (...values) => log.log(level, values.map(shown).join(' '));
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return value.stack ?? value.message;
  try {
    return typeof value === 'object' && value !== null ? (JSON.stringify(value) ?? String(value)) : String(value);
  } catch {
    return '[unprintable]';
  }
}

export const console = {
  log: writer('INFO'),
  info: writer('INFO'),
  debug: writer('DEBUG'),
  trace: writer('TRACE'),
  warn: writer('WARN'),
  error: writer('ERROR'),
  dir: writer('INFO'),
  table: writer('INFO'),
  group: writer('INFO'),
  groupCollapsed: writer('INFO'),
  groupEnd: (): void => undefined,
  assert: (holds: unknown, ...values: unknown[]): void => {
    if (!holds) writer('ERROR')('Assertion failed:', ...values);
  },
};
