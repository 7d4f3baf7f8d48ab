/** Errors of workflow code itself, and how to recognise a cancellation. */
import { brandedErrorClass } from '../common/error-brand.js';
import { ActivityFailure, CancelledFailure, ChildWorkflowFailure } from '../common/failure.js';

/** Fails the workflow task, never the workflow: after the code is mended, the run goes on where it stood. */
export class WorkflowError extends Error {}
brandedErrorClass(WorkflowError, 'WorkflowError');

/** Workflow code did something whose outcome a replay could not repeat. The message names what to use instead. */
export class DeterminismViolationError extends WorkflowError {}
brandedErrorClass(DeterminismViolationError, 'DeterminismViolationError');

/**
 * True if the error means that something was cancelled: a `CancelledFailure` itself, or an activity or child that failed because of one.
 *
 * @example try { await charge() } catch (error) { if (isCancellation(error)) await refund(); throw error }
 */
export function isCancellation(error: unknown): boolean {
  if (error instanceof CancelledFailure) return true;
  return (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) && error.cause instanceof CancelledFailure;
}
