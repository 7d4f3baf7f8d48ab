/**
 * Waiting for the outcome of an execution.
 *
 * A long poll for the close event: the server holds each request for some seconds and answers without an event and with a token to go on
 * with, until the run closes. A run may be followed by another (continue-as-new, retry, cron), which then is waited for.
 */
import {
  Code,
  EventType,
  Failure,
  History,
  HistoryEventFilterType,
  RpcError,
  WorkflowService,
  type Encoded,
  type GetWorkflowExecutionHistoryResponse,
  type HistoryEvent,
  type Payloads,
} from '../../protocol/index.js';
import {
  CancelledFailure,
  decodeArrayFromBytes,
  decodeFromBytesAtIndex,
  decodeOptionalFailureToOptionalError,
  RetryState,
  retryStates,
  TerminatedFailure,
  TimeoutFailure,
  TimeoutType,
  type LoadedDataConverter,
  type TypeInfo,
} from '../common/index.js';
import { sleepOn, systemTime } from '../common/worker-time.js';
import type { Connection } from './connection.js';
import { WorkflowContinuedAsNewError, WorkflowFailedError } from './errors.js';
import { PATIENT_RETRY } from './retry.js';

/** More than a server holds a poll. A poll without answer for so long is lost, and made again. */
const POLL_TIMEOUT_MS = 70_000;
/** Between polls that were answered without event and token, which a server should not do. */
const EMPTY_POLL_PAUSE_MS = 1_000;

export interface ResultRequest {
  readonly connection: Connection;
  /** For payloads of this workflow. */
  readonly dataConverter: LoadedDataConverter;
  readonly outputType: TypeInfo | undefined;
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string | undefined;
  readonly followRuns: boolean;
}

/**
 * The value that the execution returned.
 *
 * @throws WorkflowFailedError, WorkflowContinuedAsNewError; RpcError if the server cannot be asked.
 */
export async function waitForResult<T>(request: ResultRequest): Promise<T> {
  let runId = request.runId;
  for (;;) {
    const outcome = await outcomeOf<T>(await waitForCloseEvent(request, runId), request);
    if ('value' in outcome) return outcome.value;
    // A server names the run that follows; to ask for it again would go round for ever.
    if (outcome.nextRunId === runId) throw new Error(`Workflow run ${runId} is said to be followed by itself.`);
    runId = outcome.nextRunId;
  }
}

async function waitForCloseEvent({ connection, namespace, workflowId }: ResultRequest, runId: string | undefined): Promise<HistoryEvent> {
  let nextPageToken: Uint8Array = new Uint8Array(0);
  for (;;) {
    const poll = {
      namespace,
      execution: { workflowId, runId },
      skipArchival: true,
      waitNewEvent: true,
      historyEventFilterType: HistoryEventFilterType.CLOSE_EVENT,
      nextPageToken,
    };
    const time = connection.time ?? systemTime;
    const startedAt = time.monotonic();
    let response: GetWorkflowExecutionHistoryResponse;
    try {
      response = await connection.call(WorkflowService.GetWorkflowExecutionHistory, poll, {
        attemptTimeoutMs: POLL_TIMEOUT_MS,
        retry: PATIENT_RETRY,
      });
    } catch (error) {
      // Only if the poll's own limit passed, not the caller's deadline.
      const ownTimeout = error instanceof RpcError && error.code === Code.DEADLINE_EXCEEDED && time.monotonic() - startedAt >= POLL_TIMEOUT_MS - 100;
      if (ownTimeout) continue;
      throw error;
    }
    const events = eventsOf(response);
    if (events.length > 1) throw new Error(`Asked for the close event of workflow '${workflowId}', got ${events.length} events.`);
    if (events[0] !== undefined) return events[0];
    nextPageToken = response.nextPageToken;
    if (nextPageToken.byteLength === 0) await sleepOn(time, EMPTY_POLL_PAUSE_MS, undefined);
  }
}

/** The events of a page; servers may send them raw. */
export function eventsOf(response: GetWorkflowExecutionHistoryResponse): HistoryEvent[] {
  if (response.rawHistory.length > 0) return response.rawHistory.flatMap((blob) => History.decode(blob.data).events);
  return response.history === undefined ? [] : History.decode(response.history).events;
}

type Outcome<T> = { readonly value: T } | { readonly nextRunId: string };

async function outcomeOf<T>(event: HistoryEvent, { dataConverter, outputType, followRuns }: ResultRequest): Promise<Outcome<T>> {
  const completed = event.workflowExecutionCompletedEventAttributes;
  if (completed) {
    if (followRuns && completed.newExecutionRunId) return { nextRunId: completed.newExecutionRunId };
    return { value: await decodeFromBytesAtIndex<T>(dataConverter, 0, completed.result, outputType) };
  }
  const failed = event.workflowExecutionFailedEventAttributes;
  if (failed) {
    if (followRuns && failed.newExecutionRunId) return { nextRunId: failed.newExecutionRunId };
    throw new WorkflowFailedError('Workflow execution failed', await decodeFailureBytes(dataConverter, failed.failure), retryStateOf(failed.retryState));
  }
  const canceled = event.workflowExecutionCanceledEventAttributes;
  if (canceled) {
    const failure = new CancelledFailure('Workflow canceled', await decodeDetails(dataConverter, canceled.details));
    throw new WorkflowFailedError('Workflow execution cancelled', failure, RetryState.NON_RETRYABLE_FAILURE);
  }
  const terminated = event.workflowExecutionTerminatedEventAttributes;
  if (terminated) {
    const message = terminated.reason || 'Workflow execution terminated';
    throw new WorkflowFailedError(message, new TerminatedFailure(message), RetryState.NON_RETRYABLE_FAILURE);
  }
  const timedOut = event.workflowExecutionTimedOutEventAttributes;
  if (timedOut) {
    if (followRuns && timedOut.newExecutionRunId) return { nextRunId: timedOut.newExecutionRunId };
    const message = 'Workflow execution timed out';
    const failure = new TimeoutFailure(message, undefined, TimeoutType.START_TO_CLOSE);
    throw new WorkflowFailedError(message, failure, retryStateOf(timedOut.retryState));
  }
  const continued = event.workflowExecutionContinuedAsNewEventAttributes;
  if (continued?.newExecutionRunId) {
    if (followRuns) return { nextRunId: continued.newExecutionRunId };
    throw new WorkflowContinuedAsNewError('Workflow execution continued as new', continued.newExecutionRunId);
  }
  const name = Object.entries(EventType).find(([, type]) => type === event.eventType)?.[0] ?? event.eventType;
  throw new Error(`Cannot tell the outcome of a workflow from its close event ${event.eventId} of type ${name}.`);
}

/** The error in a failure's bytes; undefined for none. */
export function decodeFailureBytes(converter: LoadedDataConverter, bytes: Encoded<Failure> | undefined): Promise<Error | undefined> {
  return decodeOptionalFailureToOptionalError(converter, bytes && Failure.decode(bytes));
}

function decodeDetails(converter: LoadedDataConverter, bytes: Encoded<Payloads> | undefined): Promise<unknown[]> {
  return decodeArrayFromBytes(converter, bytes);
}

function retryStateOf(wireNumber: number): RetryState {
  return retryStates.decode(wireNumber) ?? RetryState.NON_RETRYABLE_FAILURE;
}
