/**
 * What a handler throws, as a handler error: its type says whether the caller's server tries again.
 *
 * A refused request of the handler's own client is translated: an argument that the server refuses is a bad request, a server that is away is
 * unavailable. Missing permissions are not the caller's, but the handler's, and may be mended: an internal error, tried again.
 */
import { HandlerError, type HandlerErrorType } from 'nexus-rpc/lib/common/handler-error.js';
import { Code, RpcError } from '../../../protocol/index.js';
import { ActivityExecutionAlreadyStartedError, ServiceError } from '../../client/index.js';
import { ApplicationFailure, WorkflowExecutionAlreadyStartedError } from '../../common/index.js';

const TYPES: ReadonlyMap<Code, HandlerErrorType> = new Map([
  [Code.INVALID_ARGUMENT, 'BAD_REQUEST'],
  [Code.ABORTED, 'UNAVAILABLE'],
  [Code.UNAVAILABLE, 'UNAVAILABLE'],
  [Code.NOT_FOUND, 'NOT_FOUND'],
  [Code.RESOURCE_EXHAUSTED, 'RESOURCE_EXHAUSTED'],
  [Code.UNIMPLEMENTED, 'NOT_IMPLEMENTED'],
  [Code.DEADLINE_EXCEEDED, 'UPSTREAM_TIMEOUT'],
]);
/** The same request will not do better. */
const FINAL: ReadonlySet<Code> = new Set([Code.ALREADY_EXISTS, Code.FAILED_PRECONDITION, Code.OUT_OF_RANGE]);

export function asHandlerError(error: unknown): HandlerError {
  if (error instanceof HandlerError) return error;
  if (error instanceof WorkflowExecutionAlreadyStartedError || error instanceof ActivityExecutionAlreadyStartedError) return new HandlerError('INTERNAL', undefined, { cause: error, retryableOverride: false });
  if (error instanceof ApplicationFailure && error.nonRetryable) {
    return new HandlerError('INTERNAL', 'Handler failed with non-retryable application error', { cause: error, retryableOverride: false });
  }
  const code = error instanceof RpcError || error instanceof ServiceError ? error.code : undefined;
  if (code !== undefined && FINAL.has(code)) return new HandlerError('INTERNAL', undefined, { cause: error, retryableOverride: false });
  const type = code === undefined ? undefined : TYPES.get(code);
  return new HandlerError(type ?? 'INTERNAL', undefined, { cause: error });
}
