/**
 * One local activity: its attempts, its timeouts, its end.
 *
 * ```
 *  waiting for a place ──► running ──succeeded | not to be retried──► over
 *        ▲                    └──failed, retried soon──► backing off ──┐
 *        └─────────────────────────────────────────────────────────────┘
 * ```
 * From every state it can end at once: schedule-to-close has passed, it was cancelled while it did not run, nobody waits any more. A
 * function that goes on after that has no effect; its context tells it to stop. A retry that is due later than the threshold is not
 * made here: the workflow is told the backoff and starts the next attempt itself. Made and driven by `LocalActivityRunner`.
 */
import { Failure, TimeoutType, type ApplicationFailureInfo } from '../../protocol/index.js';
import { ActivityCancellation } from '../activity/cancellation.js';
import { asyncLocalStorage, Context } from '../activity/context.js';
import type { Info } from '../activity/info.js';
import { systemTime, Work, type WorkerTime } from '../common/worker-time.js';
import { activityTypeInfoOf, ApplicationFailure, CancelledFailure, CompleteAsyncError, fromPayloadWithTypeInfo, toPayloadWithTypeInfo, type Logger, type MetricMeter, type RecordMetric } from '../common/index.js';
import type { LocalActivityOutcome, LocalActivityRequest, LocalActivityResolution, RunningLocalActivity } from '../replay/local-activities.js';
import { activityContext, inContext } from '../common/serialization-context.js';
import { retryDelayMs } from './local-activity-retry.js';
import { attemptMeter, AttemptInterceptors, headersFrom } from './activity-interceptors.js';
import { localActivityInfo } from './activity-info.js';
import type { LocalActivityEnvironment } from './local-activity-runner.js';
import { activityLogAttributes, withMetadata } from './logging.js';

const DEFAULT_RETRY_THRESHOLD_MS = 60_000;

interface Surroundings {
  /** It would run now. The answer is a call of `run`, at once or later. */
  wantsPlace(): void;
  /** It does not run any more, or gave up waiting. */
  leavesPlace(): void;
  done(resolution: LocalActivityResolution): void;
}

export class LocalActivity implements RunningLocalActivity {
  readonly #request: LocalActivityRequest;
  readonly #environment: LocalActivityEnvironment;
  readonly #surroundings: Surroundings;
  readonly #scheduledAtMs: number;
  readonly #time: WorkerTime;
  #attempt: number;
  #startedAtMs = 0;
  #over = false;
  #cancelRequested = false;
  /** Of the attempt that runs. */
  #cancellation: ActivityCancellation | undefined;
  /** Of the attempt that runs. */
  #interceptors: AttemptInterceptors | undefined;
  /** Of the attempt that runs. */
  #work: Work | undefined;
  #wholeTimer: { cancel(): void } | undefined;
  /** Of the attempt, of the wait for a place, or of the backoff. */
  #stepTimer: { cancel(): void } | undefined;

  constructor(request: LocalActivityRequest, environment: LocalActivityEnvironment, surroundings: Surroundings) {
    this.#request = request;
    this.#environment = environment;
    this.#surroundings = surroundings;
    this.#time = environment.time ?? systemTime;
    this.#scheduledAtMs = request.originalScheduleTimeMs ?? this.#time.now();
    this.#attempt = request.attempt;
  }

  get activityType(): string {
    return this.#request.activityType;
  }

  schedule(): void {
    const { scheduleToCloseTimeoutMs, scheduleToStartTimeoutMs } = this.#request;
    if (scheduleToCloseTimeoutMs !== undefined) {
      // A retry that a timer waited for may come too late already.
      const leftMs = Math.max(0, this.#scheduledAtMs + scheduleToCloseTimeoutMs - this.#time.now());
      this.#wholeTimer = this.#time.setDelay(leftMs, () => this.#end(timedOut(TimeoutType.SCHEDULE_TO_CLOSE)));
    }
    if (scheduleToStartTimeoutMs !== undefined) {
      this.#stepTimer = this.#time.setDelay(scheduleToStartTimeoutMs, () => this.#end(timedOut(TimeoutType.SCHEDULE_TO_START)));
    }
    this.#surroundings.wantsPlace();
  }

  cancel(): void {
    this.#cancelRequested = true;
    if (this.#cancellation !== undefined) this.#cancellation.request('CANCELLED', { cancelRequested: true });
    else setImmediate(() => this.#end(cancelled()));
  }

  abandon(): void {
    this.#close();
    this.#cancellation?.request('WORKER_SHUTDOWN', { workerShutdown: true });
  }

  /** Makes an attempt. */
  run(): void {
    const cancellation = new ActivityCancellation();
    this.#cancellation = cancellation;
    this.#startedAtMs = this.#time.monotonic();
    this.#work = new Work(this.#time, 'activity');
    this.#stepTimer?.cancel();
    const { startToCloseTimeoutMs } = this.#request;
    if (startToCloseTimeoutMs !== undefined) {
      this.#stepTimer = this.#time.setDelay(startToCloseTimeoutMs, () => {
        cancellation.request('TIMED_OUT', { timedOut: true });
        this.#attemptEnded(cancellation, timedOut(TimeoutType.START_TO_CLOSE));
      });
    }
    void this.#call(cancellation).then((outcome) => this.#attemptEnded(cancellation, outcome));
  }

  async #call(cancellation: ActivityCancellation): Promise<LocalActivityOutcome> {
    const { dataConverter, namespace, activities, client } = this.#environment;
    const { activityType, activityId, workflowId, input } = this.#request;
    const { payloadConverter, failureConverter } = inContext(dataConverter, activityContext(namespace, activityId, workflowId, true));
    try {
      const activity = activities.get(activityType) ?? activities.get('default');
      if (activity === undefined) throw ApplicationFailure.nonRetryable(`Activity function ${activityType} is not registered on this worker`, 'NotFoundError');
      const typeInfo = activityTypeInfoOf(activity);
      const args = input.map((payload, index) => fromPayloadWithTypeInfo<unknown>(payloadConverter, payload, undefined, typeInfo?.inputTypes?.[index]));
      const context = new Context({
        info: this.#info(),
        cancellation,
        // The server knows nothing of it, so there is nobody to tell.
        heartbeat: () => undefined,
        logger: () => this.#logger(),
        metricMeter: this.#environment.metrics && (() => this.#meter()),
        client,
        time: { setDelay: this.#setDelay },
      });
      const { interceptors = [] } = this.#environment;
      const result = await asyncLocalStorage.run(context, async () => {
        if (interceptors.length === 0) return activity(...args);
        const around = new AttemptInterceptors(interceptors, context);
        this.#interceptors = around;
        return around.execute(activity, args, headersFrom(this.#request.headers));
      });
      return { kind: 'completed', result: toPayloadWithTypeInfo(payloadConverter, result, undefined, typeInfo?.outputType) };
    } catch (thrown) {
      const error = thrown instanceof CompleteAsyncError ? ApplicationFailure.nonRetryable('A local activity cannot be completed from outside') : thrown;
      if (this.#cancelRequested && error instanceof CancelledFailure) return { kind: 'cancelled', failure: failureConverter.errorToFailure(error, payloadConverter) };
      if (!this.#over) this.#logger().warn('Local activity failed', { error });
      return { kind: 'failed', failure: failureConverter.errorToFailure(error, payloadConverter) };
    }
  }

  /** While the function sleeps it is not at work. */
  readonly #setDelay = (delayMs: number, run: () => void): { cancel(): void } => {
    return this.#work?.delay(delayMs, run) ?? this.#time.setDelay(delayMs, run);
  };

  #attemptEnded(cancellation: ActivityCancellation, outcome: LocalActivityOutcome): void {
    // An attempt that timed out may end later, while another runs.
    if (this.#over || this.#cancellation !== cancellation) return;
    this.#work?.end();
    const { metrics } = this.#environment;
    const { activityType, workflowType } = this.#request;
    metrics?.localActivityEnded({ activityType, workflowType }, outcome.kind, this.#time.monotonic() - this.#startedAtMs, this.#time.now() - this.#scheduledAtMs);
    const delayMs = this.#cancelRequested ? undefined : this.#retryDelayMs(outcome);
    if (delayMs === undefined) return this.#end(outcome);
    if (delayMs > (this.#request.localRetryThresholdMs ?? DEFAULT_RETRY_THRESHOLD_MS)) return this.#end(outcome, delayMs);
    this.#cancellation = undefined;
    this.#stepTimer?.cancel();
    this.#surroundings.leavesPlace();
    this.#stepTimer = this.#time.setDelay(delayMs, () => {
      this.#attempt += 1;
      this.#surroundings.wantsPlace();
    });
  }

  #retryDelayMs(outcome: LocalActivityOutcome): number | undefined {
    if (outcome.kind !== 'failed' && outcome.kind !== 'timed-out') return undefined;
    const failure: ApplicationFailureInfo | undefined = outcome.failure.applicationFailureInfo;
    return retryDelayMs(this.#request.retryPolicy, this.#attempt, failure);
  }

  #end(outcome: LocalActivityOutcome, backoffMs?: number): void {
    if (this.#over) return;
    const runtimeMs = this.#cancellation === undefined ? 0 : this.#time.monotonic() - this.#startedAtMs;
    // A function that still runs has run out of time.
    if (outcome.kind === 'timed-out') this.#cancellation?.request('TIMED_OUT', { timedOut: true });
    this.#close();
    this.#surroundings.done({ outcome, attempt: this.#attempt, runtimeMs, backoffMs, originalScheduleTimeMs: this.#scheduledAtMs });
  }

  #close(): void {
    this.#over = true;
    this.#work?.end();
    this.#wholeTimer?.cancel();
    this.#stepTimer?.cancel();
    this.#surroundings.leavesPlace();
  }

  #logger(): Logger {
    const { logger } = this.#environment;
    const identity = activityLogAttributes(this.#info());
    return this.#interceptors?.logger(logger, identity) ?? withMetadata(logger, identity);
  }

  #meter(): MetricMeter {
    const { metrics, namespace, taskQueue } = this.#environment;
    const record: RecordMetric = (metric, value, tags) => metrics?.record(metric, value, tags);
    return attemptMeter(record, { namespace, taskQueue, activityType: this.#request.activityType }, this.#interceptors);
  }

  #info(): Info {
    return localActivityInfo(this.#request, this.#attempt, this.#scheduledAtMs, this.#environment);
  }
}

function timedOut(timeoutType: TimeoutType): LocalActivityOutcome {
  return { kind: 'timed-out', failure: Failure.create({ message: 'Activity timed out', timeoutFailureInfo: { timeoutType } }) };
}

function cancelled(): LocalActivityOutcome {
  return { kind: 'cancelled', failure: Failure.create({ message: 'Activity cancelled', canceledFailureInfo: {} }) };
}
