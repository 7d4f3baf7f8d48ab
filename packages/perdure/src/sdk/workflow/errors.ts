/** Errors of workflow code itself, and how to recognise a cancellation. */
import { brandedErrorClass, isError } from '../common/error-brand.js';
import { ActivityFailure, CancelledFailure, ChildWorkflowFailure, NexusOperationFailure } from '../common/failure.js';

/** Fails the workflow task, never the workflow: after the code is mended, the run goes on where it stood. */
export class WorkflowError extends Error {}
brandedErrorClass(WorkflowError, 'WorkflowError');

/** Workflow code did something whose outcome a replay could not repeat. The message names what to use instead. */
export class DeterminismViolationError extends WorkflowError {}
brandedErrorClass(DeterminismViolationError, 'DeterminismViolationError');

/** True if the error is of a class of one of the names, or of a subclass; `Error` is the name of all. */
export function isNamed(error: unknown, names: readonly string[] | undefined): boolean {
  if (names === undefined || names.length === 0) return false;
  if (names.includes('Error')) return true;
  if (!isError(error)) return false;
  if (names.includes(error.name)) return true;
  for (let kind: unknown = error.constructor; typeof kind === 'function'; kind = Object.getPrototypeOf(kind)) if (names.includes(kind.name)) return true;
  return error instanceof DeterminismViolationError && names.includes('NondeterminismError');
}

/**
 * True if the error means that something was cancelled: a `CancelledFailure` itself, or an activity, child or Nexus operation that
 * failed because of one.
 *
 * @example try { await charge() } catch (error) { if (isCancellation(error)) await refund(); throw error }
 */
export function isCancellation(error: unknown): boolean {
  if (error instanceof CancelledFailure) return true;
  return (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure || error instanceof NexusOperationFailure) && error.cause instanceof CancelledFailure;
}

/** What a thrown thing says, however odd it is. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error || (typeof error === 'object' && error !== null && 'message' in error) ? String(error.message) : String(error);
  } catch {
    return 'a thrown value without text';
  }
}
