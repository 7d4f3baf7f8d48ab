/** A logger that adds the same metadata to every line. */
import type { LogLevel, LogMetadata, Logger } from '../common/index.js';

export function withMetadata(logger: Logger, metadata: LogMetadata): Logger {
  const log = (level: LogLevel, message: string, meta?: LogMetadata): unknown => logger.log(level, message, { ...metadata, ...meta });
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  };
}
