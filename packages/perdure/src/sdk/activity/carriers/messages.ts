/**
 * What goes between a worker and its carriers. Everything is copied by the structured clone of the runtime; errors, which it would reduce to
 * their message, are taken apart and put together again.
 */
import { ApplicationFailure, CancelledFailure, CompleteAsyncError, type ApplicationFailureCategory, type Duration, type LogLevel, type LogMetadata } from '../../common/index.js';
import type { ActivityCancellationDetailsOptions, CancellationReason } from '../cancellation.js';
import type { Info } from '../info.js';

/** Names a function that a module declares to run elsewhere. */
export interface Declaration {
  /** URL of the module. */
  readonly module: string;
  /** The how-manieth it is in its module. */
  readonly index: number;
  /** Its name, to find out when both sides do not mean the same function. */
  readonly name: string;
}

export type ToCarrier =
  | { readonly type: 'run'; readonly declaration: Declaration; readonly args: readonly unknown[]; readonly info: Info | undefined }
  | { readonly type: 'cancel'; readonly reason: CancellationReason; readonly details: ActivityCancellationDetailsOptions };

export type FromCarrier =
  | { readonly type: 'heartbeat'; readonly details: unknown }
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string; readonly metadata: LogMetadata | undefined }
  | { readonly type: 'returned'; readonly result: unknown }
  | { readonly type: 'threw'; readonly error: ErrorParts };

/** An error that can be copied. */
export interface ErrorParts {
  readonly kind: 'application' | 'cancelled' | 'complete-async' | 'other';
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: ErrorParts | undefined;
  readonly type?: string | undefined;
  readonly nonRetryable?: boolean | undefined;
  readonly details?: readonly unknown[] | undefined;
  readonly nextRetryDelay?: Duration | undefined;
  readonly category?: ApplicationFailureCategory | undefined;
}

/** Causes beyond this depth are left out: a chain may be a circle. */
const DEEPEST_CAUSE = 20;

export function errorParts(error: unknown, depth = 0): ErrorParts {
  if (!(error instanceof Error)) return { kind: 'other', name: 'Error', message: String(error), stack: undefined, cause: undefined };
  const cause = error.cause === undefined || depth >= DEEPEST_CAUSE ? undefined : errorParts(error.cause, depth + 1);
  const common = { name: error.name, message: error.message, stack: error.stack, cause };
  if (error instanceof CompleteAsyncError) return { kind: 'complete-async', ...common };
  if (error instanceof CancelledFailure) return { kind: 'cancelled', ...common, details: error.details };
  if (!(error instanceof ApplicationFailure)) return { kind: 'other', ...common };
  const { type, nonRetryable, details, nextRetryDelay, category } = error;
  return {
    kind: 'application',
    ...common,
    type: type ?? undefined,
    nonRetryable: nonRetryable ?? undefined,
    details: details ?? undefined,
    nextRetryDelay: nextRetryDelay ?? undefined,
    category: category ?? undefined,
  };
}

export function errorFromParts(parts: ErrorParts): Error {
  const error = newError(parts, parts.cause && errorFromParts(parts.cause));
  if (parts.stack !== undefined) error.stack = parts.stack;
  return error;
}

function newError({ kind, name, message, type, nonRetryable, details, nextRetryDelay, category }: ErrorParts, cause: Error | undefined): Error {
  switch (kind) {
    case 'application':
      return ApplicationFailure.create({
        message,
        ...(type !== undefined && { type }),
        ...(nonRetryable !== undefined && { nonRetryable }),
        ...(details && { details: [...details] }),
        ...(nextRetryDelay !== undefined && { nextRetryDelay }),
        ...(category !== undefined && { category }),
        ...(cause && { cause }),
      });
    case 'cancelled':
      return new CancelledFailure(message, details && [...details], cause);
    case 'complete-async':
      return new CompleteAsyncError();
    case 'other':
      return Object.assign(new Error(message, cause && { cause }), { name });
  }
}
