/**
 * What to do about a failed call: the codes worth another attempt, and how long to wait before it.
 *
 * Used for polls, which are retried for as long as the worker runs, and for the reports of finished tasks, which are worth many
 * attempts: losing one means that finished work is done again. More codes are retried than for a client's requests, because a report is
 * harmless when it comes twice: its task token is good for one.
 */
import { Code, RpcError, type Init, type Method } from '../../protocol/index.js';
import type { CallOptions, Transport } from '../../transport/transport.js';
import type { Logger } from '../common/index.js';
import { sleepOn, systemChance, systemTime, type Chance, type WorkerTime } from '../common/worker-time.js';

const TRANSIENT: ReadonlySet<Code> = new Set([
  Code.CANCELLED,
  Code.UNKNOWN,
  Code.DEADLINE_EXCEEDED,
  Code.RESOURCE_EXHAUSTED,
  Code.ABORTED,
  Code.OUT_OF_RANGE,
  Code.INTERNAL,
  Code.UNAVAILABLE,
  Code.DATA_LOSS,
]);

/** Whether the same request may succeed later. */
export function isTransient(error: unknown): boolean {
  return error instanceof RpcError && TRANSIENT.has(error.code) && !isTooLarge(error);
}

/** A message above the size that transport or server accept: the same bytes will never pass. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof RpcError && error.code === Code.RESOURCE_EXHAUSTED && /larger than max|too large/i.test(error.message);
}

export function isNotFound(error: unknown): boolean {
  return error instanceof RpcError && error.code === Code.NOT_FOUND;
}

/**
 * The pause before the next attempt, in milliseconds: doubling, with a jitter of a fifth either way so that many workers do not come
 * back at the same instant. An overloaded server gets a longer pause.
 *
 * @param failures failed attempts in a row, at least 1
 */
export function backoffMs(failures: number, error: unknown, maximumMs = 5_000, chance: Chance = systemChance): number {
  const overloaded = error instanceof RpcError && error.code === Code.RESOURCE_EXHAUSTED;
  const interval = Math.min((overloaded ? 1_000 : 100) * 2 ** Math.min(failures - 1, 20), overloaded ? 10_000 : maximumMs);
  return interval * (0.8 + 0.4 * chance.next());
}

export interface RetryOptions extends CallOptions {
  /** Give up when this much time has passed since the first attempt. */
  readonly giveUpAfterMs: number;
  /** Ends the retrying: the failure of the last attempt is thrown. */
  readonly signal: AbortSignal;
  /** Told when it goes on for long: a task that waits for its report holds a slot. */
  readonly logger: Logger;
  /** What is waited by. Default: the machine's clock. */
  readonly time?: WorkerTime | undefined;
  readonly chance?: Chance | undefined;
}

/** Failures in a row that are no hiccup any more. */
const WORTH_A_LINE = 5;

/** Calls until it succeeds, fails for good, or the time is up. @throws RpcError that of the last attempt. */
export async function callWithRetry<Request, Response>(
  transport: Transport,
  method: Method<Request, Response>,
  request: Init<Request>,
  options: RetryOptions,
): Promise<Response> {
  const call = options.timeoutMs === undefined ? undefined : { timeoutMs: options.timeoutMs };
  const { time = systemTime, chance } = options;
  let giveUpAt: number | undefined;
  for (let failures = 1; ; failures++) {
    try {
      return await transport.call(method, request, call);
    } catch (error) {
      giveUpAt ??= time.monotonic() + options.giveUpAfterMs;
      if (!isTransient(error) || options.signal.aborted || time.monotonic() >= giveUpAt) throw error;
      if (failures === WORTH_A_LINE) options.logger.warn(`${method.name} keeps failing, will retry: ${String(error)}`, { error });
      await sleepOn(time, backoffMs(failures, error, undefined, chance), options.signal);
    }
  }
}
