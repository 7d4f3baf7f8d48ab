/**
 * Retries of requests, for everything a client sends: the one place.
 *
 * A transport makes single attempts. Here an attempt that failed for a reason that passes (a server restarts, is overloaded) is made
 * again, with the very same request: request ids are chosen before, so a repeated request has the effect of one. INTERNAL is not among
 * the reasons: a server that cannot serve a request says so with UNAVAILABLE.
 */
import { Code, RpcError, type Init, type Method } from '../../protocol/index.js';
import type { CallOptions, Transport } from '../../transport/transport.js';
import { sleepOn, systemChance, systemTime, type Chance, type WorkerTime } from '../common/worker-time.js';

export interface RetryOptions {
  /** Attempts after the first one. */
  readonly maxRetries: number;
  readonly initialIntervalMs: number;
  /** The first interval after RESOURCE_EXHAUSTED. */
  readonly overloadedInitialIntervalMs: number;
  readonly backoffCoefficient: number;
  readonly maxIntervalMs: number;
  /** Intervals vary by this share, so that clients do not come back all at once. */
  readonly jitter: number;
}

export const DEFAULT_RETRY: RetryOptions = {
  maxRetries: 10,
  initialIntervalMs: 100,
  overloadedInitialIntervalMs: 1000,
  backoffCoefficient: 1.7,
  maxIntervalMs: 5000,
  jitter: 0.2,
};

/** For waiting on a result: a server may be away for minutes, and the execution goes on when it is back. */
export const PATIENT_RETRY: RetryOptions = { ...DEFAULT_RETRY, maxRetries: 100 };

const RETRYABLE: ReadonlySet<Code> = new Set([
  Code.UNKNOWN,
  Code.RESOURCE_EXHAUSTED,
  Code.UNAVAILABLE,
  Code.ABORTED,
  Code.DATA_LOSS,
  Code.OUT_OF_RANGE,
]);

/** A refusal for size has the code of an overload, but will not pass. */
const TOO_LARGE = /^grpc: received message (?:after decompression )?larger than max/;

export function isRetryable(error: unknown): error is RpcError {
  return error instanceof RpcError && RETRYABLE.has(error.code) && !TOO_LARGE.test(error.message);
}

/** Where the retries get time and chance from; tests put in their own. */
export interface RetryEnvironment {
  now(): number;
  random(): number;
  /** Resolves after the time, or at once when the signal is aborted. */
  sleep(millis: number, signal: AbortSignal | undefined): Promise<void>;
}

export interface RetriedCallOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** For all attempts and waits together, in milliseconds since the epoch. */
  readonly deadline?: number;
  /** For each attempt. */
  readonly attemptTimeoutMs?: number;
  readonly retry?: RetryOptions;
}

/**
 * Makes a request until it succeeds, fails for good, or time is up.
 *
 * @throws RpcError of the last attempt; DEADLINE_EXCEEDED or CANCELLED if time ran out, or the signal was aborted, in it.
 */
export async function callWithRetries<Request, Response>(
  transport: Transport,
  method: Method<Request, Response>,
  request: Init<Request>,
  options: RetriedCallOptions,
  environment: RetryEnvironment = systemEnvironment,
): Promise<Response> {
  const { deadline, signal, retry = DEFAULT_RETRY } = options;
  let lastFailure: RpcError | undefined;
  for (let retries = 0; ; retries++) {
    try {
      return await transport.call(method, request, attemptOptions(method.name, options, environment.now()));
    } catch (error) {
      if (!isRetryable(error)) throw lastFailure === undefined ? error : withLastFailure(error, lastFailure);
      if (retries >= retry.maxRetries || signal?.aborted) throw error;
      lastFailure = error;
      const delayMs = intervalAfter(error, retries, retry, environment.random());
      if (deadline !== undefined && environment.now() + delayMs >= deadline) throw error;
      await environment.sleep(delayMs, signal);
      if (signal?.aborted) throw error;
    }
  }
}

/** Time that ran out in a last short attempt is not the news: why the attempts before it failed is. */
function withLastFailure(error: unknown, lastFailure: RpcError): unknown {
  if (!(error instanceof RpcError) || error.code !== Code.DEADLINE_EXCEEDED) return error;
  return new RpcError(error.code, `${lastFailure.message} (retried until the deadline)`, [], { cause: lastFailure });
}

function attemptOptions(name: string, { metadata, signal, deadline, attemptTimeoutMs }: RetriedCallOptions, now: number): CallOptions {
  const leftMs = deadline === undefined ? undefined : deadline - now;
  if (leftMs !== undefined && leftMs <= 0) throw new RpcError(Code.DEADLINE_EXCEEDED, `${name}: the deadline has passed.`);
  if (signal?.aborted) throw new RpcError(Code.CANCELLED, `${name}: the request was cancelled by its abort signal.`);
  const timeoutMs = Math.min(leftMs ?? Infinity, attemptTimeoutMs ?? Infinity);
  return {
    ...(timeoutMs === Infinity ? {} : { timeoutMs }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(signal === undefined ? {} : { signal }),
  };
}

function intervalAfter(error: RpcError, retries: number, retry: RetryOptions, chance: number): number {
  const initialMs = error.code === Code.RESOURCE_EXHAUSTED ? retry.overloadedInitialIntervalMs : retry.initialIntervalMs;
  const intervalMs = Math.min(retry.maxIntervalMs, initialMs * retry.backoffCoefficient ** retries);
  return intervalMs * (1 + retry.jitter * (2 * chance - 1));
}

const systemEnvironment: RetryEnvironment = retryEnvironment(systemTime, systemChance);

/** Retries that wait by this clock. */
export function retryEnvironment(time: WorkerTime, chance: Chance): RetryEnvironment {
  return { now: () => time.now(), random: () => chance.next(), sleep: (millis, signal) => sleepOn(time, millis, signal) };
}
