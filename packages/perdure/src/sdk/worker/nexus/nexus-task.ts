/**
 * One Nexus task, from its message to its answer.
 *
 * Calls the handler inside its context; turns what it returns or throws into one {@link TaskAnswer}. It makes no call itself: `NexusRunner`
 * does, so that retrying is in one place. The request of the caller has a deadline, which is short; the operation has another, which is not
 * known here. At the deadline the handler is told by its abort signal, and nobody waits for the answer any more.
 */
import type { CancelOperationContext, HandlerStartOperationResult, OperationContext, ServiceHandler, StartOperationContext } from 'nexus-rpc';
import { HandlerError } from 'nexus-rpc/lib/common/handler-error.js';
import { OperationError } from 'nexus-rpc/lib/common/operation-error.js';
import { Payload, type Init, type NexusResponse, type PollNexusTaskQueueResponse, type RespondNexusTaskFailedRequest, type StartOperationRequest } from '../../../protocol/index.js';
import type { Client } from '../../client/index.js';
import { CancelledFailure, composeInterceptors, noopMetricMeter, RecordingMeter, type LoadedDataConverter, type Logger, type LogMetadata, type MetricMeter } from '../../common/index.js';
import { systemTime, type WorkerTime } from '../../common/worker-time.js';
import type { WorkerMetrics } from '../../metrics/worker-metrics.js';
import { handlerContexts } from '../../nexus/context.js';
import type { NexusInboundCallsInterceptor, NexusInterceptorsFactory, NexusOutboundCallsInterceptor } from '../../nexus/interceptors.js';
import { withMetadata } from '../logging.js';
import { failedOperation, handlerFailure } from './answers.js';
import { asHandlerError } from './handler-errors.js';
import { decodeInput, encodeOutput } from './nexus-payloads.js';
import { operationContext, requestTimeoutMs, startParts, wireLinks } from './operation-context.js';

/** What all Nexus tasks of a worker have in common. */
export interface NexusEnvironment {
  readonly namespace: string;
  readonly taskQueue: string;
  /** By the name of the service. */
  readonly services: ReadonlyMap<string, ServiceHandler>;
  readonly interceptors: readonly NexusInterceptorsFactory[];
  readonly dataConverter: LoadedDataConverter;
  readonly client: Client;
  readonly logger: Logger;
  /** The largest result that the server takes, in bytes. */
  readonly blobSizeLimitBytes: number;
  /** Absent: nobody wants metrics. */
  readonly metrics?: WorkerMetrics | undefined;
  /** Default: the machine's clock. */
  readonly time?: WorkerTime | undefined;
}

export type TaskAnswer =
  | { readonly kind: 'completed'; readonly response: Init<NexusResponse> }
  /** `reason` is for metrics. */
  | { readonly kind: 'operation-failed'; readonly response: Init<NexusResponse>; readonly reason: string }
  | { readonly kind: 'handler-failed'; readonly failure: Pick<Init<RespondNexusTaskFailedRequest>, 'failure' | 'error'>; readonly reason: string };

type Handler = ReturnType<ServiceHandler['getOperationHandler']>;

export class NexusTask {
  readonly #task: PollNexusTaskQueueResponse;
  readonly #environment: NexusEnvironment;
  readonly #abort = new AbortController();
  /** How long the caller's server waits, from now; undefined if it does not say. */
  readonly timeoutMs: number | undefined;
  #inbound: NexusInboundCallsInterceptor[] = [];
  #outbound: NexusOutboundCallsInterceptor[] = [];

  constructor(task: PollNexusTaskQueueResponse, environment: NexusEnvironment) {
    this.#task = task;
    this.#environment = environment;
    this.timeoutMs = task.request && requestTimeoutMs(task.request.header);
  }

  get service(): string {
    return (this.#task.request?.startOperation ?? this.#task.request?.cancelOperation)?.service ?? '';
  }

  get operation(): string {
    return (this.#task.request?.startOperation ?? this.#task.request?.cancelOperation)?.operation ?? '';
  }

  /** Tells the handler that it should stop. */
  abort(reason: 'TIMED_OUT' | 'WORKER_SHUTDOWN'): void {
    this.#abort.abort(new CancelledFailure(reason));
  }

  get logger(): Logger {
    const { logger, namespace, taskQueue } = this.#environment;
    const attributes: LogMetadata = { sdkComponent: 'nexus', namespace, taskQueue, service: this.service, operation: this.operation };
    return withMetadata(logger, () => composeInterceptors(this.#outbound, 'getLogAttributes', (unchanged) => unchanged)({ ...attributes }));
  }

  get #meter(): MetricMeter {
    const { metrics, namespace, taskQueue } = this.#environment;
    if (metrics === undefined) return noopMetricMeter;
    const tags = { namespace, taskQueue, service: this.service, operation: this.operation };
    return new RecordingMeter(metrics.record, () => composeInterceptors(this.#outbound, 'getMetricTags', (unchanged) => unchanged)({ ...tags }));
  }

  /** Runs the user's handler. Rejects only if not even a failure can be written. */
  async run(): Promise<TaskAnswer> {
    const { dataConverter } = this.#environment;
    const takesFailures = this.#task.request?.capabilities?.temporalFailureResponses ?? false;
    try {
      return { kind: 'completed', response: await this.#handled() };
    } catch (error) {
      if (error instanceof OperationError) return { kind: 'operation-failed', response: await failedOperation(dataConverter, error, takesFailures), reason: `operation_${error.state}` };
      const handlerError = asHandlerError(error);
      this.logger.warn('The handler of a Nexus operation failed', { error });
      return { kind: 'handler-failed', failure: await handlerFailure(dataConverter, handlerError, takesFailures), reason: `handler_error_${handlerError.type}` };
    }
  }

  async #handled(): Promise<Init<NexusResponse>> {
    const { client, namespace, taskQueue, time = systemTime, interceptors } = this.#environment;
    const { request } = this.#task;
    const { signal } = this.#abort;
    const context = operationContext(request, signal, this.timeoutMs === undefined ? undefined : time.now() + this.timeoutMs);
    const surroundings = { client, namespace, taskQueue, endpoint: request?.endpoint ?? '', log: this.logger, metricMeter: this.#meter };
    // Calls that the handler makes with that client end with the request.
    return client.withAbortSignal(signal, () =>
      handlerContexts.run(surroundings, async () => {
        for (const factory of interceptors) {
          const { inbound, outbound } = factory(context);
          if (inbound !== undefined) this.#inbound.push(inbound);
          if (outbound !== undefined) this.#outbound.push(outbound);
        }
        if (request?.startOperation !== undefined) return this.#start(context, request.startOperation);
        await this.#cancel(context, request?.cancelOperation?.operationToken || (request?.cancelOperation?.operationId ?? ''));
        return { cancelOperation: {} };
      }),
    );
  }

  async #start(context: OperationContext, request: StartOperationRequest): Promise<Init<NexusResponse>> {
    const startContext: StartOperationContext = { ...context, ...startParts(request) };
    const handler = this.#handlerOf(context);
    const { dataConverter } = this.#environment;
    const input = await decodeInput(dataConverter, request.payload, handler.inputType);
    const call = composeInterceptors(this.#inbound, 'startOperation', async (given) => ({ result: await handler.start(given.ctx, given.input) }));
    const { result }: { readonly result: HandlerStartOperationResult<unknown> } = await call({ ctx: startContext, input });
    const links = wireLinks(startContext.outboundLinks);
    if (result.isAsync) return { startOperation: { asyncSuccess: { operationToken: result.token, operationId: result.token, links } } };
    const payload = await encodeOutput(dataConverter, result.value, handler.outputType);
    const { blobSizeLimitBytes } = this.#environment;
    const bytes = Payload.encode(payload).byteLength;
    if (bytes > blobSizeLimitBytes) {
      throw new HandlerError('INTERNAL', `The result of operation ${context.operation} has ${bytes} bytes, and the namespace takes at most ${blobSizeLimitBytes}. Return a reference to data that is stored elsewhere.`, { retryableOverride: false });
    }
    return { startOperation: { syncSuccess: { payload, links } } };
  }

  async #cancel(context: CancelOperationContext, token: string): Promise<void> {
    if (token === '') throw new HandlerError('BAD_REQUEST', 'The request names no operation token.');
    const handler = this.#handlerOf(context);
    await composeInterceptors(this.#inbound, 'cancelOperation', (given) => handler.cancel(given.ctx, given.token))({ ctx: context, token });
  }

  /** @throws HandlerError that names what there is. */
  #handlerOf({ service, operation }: OperationContext): Handler {
    const { services } = this.#environment;
    const handler = services.get(service);
    if (handler !== undefined) return handler.getOperationHandler(operation);
    throw new HandlerError('NOT_FOUND', `No service handler registered for service name '${service}' on task queue "${this.#environment.taskQueue}". Registered: ${[...services.keys()].sort().join(', ')}.`);
  }
}
