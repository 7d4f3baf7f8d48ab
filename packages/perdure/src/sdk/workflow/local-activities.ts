/**
 * Calling local activities from workflow code: activities that the worker of the workflow runs itself, within the workflow task.
 *
 * They cost no round trip and no task queue; their result is one marker in history. In exchange they must be short, and one that was
 * running when the worker died runs again. A retry whose backoff is longer than `localRetryThreshold` is waited out by a timer of the
 * workflow, and its next attempt is a new local activity: that loop is here, because it makes commands.
 *
 * How many microtasks lie between a result and the caller is part of the order of commands, and the same as in the official SDK: two
 * nested asynchronous functions, each of which awaits. Do not flatten them.
 */
import type { ActivityTypeInfoMap } from '../common/activity-definition.js';
import type { ActivityFunction, UntypedActivities } from '../common/definitions.js';
import type { LocalActivityOptions } from '../common/activity-options.js';
import { msOptionalToNumber } from '../common/duration.js';
import { composeInterceptors } from '../common/interceptors.js';
import { compileRetryPolicy } from '../common/retry-policy.js';
import { argsToPayloads, type PayloadTypeInfo } from '../common/type-info.js';
import { brandedErrorClass } from '../common/error-brand.js';
import type { CancellationBehaviour, LocalBackoff, WireRetryPolicy } from './activation.js';
import { cancellationBehaviour, type NotAnActivityMethod } from './activities.js';
import { CancellationScope } from './cancellation-scope.js';
import { currentRun } from './current-run.js';
import { functionProxy } from './function-proxy.js';
import { fieldsFromHeaders, type LocalActivityInput } from './interceptors.js';
import { startTimer } from './timers.js';
import { callSite, type WorkflowRun } from './workflow-run.js';

export type LocalActivityFunctionWithOptions<T extends ActivityFunction> = T & {
  /** Calls the activity with other options than the proxy's. */
  executeWithOptions(options: LocalActivityOptions, args: Parameters<T>): Promise<Awaited<ReturnType<T>>>;
};

export type LocalActivityInterfaceFor<T> = {
  [K in keyof T]: T[K] extends ActivityFunction ? LocalActivityFunctionWithOptions<T[K]> : typeof NotAnActivityMethod;
};

export interface LocalActivityProxyOptions<A = UntypedActivities> extends LocalActivityOptions {
  /** How arguments and results travel, by the names of activities; see `setActivityOptions` for the other side. */
  activityTypeInfo?: ActivityTypeInfoMap<A>;
}

/** @internal The attempt failed and the next one is far away. */
export class LocalActivityBackoff extends Error {
  constructor(readonly backoff: LocalBackoff) {
    super('Local activity backs off');
  }
}
brandedErrorClass(LocalActivityBackoff, 'LocalActivityBackoff');

/**
 * Functions that run the activities of the same names in this worker, within the workflow task.
 *
 * @throws TypeError if neither `startToCloseTimeout` nor `scheduleToCloseTimeout` is given.
 * @example
 * const { priceOf } = proxyLocalActivities<typeof activities>({ startToCloseTimeout: '2 seconds' });
 * const price = await priceOf(article);
 */
export function proxyLocalActivities<A = UntypedActivities>(options: LocalActivityProxyOptions<A>): LocalActivityInterfaceFor<A> {
  const { activityTypeInfo, ...given } = options ?? {};
  const types: Readonly<Record<string, PayloadTypeInfo | undefined>> = activityTypeInfo ?? {};
  const compiled = compile(given);
  return functionProxy((name) => activityFunction(name, given, compiled, types[name])) as LocalActivityInterfaceFor<A>;
}

function activityFunction(name: string, options: LocalActivityOptions, compiled: CompiledOptions, types: PayloadTypeInfo | undefined): unknown {
  const activity = (...args: unknown[]): Promise<unknown> => execute(name, args, compiled, types);
  activity.executeWithOptions = (overrides: LocalActivityOptions, args: unknown[]): Promise<unknown> =>
    execute(name, args, compile({ ...options, ...overrides }), types);
  return activity;
}

/** Runs a local activity by name, for code that finds out names and options while it runs. */
export function scheduleLocalActivity<R>(activityType: string, args: unknown[], options: LocalActivityOptions, typeInfo?: PayloadTypeInfo): Promise<R> {
  return execute(activityType, args, compile(options), typeInfo) as Promise<R>;
}

interface CompiledOptions {
  /** What interceptors see. */
  readonly given: LocalActivityOptions;
  readonly startToCloseTimeoutMs: number | undefined;
  readonly scheduleToStartTimeoutMs: number | undefined;
  readonly scheduleToCloseTimeoutMs: number | undefined;
  readonly localRetryThresholdMs: number | undefined;
  readonly retryPolicy: WireRetryPolicy | undefined;
  readonly cancellation: CancellationBehaviour;
  readonly summary: string | undefined;
}

function compile(options: LocalActivityOptions): CompiledOptions {
  if (options === undefined || options === null || (options.startToCloseTimeout === undefined && options.scheduleToCloseTimeout === undefined)) {
    throw new TypeError(
      'Local activity options need startToCloseTimeout (the time of one attempt) or scheduleToCloseTimeout (of all attempts together), ' +
        "for example { startToCloseTimeout: '5 seconds' }.",
    );
  }
  return {
    given: options,
    startToCloseTimeoutMs: msOptionalToNumber(options.startToCloseTimeout),
    scheduleToStartTimeoutMs: msOptionalToNumber(options.scheduleToStartTimeout),
    scheduleToCloseTimeoutMs: msOptionalToNumber(options.scheduleToCloseTimeout),
    localRetryThresholdMs: msOptionalToNumber(options.localRetryThreshold),
    retryPolicy: options.retry === undefined ? undefined : compileRetryPolicy(options.retry),
    cancellation: cancellationBehaviour(options.cancellationType),
    summary: options.summary,
  };
}

interface Attempt {
  readonly attempt: number;
  readonly originalScheduleTimeMs: number | undefined;
}

async function execute(activityType: string, args: unknown[], options: CompiledOptions, types: PayloadTypeInfo | undefined): Promise<unknown> {
  const run = currentRun(`Local activity ${activityType}`);
  let next: Attempt = { attempt: 1, originalScheduleTimeMs: undefined };
  for (;;) {
    run.assertMayAct('schedule-local-activity');
    const seq = run.nextSeq.activity++;
    try {
      return await intercepted(run, seq, { activityType, args, ...(types && { typeInfo: types }) }, options, next);
    } catch (error) {
      if (!(error instanceof LocalActivityBackoff)) throw error;
      const { backoffMs, attempt, originalScheduleTimeMs } = error.backoff;
      await startTimer(run, backoffMs, undefined, execute).elapsed;
      next = { attempt, originalScheduleTimeMs };
    }
  }
}

type Call = Pick<LocalActivityInput, 'activityType' | 'args' | 'typeInfo'>;

function intercepted(run: WorkflowRun, seq: number, call: Call, options: CompiledOptions, attempt: Attempt): Promise<unknown> {
  const { outbound } = run.interceptors;
  const { originalScheduleTimeMs: first } = attempt;
  const input = { ...call, options: options.given, headers: {}, seq, attempt: attempt.attempt, ...(first !== undefined && { originalScheduleTimeMs: first }) };
  if (outbound.length === 0) return schedule(run, input, options);
  // An interceptor may have put other options in place.
  const next = (changed: LocalActivityInput) => schedule(run, changed, changed.options === options.given ? options : compile(changed.options));
  return composeInterceptors(outbound, 'scheduleLocalActivity', next)(input);
}

async function schedule(run: WorkflowRun, input: LocalActivityInput, options: CompiledOptions): Promise<unknown> {
  const { activityType, args, headers, seq, attempt, originalScheduleTimeMs, typeInfo } = input;
  // In a replay nothing is run: history has the result.
  if (!run.isReplaying && !run.start.hasLocalActivity(activityType)) {
    throw new ReferenceError(`Local activity of type '${activityType}' not registered on worker. Add it to the worker's \`activities\`.`);
  }
  return new Promise<unknown>((resolve, reject) => {
    const scope = CancellationScope.current();
    if (scope.consideredCancelled) {
      scope.cancelRequested.catch(reject);
      return;
    }
    const activityId = String(seq);
    const of = run.conversions.ofActivity(activityId, true);
    const site = callSite(execute);
    run.push({
      kind: 'schedule-local-activity',
      seq,
      site,
      activityId,
      activityType,
      attempt,
      originalScheduleTimeMs,
      input: argsToPayloads(of.payloads, args, typeInfo?.inputTypes),
      headers: fieldsFromHeaders(headers),
      scheduleToCloseTimeoutMs: options.scheduleToCloseTimeoutMs,
      scheduleToStartTimeoutMs: options.scheduleToStartTimeoutMs,
      startToCloseTimeoutMs: options.startToCloseTimeoutMs,
      retryPolicy: options.retryPolicy,
      localRetryThresholdMs: options.localRetryThresholdMs,
      cancellation: options.cancellation,
      summary: options.summary === undefined ? undefined : of.payloads.toPayload(options.summary),
    });
    const requestCancel = (): void => {
      if (run.activities.has(seq)) run.push({ kind: 'request-cancel-local-activity', seq });
    };
    run.activities.set(seq, scope.whileWaiting({ resolve, reject, site, of, outputType: typeInfo?.outputType }, requestCancel));
  });
}
