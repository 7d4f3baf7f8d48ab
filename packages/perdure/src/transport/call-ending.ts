/** How a call ends that neither the server nor the deadline has ended: the same over every transport. */
import { setMaxListeners } from 'node:events';
import { Code, RpcError } from '../protocol/errors.js';

/** The caller's signal was aborted; its reason is the cause. */
export function cancelled(signal: AbortSignal): RpcError {
  return new RpcError(Code.CANCELLED, 'the caller cancelled the call', [], { cause: signal.reason });
}

/** `close()` was called on the transport. */
export function connectionClosed(): RpcError {
  return new RpcError(Code.CANCELLED, 'the connection was closed by this process');
}

/** Calls `run` when the signal is aborted. Returns how to stop listening. One signal may serve any number of calls. */
export function onAbort(signal: AbortSignal, run: () => void): () => void {
  // Node warns of a leak from the eleventh listener on; here each one leaves with its call.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', run, { once: true });
  return () => signal.removeEventListener('abort', run);
}

/** Why a socket failed. A host with several addresses fails with an AggregateError, whose own message is empty. */
export function reasonOf(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; ');
  return error.message;
}
