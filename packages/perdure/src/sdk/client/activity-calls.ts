/**
 * The requests that an activity client makes, each from the input that interceptors see to what users get. Request ids are chosen here,
 * before the first attempt, so a request that is sent twice takes effect once.
 */
import {
  ActivityExecutionAlreadyStartedFailure,
  Code,
  NamespaceNotFoundFailure,
  RpcError,
  WorkflowService,
  type Init,
  type Method,
  type PollActivityExecutionResponse,
} from '../../protocol/index.js';
import { decodeFromBytesAtIndex, decodeSearchAttributeValue, msOptionalToNumber, NamespaceNotFoundError } from '../common/index.js';
import { inActivity } from '../common/serialization-context.js';
import { sleepOn, systemTime } from '../common/worker-time.js';
import { describedActivity, listedActivity, type ActivityExecutionDescription, type ActivityExecutionInfo } from './activity-description.js';
import type {
  ActivityCancelInput,
  ActivityCountInput,
  ActivityDescribeInput,
  ActivityGetResultInput,
  ActivityListInput,
  ActivityPauseInput,
  ActivityRestoreOriginalOptionsInput,
  ActivityStartInput,
  ActivityTerminateInput,
  ActivityUnpauseInput,
  ActivityUpdateOptionsInput,
  CountActivityExecutions,
} from './activity-interceptors.js';
import { decodeOptions, encodeOptionsUpdate, startActivityRequest, type ActivityOptionsUpdateResult } from './activity-options.js';
import { extrasOf } from './call-extras.js';
import type { RequestOptions } from './connection.js';
import { ActivityExecutionAlreadyStartedError, ActivityExecutionFailedError, ActivityNotFoundError, ServiceError } from './errors.js';
import { PATIENT_RETRY } from './retry.js';
import { headerOf, type CallContext } from './workflow-calls.js';
import { decodeFailureBytes } from './workflow-result.js';

/** More than a server holds a poll. A poll without answer for so long is lost, and made again. */
const POLL_TIMEOUT_MS = 70_000;
/** Between polls that were answered at once and without outcome, which a server should not do. */
const EMPTY_POLL_PAUSE_MS = 1_000;

export class ActivityCalls {
  readonly #context: CallContext;

  constructor(context: CallContext) {
    this.#context = context;
  }

  /** Gives the run id. */
  async start({ activityType, options, headers }: ActivityStartInput): Promise<string> {
    if (!activityType) throw new TypeError('An activity is started by its name, or by its function.');
    const request = { ...(await startActivityRequest(activityType, options, this.#context)), header: headerOf(headers) };
    try {
      const { runId, link } = await this.#context.connection.call(WorkflowService.StartActivityExecution, request);
      const extras = extrasOf(options);
      if (extras !== undefined) extras.responseLink = link;
      return runId;
    } catch (error) {
      const existing = error instanceof RpcError && error.code === Code.ALREADY_EXISTS ? error.detail(ActivityExecutionAlreadyStartedFailure) : undefined;
      if (existing !== undefined) throw new ActivityExecutionAlreadyStartedError('Activity execution already started', options.id, existing.runId);
      return this.#rethrow(error, 'Failed to start activity');
    }
  }

  async getResult(input: ActivityGetResultInput): Promise<unknown> {
    const dataConverter = inActivity(this.#context.dataConverter, this.#context.namespace, input.activityId);
    const { outcome, runId } = await this.#poll(input);
    if (outcome?.failure === undefined) return decodeFromBytesAtIndex(dataConverter, 0, outcome?.result, input.outputType);
    const cause = await decodeFailureBytes(dataConverter, outcome.failure);
    throw new ActivityExecutionFailedError('Activity execution failed', cause, input.activityId, runId || input.activityRunId || undefined);
  }

  /** Until the activity has ended. The server holds each request for some seconds. */
  async #poll(input: ActivityGetResultInput): Promise<PollActivityExecutionResponse> {
    const time = this.#context.connection.time ?? systemTime;
    for (;;) {
      const startedAt = time.monotonic();
      try {
        const options = { attemptTimeoutMs: POLL_TIMEOUT_MS, retry: PATIENT_RETRY };
        const response = await this.#request(WorkflowService.PollActivityExecution, this.#about(input), 'Failed to get activity result', options);
        if (response.outcome !== undefined) return response;
      } catch (error) {
        // Only if the poll's own limit passed, not the caller's deadline.
        const isOwnLimit = error instanceof ServiceError && error.code === Code.DEADLINE_EXCEEDED && time.monotonic() - startedAt >= POLL_TIMEOUT_MS - 100;
        if (!isOwnLimit) throw error;
      }
      if (time.monotonic() - startedAt < EMPTY_POLL_PAUSE_MS) await sleepOn(time, EMPTY_POLL_PAUSE_MS, undefined);
    }
  }

  async describe(input: ActivityDescribeInput): Promise<ActivityExecutionDescription> {
    const request = { ...this.#about(input), ...input.options };
    const response = await this.#request(WorkflowService.DescribeActivityExecution, request, 'Failed to describe activity');
    return describedActivity(response, inActivity(this.#context.dataConverter, this.#context.namespace, input.activityId));
  }

  async cancel(input: ActivityCancelInput): Promise<void> {
    const request = { ...this.#changing(input), reason: input.reason };
    await this.#request(WorkflowService.RequestCancelActivityExecution, request, 'Failed to request activity cancellation');
  }

  async terminate(input: ActivityTerminateInput): Promise<void> {
    const request = { ...this.#changing(input), reason: input.reason };
    await this.#request(WorkflowService.TerminateActivityExecution, request, 'Failed to terminate activity');
  }

  async pause(input: ActivityPauseInput): Promise<void> {
    const request = { ...this.#changing(input), reason: input.options.reason };
    await this.#request(WorkflowService.PauseActivityExecution, request, 'Failed to pause activity');
  }

  async unpause(input: ActivityUnpauseInput): Promise<void> {
    const { reason, jitter } = input.options;
    const request = { ...this.#changing(input), reason, jitter: msOptionalToNumber(jitter) };
    await this.#request(WorkflowService.UnpauseActivityExecution, request, 'Failed to unpause activity');
  }

  async updateOptions(input: ActivityUpdateOptionsInput): Promise<ActivityOptionsUpdateResult> {
    const request = { ...this.#changing(input), ...encodeOptionsUpdate(input.options) };
    const { activityOptions } = await this.#request(WorkflowService.UpdateActivityExecutionOptions, request, 'Failed to update activity options');
    return decodeOptions(activityOptions);
  }

  async restoreOriginalOptions(input: ActivityRestoreOriginalOptionsInput): Promise<ActivityOptionsUpdateResult> {
    const request = { ...this.#changing(input), restoreOriginal: true };
    const { activityOptions } = await this.#request(WorkflowService.UpdateActivityExecutionOptions, request, 'Failed to restore activity options');
    return decodeOptions(activityOptions);
  }

  async *list({ query }: ActivityListInput): AsyncGenerator<ActivityExecutionInfo, void, undefined> {
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const request = { namespace: this.#context.namespace, query, nextPageToken };
      const page = await this.#request(WorkflowService.ListActivityExecutions, request, 'Failed to list activities');
      for (const info of page.executions) yield listedActivity(info);
      nextPageToken = page.nextPageToken;
    } while (nextPageToken.byteLength > 0);
  }

  async count({ query }: ActivityCountInput): Promise<CountActivityExecutions> {
    const { namespace } = this.#context;
    const { count, groups } = await this.#request(WorkflowService.CountActivityExecutions, { namespace, query }, 'Failed to count activities');
    // Values of search attributes: neither codecs nor converters have a part in them.
    return { count, groups: groups.map((group) => ({ count: group.count, groupValues: group.groupValues.map(decodeSearchAttributeValue) })) };
  }

  #about({ activityId, activityRunId }: { readonly activityId: string; readonly activityRunId: string }) {
    return { namespace: this.#context.namespace, activityId, runId: activityRunId };
  }

  #changing(input: { readonly activityId: string; readonly activityRunId: string }) {
    const { identity, connection } = this.#context;
    return { ...this.#about(input), identity, requestId: connection.newId() };
  }

  async #request<Request, Response>(method: Method<Request, Response>, request: Init<Request>, what: string, options?: RequestOptions): Promise<Response> {
    try {
      return await this.#context.connection.call(method, request, options);
    } catch (error) {
      return this.#rethrow(error, what);
    }
  }

  #rethrow(error: unknown, what: string): never {
    if (!(error instanceof RpcError)) throw error;
    if (error.code === Code.NOT_FOUND) {
      if (error.detail(NamespaceNotFoundFailure) !== undefined) throw new NamespaceNotFoundError(this.#context.namespace);
      throw new ActivityNotFoundError(error.message || 'Activity not found', { cause: error });
    }
    throw new ServiceError(`${what}: ${error.message || `code ${error.code}`}`, { cause: error });
  }
}
