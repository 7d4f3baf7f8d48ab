/** A logger that writes lines to a stream, as text for people or as JSON for machines. */
import { inspect } from 'node:util';
import type { LogFields, Logger } from '../ports/index.js';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'never'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface ConsoleLoggerOptions {
  /** The least important level that is written. Default: `warn`. */
  readonly level?: LogLevel;
  /** Default: `text`. */
  readonly format?: 'text' | 'json';
  /** Gets each line, with its line break. Default: standard error. */
  readonly write?: (line: string) => void;
}

export function consoleLogger(options: ConsoleLoggerOptions = {}): Logger {
  const { level = 'warn', format = 'text', write = (line: string) => void process.stderr.write(line) } = options;
  const toLine = format === 'json' ? jsonLine : textLine;
  const log = (at: LogLevel) => {
    if (LOG_LEVELS.indexOf(at) < LOG_LEVELS.indexOf(level)) return () => {};
    return (message: string, fields?: LogFields): void => write(toLine(at, message, fields));
  };
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}

function textLine(level: LogLevel, message: string, fields: LogFields = {}): string {
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : inspect(value, { depth: 4 })}`);
  return `${new Date().toISOString()} ${level.toUpperCase().padEnd(5)} ${message}${rest.join('')}\n`;
}

function jsonLine(level: LogLevel, message: string, fields: LogFields = {}): string {
  const plain = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? value.stack : value]));
  return `${JSON.stringify({ time: new Date().toISOString(), level, message, ...plain })}\n`;
}
