/** A logger that adds metadata to every line. */
import type { LogLevel, LogMetadata, Logger } from '../common/index.js';

/** A function is asked with each line. What a line itself brings wins. */
export function withMetadata(logger: Logger, metadata: LogMetadata | (() => LogMetadata)): Logger {
  const common = typeof metadata === 'function' ? metadata : () => metadata;
  const log = (level: LogLevel, message: string, meta?: LogMetadata): unknown => logger.log(level, message, { ...common(), ...meta });
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  };
}
