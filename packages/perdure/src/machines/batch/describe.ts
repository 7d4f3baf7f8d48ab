/** What readers see of a batch job: in a description, and in lists. */
import { BatchOperationInfo, BatchOperationState, BatchOperationType, WorkflowExecutionStatus } from '../../protocol/index.js';
import type { DescribeBatchOperationResponse, Init } from '../../protocol/index.js';
import { listingOf, type ListedValue, type Listing } from '../listing.js';
import { operationOf } from './operations.js';
import type { BatchState } from './state.js';

export function describeBatch(state: BatchState): Init<DescribeBatchOperationResponse> {
  const { started, sweep } = state;
  const { request } = started;
  const { done, failed, found } = sweep;
  return {
    ...infoOf(state),
    // While it runs, the count at its start; it may find more or fewer.
    totalOperationCount: state.isRunning ? Math.max(started.expected, found) : done + failed,
    completeOperationCount: done,
    failureOperationCount: failed,
    identity: (request && operationOf(request)?.identity) ?? '',
    reason: request?.reason ?? '',
    query: request?.visibilityQuery ?? '',
  };
}

function infoOf({ started, data }: BatchState): Init<BatchOperationInfo> {
  const { closed } = data;
  return {
    jobId: started.jobId,
    state: stateOf(closed?.state),
    startTime: started.startedMs,
    closeTime: closed?.closedMs,
    operationType: (started.request && operationOf(started.request)?.type) ?? BatchOperationType.UNSPECIFIED,
  };
}

function stateOf(value: number | undefined): BatchOperationState {
  if (value === undefined) return BatchOperationState.RUNNING;
  return value === BatchOperationState.COMPLETED ? BatchOperationState.COMPLETED : BatchOperationState.FAILED;
}

const keptOf = new WeakMap<BatchState, { readonly isRunning: boolean; readonly listing: Listing }>();

/** Written at the start and at the end, not with the progress. */
export function listing(state: BatchState): Listing | undefined {
  if (state.data.forgotten) return undefined;
  const { isRunning } = state;
  const kept = keptOf.get(state);
  if (kept?.isRunning === isRunning) return kept.listing;
  const { closed } = state.data;
  const attributes = new Map<string, ListedValue>([
    ['StartTime', state.started.startedMs],
    ['ExecutionStatus', closed === undefined ? WorkflowExecutionStatus.RUNNING : closed.state === BatchOperationState.COMPLETED ? WorkflowExecutionStatus.COMPLETED : WorkflowExecutionStatus.FAILED],
  ]);
  if (closed !== undefined) attributes.set('CloseTime', closed.closedMs);
  const listing = listingOf({ shown: BatchOperationInfo.encode(infoOf(state)), attributes });
  keptOf.set(state, { isRunning, listing });
  return listing;
}
