/**
 * Runs activity tasks and reports how they ended.
 *
 * Owns the slot of each task from `start` on, whatever happens. A report is retried for minutes, because losing it means that finished
 * work is done again; one that the server no longer wants (NOT_FOUND: timed out, or the workflow is closed) is dropped.
 * Called by the activity poller, and by workflow tasks for eager activities.
 */
import { setMaxListeners } from 'node:events';
import { WorkflowService, type Init, type Method, type PollActivityTaskQueueResponse } from '../../protocol/index.js';
import type { CancellationReason, ActivityCancellationDetailsOptions } from '../activity/cancellation.js';
import { ActivityAttempt, type AttemptEnvironment, type AttemptReport } from './activity-attempt.js';
import { systemTime, type WorkerTime } from '../common/worker-time.js';
import { callWithRetry, isNotFound } from './retry.js';
import type { Slot, SlotSource } from './slots/slots.js';

/** How long the report of a finished attempt is retried. */
const REPORT_FOR_MS = 10 * 60_000;
/** Attempts that are past their start-to-close timeout are told at most this often. */
const SWEEP_EVERY_MS = 1_000;
/** The platform's timers overflow; looking once too often is harmless. */
const LONGEST_SWEEP_MS = 86_400_000;

export class ActivityRunner {
  readonly #environment: AttemptEnvironment;
  readonly #slots: SlotSource;
  readonly #giveUp = new AbortController();
  readonly #attempts = new Set<ActivityAttempt>();
  /** Attempts that have ended. */
  readonly counts = { processed: 0, failed: 0 };
  #running = 0;
  #idle: (() => void)[] = [];
  readonly #time: WorkerTime;
  #sweeper: { readonly at: number; readonly timer: { cancel(): void } } | undefined;

  constructor(environment: AttemptEnvironment, slots: SlotSource) {
    this.#environment = environment;
    this.#slots = slots;
    this.#time = environment.time ?? systemTime;
    // One listener per report that waits for its next try, which is no leak.
    setMaxListeners(0, this.#giveUp.signal);
  }

  /** Activities that run, or that ended and are being reported. */
  get inFlight(): number {
    return this.#running;
  }

  has(type: string): boolean {
    return this.#environment.activities.has(type) || this.#environment.activities.has('default');
  }

  /** Takes a slot for an activity that the server may hand over with the reply to a workflow task. */
  tryReserve(): Slot | undefined {
    return this.#slots.tryTake();
  }

  /** Runs a task in its slot. */
  readonly start = (task: PollActivityTaskQueueResponse, slot: Slot): void => {
    this.#running += 1;
    slot.use(task.activityType?.name ?? '');
    void this.#run(task)
      .catch((error: unknown) => this.#environment.logger.error('Reporting an activity failed', { error }))
      .finally(() => {
        slot.release();
        this.#running -= 1;
        if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
      });
  };

  /** Resolves when nothing is in flight. */
  whenIdle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Asks all running activities to stop. */
  cancelAll(reason: CancellationReason, details: ActivityCancellationDetailsOptions): void {
    for (const attempt of this.#attempts) attempt.cancellation.request(reason, details);
  }

  /** Retries no report any longer. */
  abandon(): void {
    this.#giveUp.abort();
    this.#sweeper?.timer.cancel();
  }

  async #run(task: PollActivityTaskQueueResponse): Promise<void> {
    const attempt = new ActivityAttempt(task, this.#environment);
    const { metrics } = this.#environment;
    const begin = metrics && this.#time.monotonic();
    this.#attempts.add(attempt);
    if (attempt.deadline !== undefined) this.#sweepAt(attempt.deadline);
    let report: AttemptReport;
    try {
      report = await attempt.run();
    } finally {
      this.#attempts.delete(attempt);
    }
    attempt.rest();
    if (begin !== undefined) metrics?.activityEnded(task, report.kind, this.#time.monotonic() - begin, this.#time.now() - (task.scheduledTime ?? 0));
    this.counts.processed += 1;
    if (report.kind === 'failed') this.counts.failed += 1;
    try {
      await this.#report(task.taskToken, report);
    } catch (error) {
      const message = isNotFound(error)
        ? 'The server no longer waits for this activity attempt; its outcome is dropped'
        : 'The outcome of an activity attempt could not be reported; it will run again after its timeout';
      attempt.logger.warn(message, { outcome: report.kind, error });
    } finally {
      attempt.end();
    }
  }

  #report(taskToken: Uint8Array, report: AttemptReport): Promise<unknown> {
    const { namespace, identity } = this.#environment;
    const common = { taskToken, namespace, identity };
    switch (report.kind) {
      case 'completed':
        return this.#call(WorkflowService.RespondActivityTaskCompleted, { ...common, result: report.result });
      case 'failed':
        return this.#call(WorkflowService.RespondActivityTaskFailed, { ...common, failure: report.failure });
      case 'cancelled':
        return this.#call(WorkflowService.RespondActivityTaskCanceled, { ...common, details: report.details });
      case 'nothing':
        return Promise.resolve();
    }
  }

  #call<Request, Response>(method: Method<Request, Response>, request: Init<Request>): Promise<Response> {
    return callWithRetry(this.#environment.transport, method, request, {
      timeoutMs: 30_000,
      giveUpAfterMs: REPORT_FOR_MS,
      signal: this.#giveUp.signal,
      logger: this.#environment.logger,
      time: this.#time,
      chance: this.#environment.chance,
    });
  }

  /** One timer for all attempts, for the earliest deadline. Most attempts have the same timeout, so it is rarely moved. */
  #sweepAt(at: number): void {
    if (this.#sweeper !== undefined && this.#sweeper.at <= at) return;
    this.#sweeper?.timer.cancel();
    const delayMs = Math.min(Math.max(0, at - this.#time.monotonic()), LONGEST_SWEEP_MS);
    this.#sweeper = { at, timer: this.#time.setDelay(delayMs, this.#sweep) };
  }

  readonly #sweep = (): void => {
    this.#sweeper = undefined;
    const now = this.#time.monotonic();
    let next = Infinity;
    for (const attempt of this.#attempts) {
      const { deadline = Infinity, cancellation } = attempt;
      if (cancellation.details?.timedOut === true) continue;
      if (now < deadline) next = Math.min(next, deadline);
      else {
        cancellation.request('TIMED_OUT', { timedOut: true });
        attempt.end();
      }
    }
    if (next < Infinity) this.#sweepAt(Math.max(next, now + SWEEP_EVERY_MS));
  };
}
