/** The refusal of a full queue, as clients understand it: retryable, with its cause. */
import { Code, ResourceExhaustedCause, ResourceExhaustedFailure, ResourceExhaustedScope, RpcError } from '../protocol/index.js';

export function resourceExhausted(cause: keyof typeof ResourceExhaustedCause, message: string): RpcError {
  return RpcError.with(Code.RESOURCE_EXHAUSTED, message, ResourceExhaustedFailure, {
    cause: ResourceExhaustedCause[cause],
    scope: ResourceExhaustedScope.SYSTEM,
  });
}
