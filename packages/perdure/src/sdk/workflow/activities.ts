/** Calling activities from workflow code. */
import { msOptionalToNumber } from '../common/duration.js';
import type { ActivityCancellationType, ActivityOptions } from '../common/activity-options.js';
import type { ActivityTypeInfoMap } from '../common/activity-definition.js';
import type { ActivityFunction, UntypedActivities } from '../common/definitions.js';
import type { Priority } from '../common/priority.js';
import { composeInterceptors } from '../common/interceptors.js';
import { compileRetryPolicy } from '../common/retry-policy.js';
import { argsToPayloads, type PayloadTypeInfo } from '../common/type-info.js';
import type { CancellationBehaviour, WireRetryPolicy } from './activation.js';
import { CancellationScope } from './cancellation-scope.js';
import { currentRun } from './current-run.js';
import { functionProxy } from './function-proxy.js';
import { fieldsFromHeaders, type ActivityInput } from './interceptors.js';
import { callSite, type WorkflowRun } from './workflow-run.js';

/** Stands where an interface member is not an activity function. */
export const NotAnActivityMethod: unique symbol = Symbol.for('perdure.notAnActivityMethod') as never;

export type ActivityFunctionWithOptions<T extends ActivityFunction> = T & {
  /** Calls the activity with other options than the proxy's. */
  executeWithOptions(options: ActivityOptions, args: Parameters<T>): Promise<Awaited<ReturnType<T>>>;
};

export type ActivityInterfaceFor<T> = {
  [K in keyof T]: T[K] extends ActivityFunction ? ActivityFunctionWithOptions<T[K]> : typeof NotAnActivityMethod;
};

export interface ActivityProxyOptions<A = UntypedActivities> extends ActivityOptions {
  /** How arguments and results travel, by the names of activities; see `setActivityOptions` for the other side. */
  activityTypeInfo?: ActivityTypeInfoMap<A>;
}

// Without a cancellationType the official SDK sends the wire's zero, which is TRY_CANCEL; histories depend on it.
const CANCELLATION: Readonly<Record<ActivityCancellationType, CancellationBehaviour>> = {
  TRY_CANCEL: 'try-cancel',
  WAIT_CANCELLATION_COMPLETED: 'wait-cancellation-completed',
  ABANDON: 'abandon',
};

/**
 * Functions that schedule the activities of the same names. The worker that runs them may be another process, or another language.
 *
 * @throws TypeError if neither `startToCloseTimeout` nor `scheduleToCloseTimeout` is given.
 * @example
 * import type * as activities from './activities.js';
 * const { chargeCard } = proxyActivities<typeof activities>({ startToCloseTimeout: '10 seconds' });
 * const receipt = await chargeCard(order);
 */
export function proxyActivities<A = UntypedActivities>(options: ActivityProxyOptions<A>): ActivityInterfaceFor<A> {
  const { activityTypeInfo, ...given } = options ?? {};
  const types: Readonly<Record<string, PayloadTypeInfo | undefined>> = activityTypeInfo ?? {};
  const compiled = compile(given);
  return functionProxy((name) => activityFunction(name, given, compiled, types[name])) as ActivityInterfaceFor<A>;
}

function activityFunction(name: string, options: ActivityOptions, compiled: CompiledOptions, types: PayloadTypeInfo | undefined): unknown {
  const activity = (...args: unknown[]): Promise<unknown> => schedule(name, args, compiled, types, activity);
  activity.executeWithOptions = (overrides: ActivityOptions, args: unknown[]): Promise<unknown> =>
    schedule(name, args, compile({ ...options, ...overrides }), types, activity.executeWithOptions);
  return activity;
}

/** Schedules an activity by name, for code that finds out names and options while it runs. */
export function scheduleActivity<R>(activityType: string, args: unknown[], options: ActivityOptions, typeInfo?: PayloadTypeInfo): Promise<R> {
  return schedule(activityType, args, compile(options), typeInfo, scheduleActivity) as Promise<R>;
}

interface CompiledOptions {
  /** What interceptors see. */
  readonly given: ActivityOptions;
  readonly activityId: string | undefined;
  readonly taskQueue: string | undefined;
  readonly heartbeatTimeoutMs: number | undefined;
  readonly startToCloseTimeoutMs: number | undefined;
  readonly scheduleToStartTimeoutMs: number | undefined;
  readonly scheduleToCloseTimeoutMs: number | undefined;
  readonly retryPolicy: WireRetryPolicy | undefined;
  readonly cancellation: CancellationBehaviour;
  readonly allowEagerDispatch: boolean;
  readonly priority: Priority | undefined;
  readonly summary: string | undefined;
}

/** @throws TypeError for a name that is none. */
export function cancellationBehaviour(type: ActivityCancellationType | undefined): CancellationBehaviour {
  const behaviour = CANCELLATION[type ?? 'TRY_CANCEL'];
  if (behaviour !== undefined) return behaviour;
  throw new TypeError(`Not a cancellationType: '${String(type)}'. Use one of ${Object.keys(CANCELLATION).join(', ')}.`);
}

/** Durations and policies are read once for each proxy, not for each call. */
function compile(options: ActivityOptions): CompiledOptions {
  if (options === undefined || options === null || (options.startToCloseTimeout === undefined && options.scheduleToCloseTimeout === undefined)) {
    throw new TypeError(
      'Activity options need startToCloseTimeout (the time of one attempt) or scheduleToCloseTimeout (of all attempts together), ' +
        "for example { startToCloseTimeout: '1 minute' }.",
    );
  }
  return {
    given: options,
    activityId: options.activityId,
    taskQueue: options.taskQueue,
    heartbeatTimeoutMs: msOptionalToNumber(options.heartbeatTimeout),
    startToCloseTimeoutMs: msOptionalToNumber(options.startToCloseTimeout),
    scheduleToStartTimeoutMs: msOptionalToNumber(options.scheduleToStartTimeout),
    scheduleToCloseTimeoutMs: msOptionalToNumber(options.scheduleToCloseTimeout),
    retryPolicy: options.retry === undefined ? undefined : compileRetryPolicy(options.retry),
    cancellation: cancellationBehaviour(options.cancellationType),
    allowEagerDispatch: options.allowEagerDispatch ?? true,
    priority: options.priority,
    summary: options.summary,
  };
}

function schedule(
  activityType: string,
  args: unknown[],
  options: CompiledOptions,
  typeInfo: PayloadTypeInfo | undefined,
  below: (...args: never[]) => unknown,
): Promise<unknown> {
  const run = currentRun(`Activity ${activityType}`);
  run.assertMayAct('schedule-activity');
  const seq = run.nextSeq.activity++;
  const { outbound } = run.interceptors;
  const input: ActivityInput = { activityType, args, options: options.given, headers: {}, seq, ...(typeInfo && { typeInfo }) };
  if (outbound.length === 0) return push(run, input, options, below);
  // An interceptor may have put other options in place.
  const next = (changed: ActivityInput) => push(run, changed, changed.options === options.given ? options : compile(changed.options), below);
  return composeInterceptors(outbound, 'scheduleActivity', next)(input);
}

function push(run: WorkflowRun, input: ActivityInput, options: CompiledOptions, below: (...args: never[]) => unknown): Promise<unknown> {
  const { activityType, args, headers, seq, typeInfo } = input;
  const scope = CancellationScope.current();
  return new Promise<unknown>((resolve, reject) => {
    if (scope.consideredCancelled) {
      scope.cancelRequested.catch(reject);
      return;
    }
    const activityId = options.activityId ?? String(seq);
    const of = run.conversions.ofActivity(activityId, false);
    const site = callSite(below);
    run.push({
      kind: 'schedule-activity',
      seq,
      site,
      activityType,
      activityId,
      taskQueue: options.taskQueue,
      input: argsToPayloads(of.payloads, args, typeInfo?.inputTypes),
      headers: fieldsFromHeaders(headers),
      scheduleToCloseTimeoutMs: options.scheduleToCloseTimeoutMs,
      scheduleToStartTimeoutMs: options.scheduleToStartTimeoutMs,
      startToCloseTimeoutMs: options.startToCloseTimeoutMs,
      heartbeatTimeoutMs: options.heartbeatTimeoutMs,
      retryPolicy: options.retryPolicy,
      cancellation: options.cancellation,
      allowEagerDispatch: options.allowEagerDispatch,
      priority: options.priority,
      summary: options.summary === undefined ? undefined : of.payloads.toPayload(options.summary),
    });
    // The promise is settled by the replay core: it knows what the cancellation type means for the state the activity is in.
    const requestCancel = (): void => {
      if (run.activities.has(seq)) run.push({ kind: 'request-cancel-activity', seq });
    };
    run.activities.set(seq, scope.whileWaiting({ resolve, reject, site, of, outputType: typeInfo?.outputType }, requestCancel));
  });
}
