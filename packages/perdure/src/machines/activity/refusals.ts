/** The refusals of an activity without a workflow. */
import { ActivityExecutionAlreadyStartedFailure, Code, RpcError } from '../../protocol/index.js';
import { notFound } from '../workflow/refusals.js';
import type { StandaloneState } from './state.js';

/** It does not exist, or not any more as it was addressed. */
export function noSuchExecution(activityId: string): RpcError {
  return notFound(`activity not found for ID: ${activityId}`);
}

export function alreadyStarted({ scheduled }: StandaloneState): RpcError {
  const { requestId: startRequestId, runId } = scheduled;
  return RpcError.with(Code.ALREADY_EXISTS, 'activity execution already started', ActivityExecutionAlreadyStartedFailure, { startRequestId, runId });
}

/** What is asked for does not go together with what the activity is. */
export function notNow(message: string): RpcError {
  return new RpcError(Code.FAILED_PRECONDITION, message);
}
