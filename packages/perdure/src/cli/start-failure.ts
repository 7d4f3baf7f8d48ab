/** Why a server could not start, in one message that says what to do. */
import { StoreCorruptError, StoreDriverMissingError, StoreLockedError, StoreTooNewError, StoreUnavailableError, type ServerOptions } from '../server/index.js';

export function explainStartFailure(error: unknown, options: ServerOptions): string {
  if (
    error instanceof StoreLockedError ||
    error instanceof StoreCorruptError ||
    error instanceof StoreTooNewError ||
    error instanceof StoreUnavailableError ||
    error instanceof StoreDriverMissingError
  ) {
    return error.message;
  }
  const { port, flag } = listener(error, options);
  const where = `${options.ip ?? '127.0.0.1'}:${port}`;
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return `Another program listens on ${where}. Stop it, or choose another port with ${flag} (0 picks a free one).`;
    case 'EACCES':
      return `This user may not listen on ${where}. Choose a port above 1023 with ${flag}.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `This machine has no address ${options.ip}. Choose one that it has with --ip: 127.0.0.1, or 0.0.0.0 for all.`;
    default:
      return `The server could not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

/** Which of the ports it was: the socket's error names it. */
function listener(error: unknown, options: ServerOptions): { readonly port: number; readonly flag: string } {
  const port = error instanceof Error && 'port' in error ? Number(error.port) : (options.port ?? 7233);
  if (port === options.httpPort) return { port, flag: '--http-port' };
  return { port, flag: port === options.metricsPort ? '--metrics-port' : '--port' };
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
