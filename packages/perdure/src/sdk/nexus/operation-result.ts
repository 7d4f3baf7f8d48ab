/** How an operation of a `TemporalOperationHandler` has begun: it is over, or something stands behind it. */
import { HandlerStartOperationResult } from 'nexus-rpc';

const startResult = Symbol('perdure.operationResult');

/** Made by {@link TemporalOperationResult.sync}, {@link TemporalOperationResult.async} and the calls of a `TemporalNexusClient`. */
export interface TemporalOperationResult<T> {
  readonly [startResult]: HandlerStartOperationResult<T>;
}

export const TemporalOperationResult = {
  /** It is over, with this result. */
  sync: <T>(value: T): TemporalOperationResult<T> => ({ [startResult]: HandlerStartOperationResult.sync(value) }),
  /** It goes on; whoever backs it calls the caller back. */
  async: <T = unknown>(token: string): TemporalOperationResult<T> => ({ [startResult]: HandlerStartOperationResult.async(token) }),
};

export function startResultOf<T>(result: TemporalOperationResult<T>): HandlerStartOperationResult<T> {
  return result[startResult];
}
