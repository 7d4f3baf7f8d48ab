/** Where log lines go: an interface of five levels, and a logger that writes to the console. */

export type LogLevel = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

/** Structured data beside the message. */
export type LogMetadata = Record<string | symbol, unknown>;

/** Fits the console and the usual logging libraries. */
export interface Logger {
  log(level: LogLevel, message: string, meta?: LogMetadata): void;
  trace(message: string, meta?: LogMetadata): void;
  debug(message: string, meta?: LogMetadata): void;
  info(message: string, meta?: LogMetadata): void;
  warn(message: string, meta?: LogMetadata): void;
  error(message: string, meta?: LogMetadata): void;
}

export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  readonly timestampNanos: bigint;
  readonly meta?: LogMetadata;
}

const ORDER: readonly LogLevel[] = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'];

/**
 * Passes entries of `level` and above to a function; by default to the console, one line each.
 *
 * @example new DefaultLogger('WARN', ({ level, message, meta }) => pino[level.toLowerCase()](meta, message))
 */
export class DefaultLogger implements Logger {
  readonly #write: (entry: LogEntry) => void;
  readonly #lowest: number;

  constructor(
    readonly level: LogLevel = 'INFO',
    logFunction: (entry: LogEntry) => void = writeToConsole,
  ) {
    this.#lowest = ORDER.indexOf(level);
    if (this.#lowest < 0) throw new TypeError(`Not a log level: '${String(level)}'. Use one of ${ORDER.join(', ')}.`);
    this.#write = logFunction;
  }

  log(level: LogLevel, message: string, meta?: LogMetadata): void {
    if (ORDER.indexOf(level) < this.#lowest) return;
    this.#write({ level, message, timestampNanos: BigInt(Date.now()) * 1_000_000n, ...(meta === undefined ? {} : { meta }) });
  }

  trace(message: string, meta?: LogMetadata): void {
    this.log('TRACE', message, meta);
  }

  debug(message: string, meta?: LogMetadata): void {
    this.log('DEBUG', message, meta);
  }

  info(message: string, meta?: LogMetadata): void {
    this.log('INFO', message, meta);
  }

  warn(message: string, meta?: LogMetadata): void {
    this.log('WARN', message, meta);
  }

  error(message: string, meta?: LogMetadata): void {
    this.log('ERROR', message, meta);
  }
}

/** False if a line of this level would go nowhere, so that it need not be made. A logger of the user's may write any. */
export function mayWrite(logger: Logger, level: LogLevel): boolean {
  return !(logger instanceof DefaultLogger) || ORDER.indexOf(level) >= ORDER.indexOf(logger.level);
}

/** All levels go to standard error: standard output belongs to the application. */
function writeToConsole({ level, message, timestampNanos, meta }: LogEntry): void {
  const line = `${new Date(Number(timestampNanos / 1_000_000n)).toISOString()} [${level}] ${message}`;
  if (meta === undefined || Object.keys(meta).length === 0) console.error(line);
  else console.error(line, meta);
}
