/**
 * Mending the runtime's stack of asynchronous contexts after workflow code was interrupted.
 *
 * Where `AsyncLocalStorage` is built on promise hooks (before Node 24), each microtask enters a context before it runs and leaves it
 * afterwards. An interrupted one never leaves, and the runtime aborts the process when it finds that out. There is one place where it
 * mends the stack itself: after an uncaught exception that somebody handled. So an exception is reported, and handled, for that effect.
 */
import { executionAsyncId } from 'node:async_hooks';

interface ProcessInternals {
  _fatalException?(error: Error): boolean;
}

/** @param before what `executionAsyncId()` gave before workflow code ran. False: the stack is broken and cannot be mended here. */
export function mendAsyncStack(before: number): boolean {
  if (executionAsyncId() === before) return true;
  const internals = process as unknown as ProcessInternals;
  if (internals._fatalException === undefined || process.hasUncaughtExceptionCaptureCallback()) return false;
  process.setUncaughtExceptionCaptureCallback(() => undefined);
  try {
    internals._fatalException(new Error('Workflow code was interrupted.'));
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
  return true;
}
