/** Ends activities from outside of their worker: those that threw `CompleteAsyncError`, by task token or by ids. */
import { Code, Failure, NamespaceNotFoundFailure, RpcError, WorkflowService } from '../../protocol/index.js';
import {
  encodeArgumentsToBytes,
  encodeErrorToFailure,
  encodeToBytes,
  ensureTemporalFailure,
  NamespaceNotFoundError,
  type ActivitySerializationContext,
  type LoadedDataConverter,
  type PayloadTypeInfo,
} from '../common/index.js';
import { inActivity, inContext } from '../common/serialization-context.js';
import { BaseClient } from './base-client.js';
import {
  ActivityCancelledError,
  ActivityCompletionError,
  ActivityNotFoundError,
  ActivityPausedError,
  ActivityResetError,
} from './errors.js';

/** An activity by ids, instead of by its task token. */
export interface FullActivityId {
  /** Default: no workflow started it. */
  workflowId?: string;
  /** Default: the latest run of the workflow, or of an activity without one. */
  runId?: string;
  activityId: string;
}

type ActivityAddress = Uint8Array | FullActivityId;

export interface AsyncCompletionOperationOptions {
  /** Whose payloads the data converter is told to convert, with a task token. Ids say it themselves. Default: it is not told. */
  serializationContext?: ActivitySerializationContext;
}

export interface AsyncCompletionCompleteOptions extends AsyncCompletionOperationOptions {
  /** How the result travels. Default: as it is. */
  typeInfo?: Pick<PayloadTypeInfo, 'outputType'>;
}

/**
 * All methods take the task token or the ids of an activity, and throw {@link ActivityNotFoundError} if no such activity runs and
 * {@link ActivityCompletionError} if the server cannot be asked.
 *
 * @example await client.activity.complete(taskToken, result);
 */
export class AsyncCompletionClient extends BaseClient {
  /** Completes the activity with a result. */
  async complete(activity: ActivityAddress, result: unknown, options: AsyncCompletionCompleteOptions = {}): Promise<void> {
    const { outputType } = options.typeInfo ?? {};
    const encoded = await encodeArgumentsToBytes(this.#converterFor(activity, options), [result], outputType && [outputType]);
    const request = { ...this.#common(), result: encoded };
    await this.#reported(
      activity instanceof Uint8Array
        ? this.call(WorkflowService.RespondActivityTaskCompleted, { ...request, taskToken: activity })
        : this.call(WorkflowService.RespondActivityTaskCompletedById, { ...request, ...activity }),
    );
  }

  /** Fails the attempt; the retry policy decides about another one. */
  async fail(activity: ActivityAddress, error: unknown, options?: AsyncCompletionOperationOptions): Promise<void> {
    const failure = Failure.encode(await encodeErrorToFailure(this.#converterFor(activity, options), ensureTemporalFailure(error)));
    const request = { ...this.#common(), failure };
    await this.#reported(
      activity instanceof Uint8Array
        ? this.call(WorkflowService.RespondActivityTaskFailed, { ...request, taskToken: activity })
        : this.call(WorkflowService.RespondActivityTaskFailedById, { ...request, ...activity }),
    );
  }

  /** Says that the activity ended because its cancellation was requested. */
  async reportCancellation(activity: ActivityAddress, details?: unknown, options?: AsyncCompletionOperationOptions): Promise<void> {
    const request = { ...this.#common(), details: await this.#details(activity, details, options) };
    await this.#reported(
      activity instanceof Uint8Array
        ? this.call(WorkflowService.RespondActivityTaskCanceled, { ...request, taskToken: activity })
        : this.call(WorkflowService.RespondActivityTaskCanceledById, { ...request, ...activity }),
    );
  }

  /**
   * Says that the activity is alive.
   *
   * @throws ActivityCancelledError, ActivityPausedError or ActivityResetError if it should stop.
   */
  async heartbeat(activity: ActivityAddress, details?: unknown, options?: AsyncCompletionOperationOptions): Promise<void> {
    const request = { ...this.#common(), details: await this.#details(activity, details, options) };
    const answer = await this.#reported(
      activity instanceof Uint8Array
        ? this.call(WorkflowService.RecordActivityTaskHeartbeat, { ...request, taskToken: activity })
        : this.call(WorkflowService.RecordActivityTaskHeartbeatById, { ...request, ...activity }),
    );
    if (answer.cancelRequested) throw new ActivityCancelledError('The cancellation of the activity was requested.');
    if (answer.activityReset) throw new ActivityResetError('The activity was reset.');
    if (answer.activityPaused) throw new ActivityPausedError('The activity was paused.');
  }

  #common() {
    return { namespace: this.namespace, identity: this.identity };
  }

  async #details(activity: ActivityAddress, details: unknown, options: AsyncCompletionOperationOptions | undefined) {
    return details === undefined ? undefined : encodeToBytes(this.#converterFor(activity, options), details);
  }

  #converterFor(activity: ActivityAddress, options: AsyncCompletionOperationOptions | undefined): LoadedDataConverter {
    if (activity instanceof Uint8Array) return inContext(this.dataConverter, options?.serializationContext);
    return inActivity(this.dataConverter, this.namespace, activity.activityId, activity.workflowId);
  }

  async #reported<Response>(call: Promise<Response>): Promise<Response> {
    try {
      return await call;
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      if (error.code === Code.NOT_FOUND) {
        if (error.detail(NamespaceNotFoundFailure) !== undefined) throw new NamespaceNotFoundError(this.namespace);
        throw new ActivityNotFoundError(error.message || 'Activity not found', { cause: error });
      }
      throw new ActivityCompletionError(error.message, { cause: error });
    }
  }
}
