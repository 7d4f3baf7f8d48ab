/**
 * One attempt of one activity, from its task to the report that the server gets.
 *
 * Calls the user's function inside its `Context`; turns what it returns or throws into one {@link AttemptReport}; keeps heartbeats and
 * cancellation going meanwhile. It makes no completion call itself: `ActivityRunner` does, so that retrying is in one place.
 */
import {
  Code,
  RpcError,
  WorkflowService,
  type Encoded,
  type Failure,
  type Payloads,
  type PollActivityTaskQueueResponse,
} from '../../protocol/index.js';
import type { Transport } from '../../transport/transport.js';
import { ActivityCancellation, type CancellationReason } from '../activity/cancellation.js';
import { Context, asyncLocalStorage } from '../activity/context.js';
import type { ActivityInterceptorsFactory } from '../activity/interceptors.js';
import type { Client } from '../client/index.js';
import { activityTypeInfoOf, ApplicationFailure, ApplicationFailureCategory, CancelledFailure, CompleteAsyncError, mayWrite, type Logger, type LogMetadata, type MetricMeter, type Payload, type RecordMetric } from '../common/index.js';
import type { WorkerMetrics } from '../metrics/worker-metrics.js';
import { systemTime, Work, type Chance, type WorkerTime } from '../common/worker-time.js';
import { attemptMeter, AttemptInterceptors, headersOf } from './activity-interceptors.js';
import { activityInfo } from './activity-info.js';
import { Heartbeats, heartbeatIntervalMs } from './heartbeats.js';
import { activityLogAttributes, withMetadata } from './logging.js';
import type { ActivityPayloads } from './payloads.js';
import { isTransient } from './retry.js';

/** The compiler checks parameters and result where the workflow calls the activity; here they are whatever came over the wire. */
export type ActivityFunction = (...args: readonly unknown[]) => unknown;

/** What all attempts of a worker have in common. */
export interface AttemptEnvironment {
  readonly transport: Transport;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly identity: string;
  readonly activities: ReadonlyMap<string, ActivityFunction>;
  readonly interceptors?: readonly ActivityInterceptorsFactory[] | undefined;
  readonly payloads: ActivityPayloads;
  readonly logger: Logger;
  readonly client?: Client | undefined;
  readonly heartbeatThrottle: { readonly maximumMs: number; readonly defaultMs: number };
  /** The largest result or failure that the server takes, in bytes. */
  readonly blobSizeLimitBytes: number;
  /** Absent: nobody wants metrics. */
  readonly metrics?: WorkerMetrics | undefined;
  /** Default: the machine's clock. */
  readonly time?: WorkerTime | undefined;
  /** Default: the operating system's. */
  readonly chance?: Chance | undefined;
}

export type AttemptReport =
  | { readonly kind: 'completed'; readonly result: Encoded<Payloads> }
  | { readonly kind: 'failed'; readonly failure: Encoded<Failure> }
  | { readonly kind: 'cancelled'; readonly details: Encoded<Payloads> | undefined }
  /** Somebody else completes it later, or nobody waits for it any more. */
  | { readonly kind: 'nothing' };

export class ActivityAttempt {
  readonly cancellation = new ActivityCancellation();
  /** When the attempt is over for the server, on the monotonic clock; absent: never. */
  readonly deadline: number | undefined;
  readonly #environment: AttemptEnvironment;
  readonly #task: PollActivityTaskQueueResponse;
  readonly #payloads: ActivityPayloads;
  readonly #time: WorkerTime;
  readonly #startedAt: number;
  readonly #work: Work;
  #heartbeats: Heartbeats<readonly Payload[] | undefined> | undefined;
  #interceptors: AttemptInterceptors | undefined;
  #logger: Logger | undefined;
  /** The function has ended. What it left running may still call the context; that has no effect. */
  #over = false;

  constructor(task: PollActivityTaskQueueResponse, environment: AttemptEnvironment) {
    this.#task = task;
    this.#environment = environment;
    this.#payloads = environment.payloads.of(environment.namespace, task.activityId, task.workflowExecution?.workflowId);
    const timeoutMs = task.startToCloseTimeout ?? 0;
    this.#time = environment.time ?? systemTime;
    this.#startedAt = this.#time.monotonic();
    this.deadline = timeoutMs > 0 ? this.#startedAt + timeoutMs : undefined;
    this.#work = new Work(this.#time, 'activity');
  }

  /** The function is over: what is left is to tell the server, which takes nothing but time. */
  rest(): void {
    this.#work.rest();
  }

  /** It was reported, or nobody waits for it any more: what it may still do counts for nobody. */
  end(): void {
    this.#work.end();
  }

  get type(): string {
    return this.#task.activityType?.name ?? '';
  }

  /** Adds what identifies the attempt to each line. Made on demand: most attempts log nothing. */
  get logger(): Logger {
    return (this.#logger ??= this.#interceptors?.logger(this.#environment.logger, this.#identity) ?? withMetadata(this.#environment.logger, this.#identity));
  }

  get #meter(): MetricMeter {
    const { metrics, namespace, taskQueue } = this.#environment;
    const record: RecordMetric = (metric, value, tags) => metrics?.record(metric, value, tags);
    return attemptMeter(record, { namespace, taskQueue, activityType: this.type }, this.#interceptors);
  }

  get #identity(): LogMetadata {
    return activityLogAttributes(activityInfo(this.#task, this.#environment, undefined));
  }

  /** Runs the user's function. Never rejects. */
  async run(): Promise<AttemptReport> {
    try {
      const result = await this.#call();
      this.#over = true;
      this.#tell('Activity completed');
      this.#heartbeats?.close();
      if (this.cancellation.details?.notFound) return { kind: 'nothing' };
      return await this.#completed(result);
    } catch (error) {
      return await this.#ended(error);
    }
  }

  async #call(): Promise<unknown> {
    const { activities } = this.#environment;
    const activity = this.#function;
    if (activity === undefined) {
      throw ApplicationFailure.create({
        type: 'NotFoundError',
        message:
          `Activity function ${this.type} is not registered on this worker (task queue "${this.#environment.taskQueue}"). ` +
          `Registered: ${[...activities.keys()].sort().join(', ') || 'none'}.`,
      });
    }
    let input: unknown[];
    let heartbeatDetails: unknown;
    try {
      input = await this.#payloads.decode(this.#task.input, activityTypeInfoOf(activity)?.inputTypes);
      if (this.#task.heartbeatDetails !== undefined) [heartbeatDetails] = await this.#payloads.decode(this.#task.heartbeatDetails);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw ApplicationFailure.create({ message: `The arguments of activity ${this.type} cannot be decoded: ${reason}`, cause: error as Error });
    }
    const context = new Context({
      info: activityInfo(this.#task, this.#environment, heartbeatDetails),
      cancellation: this.cancellation,
      heartbeat: this.#heartbeat,
      logger: () => this.logger,
      metricMeter: this.#environment.metrics && (() => this.#meter),
      client: this.#environment.client,
      time: { setDelay: (delayMs, run) => this.#work.delay(delayMs, run) },
    });
    const factories = this.#environment.interceptors ?? [];
    if (factories.length === 0) {
      this.#tell('Activity started');
      return asyncLocalStorage.run(context, activity, ...input);
    }
    return asyncLocalStorage.run(context, async () => {
      this.#interceptors = new AttemptInterceptors(factories, context);
      this.#logger = undefined;
      this.#tell('Activity started');
      return this.#interceptors.execute(activity, input, headersOf(this.#task.header));
    });
  }

  get #function(): ActivityFunction | undefined {
    const { activities } = this.#environment;
    return activities.get(this.type) ?? activities.get('default');
  }

  get #durationMs(): number {
    return Math.round(this.#time.monotonic() - this.#startedAt);
  }

  /** How the attempt goes, for whoever wants to know. */
  #tell(message: string): void {
    if (mayWrite(this.#environment.logger, 'DEBUG')) this.logger.debug(message, { durationMs: this.#durationMs });
  }

  async #completed(result: unknown): Promise<AttemptReport> {
    const { blobSizeLimitBytes } = this.#environment;
    const encoded = await this.#payloads.encodeResult(result, activityTypeInfoOf(this.#function)?.outputType);
    if (encoded.byteLength <= blobSizeLimitBytes) return { kind: 'completed', result: encoded };
    throw ApplicationFailure.create({
      type: 'ResultTooLarge',
      nonRetryable: true,
      message:
        `The result of activity ${this.type} has ${encoded.byteLength} bytes; the server takes at most ${blobSizeLimitBytes}. ` +
        'Store the data elsewhere and return a reference to it.',
    });
  }

  async #ended(error: unknown): Promise<AttemptReport> {
    this.#over = true;
    const reason = this.cancellation.details;
    if (reason?.notFound) {
      this.#heartbeats?.close();
      return { kind: 'nothing' };
    }
    if (error instanceof CompleteAsyncError) {
      this.#tell('Activity will complete asynchronously');
      await this.#heartbeats?.flush();
      return { kind: 'nothing' };
    }
    await this.#heartbeats?.flush();
    if (reason !== undefined && isCancellation(error)) {
      // The server says so itself, in a moment. A failure that came before would be told in its place.
      if (reason.timedOut) return { kind: 'nothing' };
      // Only what the workflow asked for ends as cancelled; in all other cases the server must be free to try again.
      if (reason.cancelRequested) this.#tell('Activity completed as cancelled');
      if (reason.cancelRequested) return { kind: 'cancelled', details: await this.#cancelDetails(error) };
      if (reason.workerShutdown) return this.#failed(ApplicationFailure.retryable('The worker is shutting down', 'WorkerShutdown'));
      if (reason.paused) return this.#failed(ApplicationFailure.retryable('Activity paused', 'ActivityPause'));
      if (reason.reset) return this.#failed(ApplicationFailure.retryable('Activity reset', 'ActivityReset'));
    }
    return this.#failed(error instanceof CancelledFailure ? ofOwnAccord(error) : error);
  }

  async #failed(error: unknown): Promise<AttemptReport> {
    const { blobSizeLimitBytes } = this.#environment;
    const payloads = this.#payloads;
    // Errors that the user's own code expects are no news.
    this.logger.log(isBenign(error) ? 'DEBUG' : 'WARN', 'Activity failed', { error, durationMs: this.#durationMs });
    const failure = await payloads.encodeFailure(error).catch((conversion: unknown) =>
      payloads.encodeFailure(
        ApplicationFailure.create({
          message: `Activity ${this.type} failed with an error that cannot be converted: ${String(error)} (${String(conversion)})`,
        }),
      ),
    );
    if (failure.byteLength <= blobSizeLimitBytes) return { kind: 'failed', failure };
    // The server would refuse it for ever: keep what decides about retries, drop the details.
    const message = error instanceof Error ? error.message : String(error);
    const small = ApplicationFailure.create({
      message: `${message.slice(0, 1_000)} (details dropped: the failure had ${failure.byteLength} bytes, the server takes ${blobSizeLimitBytes})`,
      ...(error instanceof ApplicationFailure && { type: error.type ?? undefined, nonRetryable: error.nonRetryable ?? false }),
    });
    return { kind: 'failed', failure: await payloads.encodeFailure(small) };
  }

  async #cancelDetails(error: unknown): Promise<Encoded<Payloads> | undefined> {
    const details = error instanceof CancelledFailure ? error.details : undefined;
    if (details === undefined || details.length === 0) return undefined;
    try {
      return await this.#payloads.encodeValues(details);
    } catch {
      // Being cancelled matters more than its details.
      return undefined;
    }
  }

  readonly #heartbeat = (details: unknown): void => {
    if (this.#over) return;
    const { heartbeatThrottle } = this.#environment;
    let converted: readonly Payload[] | undefined;
    try {
      converted = this.#payloads.convertHeartbeat(details);
    } catch (error) {
      this.logger.error('Heartbeat details cannot be converted, cancelling the activity', { error });
      this.cancellation.request('HEARTBEAT_DETAILS_CONVERSION_FAILED');
      return;
    }
    this.#heartbeats ??= new Heartbeats({
      intervalMs: heartbeatIntervalMs(this.#task.heartbeatTimeout ?? 0, heartbeatThrottle),
      send: (latest) => this.#sendHeartbeat(latest),
      time: this.#time,
    });
    this.#heartbeats.record(converted);
  };

  async #sendHeartbeat(details: readonly Payload[] | undefined): Promise<void> {
    const { transport, namespace, identity } = this.#environment;
    const request = { taskToken: this.#task.taskToken, namespace, identity, details: await this.#payloads.encodeHeartbeat(details) };
    try {
      const reply = await transport.call(WorkflowService.RecordActivityTaskHeartbeat, request, { timeoutMs: 10_000 });
      if (!reply.cancelRequested && !reply.activityPaused && !reply.activityReset) return;
      const reason: CancellationReason = reply.cancelRequested ? 'CANCELLED' : reply.activityPaused ? 'PAUSED' : 'RESET';
      this.cancellation.request(reason, {
        cancelRequested: reply.cancelRequested,
        paused: reply.activityPaused,
        reset: reply.activityReset,
      });
    } catch (error) {
      if (error instanceof RpcError && error.code === Code.NOT_FOUND) {
        this.cancellation.request('NOT_FOUND', { notFound: true });
        this.#work.end();
        return;
      }
      if (isTransient(error)) throw error;
      this.logger.warn('The server refused a heartbeat', { error });
    }
  }
}

/** Nobody asked for it: servers refuse an attempt that fails as cancelled, and it would end by its timeout. */
function ofOwnAccord({ message, cause }: CancelledFailure): ApplicationFailure {
  return ApplicationFailure.create({ message, type: 'CancelledFailure', ...(cause && { cause }) });
}

function isBenign(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.category === ApplicationFailureCategory.BENIGN;
}

/** The failure that the cancellation caused, or what a library threw because its signal was aborted. */
function isCancellation(error: unknown): boolean {
  return error instanceof CancelledFailure || (error instanceof Error && error.name === 'AbortError');
}
