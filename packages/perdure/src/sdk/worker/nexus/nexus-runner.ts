/**
 * Runs Nexus tasks and reports their answers.
 *
 * Owns the slot of each task from `start` on, whatever happens. An answer is retried for as long as the caller's server waits for it; one that
 * comes too late is dropped: the server asks again with a new task, and the request id says that it is the same operation.
 */
import { setMaxListeners } from 'node:events';
import { WorkflowService, type PollNexusTaskQueueResponse } from '../../../protocol/index.js';
import type { Transport } from '../../../transport/transport.js';
import { systemTime, Work, type Chance, type WorkerTime } from '../../common/worker-time.js';
import { callWithRetry, isNotFound } from '../retry.js';
import type { Slot } from '../slots/slots.js';
import { NexusTask, type NexusEnvironment, type TaskAnswer } from './nexus-task.js';

/** Where the server does not say how long it waits. */
const REPORT_FOR_MS = 60_000;
const CALL_TIMEOUT_MS = 10_000;

export interface NexusRunnerEnvironment extends NexusEnvironment {
  readonly transport: Transport;
  readonly identity: string;
  /** Default: the operating system's. */
  readonly chance?: Chance | undefined;
}

export class NexusRunner {
  readonly #environment: NexusRunnerEnvironment;
  readonly #time: WorkerTime;
  readonly #giveUp = new AbortController();
  readonly #tasks = new Set<NexusTask>();
  /** Tasks that have ended. */
  readonly counts = { processed: 0, failed: 0 };
  #running = 0;
  #idle: (() => void)[] = [];

  constructor(environment: NexusRunnerEnvironment) {
    this.#environment = environment;
    this.#time = environment.time ?? systemTime;
    // One listener per report that waits for its next try, which is no leak.
    setMaxListeners(0, this.#giveUp.signal);
  }

  /** Tasks that run, or that ended and are being reported. */
  get inFlight(): number {
    return this.#running;
  }

  /** Runs a task in its slot. */
  readonly start = (polled: PollNexusTaskQueueResponse, slot: Slot): void => {
    const task = new NexusTask(polled, this.#environment);
    const work = new Work(this.#time, 'activity');
    this.#running += 1;
    slot.use(task.service, task.operation);
    void this.#run(task, polled)
      .catch((error: unknown) => this.#environment.logger.error('Answering a Nexus task failed', { error }))
      .finally(() => {
        work.end();
        slot.release();
        this.#running -= 1;
        if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
      });
  };

  /** Resolves when nothing is in flight. */
  whenIdle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Asks all running handlers to stop: the worker shuts down. */
  cancelAll(): void {
    for (const task of this.#tasks) task.abort('WORKER_SHUTDOWN');
  }

  /** Retries no report any longer. */
  abandon(): void {
    this.#giveUp.abort();
  }

  async #run(task: NexusTask, { taskToken, request }: PollNexusTaskQueueResponse): Promise<void> {
    const { metrics } = this.#environment;
    const begin = this.#time.monotonic();
    if (request?.scheduledTime !== undefined) metrics?.nexusTaskReceived(Math.max(0, this.#time.now() - request.scheduledTime));
    const timeout = task.timeoutMs === undefined ? undefined : this.#time.setDelay(task.timeoutMs, () => task.abort('TIMED_OUT'));
    this.#tasks.add(task);
    let answer: TaskAnswer;
    try {
      answer = await task.run();
    } finally {
      timeout?.cancel();
      this.#tasks.delete(task);
    }
    const tookMs = this.#time.monotonic() - begin;
    const isLate = task.timeoutMs !== undefined && tookMs >= task.timeoutMs;
    const reason = isLate ? 'timeout' : answer.kind === 'completed' ? undefined : answer.reason;
    metrics?.nexusTaskEnded(tookMs, reason);
    this.counts.processed += 1;
    if (reason !== undefined) this.counts.failed += 1;
    if (isLate) return task.logger.warn('The handler of a Nexus operation took longer than its caller waits; its answer is dropped', { durationMs: tookMs });
    await this.#report(task, taskToken, answer, Math.max(0, (task.timeoutMs ?? REPORT_FOR_MS) - tookMs));
    if (request?.scheduledTime !== undefined) metrics?.nexusTaskReported(Math.max(0, this.#time.now() - request.scheduledTime));
  }

  async #report(task: NexusTask, taskToken: Uint8Array, answer: TaskAnswer, giveUpAfterMs: number): Promise<void> {
    const { transport, namespace, identity, logger, chance, time } = this.#environment;
    const common = { taskToken, namespace, identity };
    const options = { timeoutMs: CALL_TIMEOUT_MS, giveUpAfterMs, signal: this.#giveUp.signal, logger, chance, time };
    try {
      if (answer.kind === 'handler-failed') await callWithRetry(transport, WorkflowService.RespondNexusTaskFailed, { ...common, ...answer.failure }, options);
      else await callWithRetry(transport, WorkflowService.RespondNexusTaskCompleted, { ...common, response: answer.response }, options);
    } catch (error) {
      const message = isNotFound(error) ? 'The server no longer waits for the answer of a Nexus operation' : 'The answer of a Nexus operation could not be reported; the server will ask again';
      task.logger.warn(message, { outcome: answer.kind, error });
    }
  }
}
