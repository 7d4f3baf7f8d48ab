/** The options of a worker: documented, checked, and completed with defaults. */
import { hostname } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { ActivityInterceptorsFactory } from '../activity/interceptors.js';
import type { ClientPlugin, ConnectionLike } from '../client/index.js';
import { definedAs, msToNumber, msOptionalToNumber, ValueError, type DataConverter, type Duration } from '../common/index.js';
import type { ServiceHandler } from 'nexus-rpc';
import type { NexusInterceptorsFactory } from '../nexus/interceptors.js';
import type { PatchActivationCallback } from '../replay/patch-activation.js';
import type { BundlerPlugin } from '../sandbox/bundle.js';
import type { WorkflowBundleOption } from '../sandbox/stored-bundle.js';
import type { Sinks } from '../workflow/sinks.js';
import type { ActivityFunction } from './activity-attempt.js';
import type { WorkerInterceptors } from './interceptors.js';
import type { WorkerMocks } from './mocks.js';
import { compileCode, type WorkerCode, type WorkerDeploymentOptions } from './deployment.js';
import { servicesOf } from './nexus/nexus-tasks.js';
import { pollCounts, type PollCount, type PollerBehavior } from './poll-behavior.js';
import type { WorkerPlugin } from './plugins.js';
import type { InjectedSinks } from './sinks.js';
import { compileTuner, mostSlots, type CompiledTuner, type WorkerTuner } from './slots/tuner.js';

export interface WorkerOptions {
  /** The task queue that the worker serves. */
  readonly taskQueue: string;
  /** Default: `"default"`. */
  readonly namespace?: string;
  /**
   * How to reach the server: what `NativeConnection.connect` gives, or the connection of an engine in this process. Default: one of its
   * own to `localhost:7233`, closed when the worker stops.
   */
  readonly connection?: ConnectionLike;
  /** The file whose exported functions are the workflows. It is bundled when the worker is created. */
  readonly workflowsPath?: string;
  /**
   * Workflows bundled beforehand with `bundleWorkflowCode`, in place of {@link workflowsPath}: what it returned, or `{ codePath }`, a file
   * to which its `code` was written.
   */
  readonly workflowBundle?: WorkflowBundleOption;
  /**
   * For {@link workflowsPath}. `ignoreModules`: modules that are imported somewhere but never used by workflow code. `sharedPackages`: packages
   * that are evaluated once for all runs, see `bundleWorkflowCode`.
   */
  readonly bundlerOptions?: { readonly ignoreModules?: readonly string[]; readonly sharedPackages?: readonly string[] };
  /** Activity functions by name; usually `import * as activities from './activities.js'`. One named `default` takes unknown names. */
  readonly activities?: object;
  /** Handlers of Nexus services: what `serviceHandler` of the package nexus-rpc gave. */
  readonly nexusServices?: readonly ServiceHandler[];
  /** For tests: takes the place of activities and child workflows, see `perdure/testing`. Default: those of the connection, if it is a test environment's. */
  readonly mocks?: WorkerMocks;
  /** Code around calls: of the client, of activities, inside workflows. */
  readonly interceptors?: WorkerInterceptors;
  /** Applied in order, then those of the connection. */
  readonly plugins?: readonly (WorkerPlugin & BundlerPlugin & ClientPlugin)[];
  /** Functions that workflow code calls without an answer, see `proxySinks`. */
  readonly sinks?: InjectedSinks<Sinks>;
  /**
   * Names of error classes, by workflow type (`*`: all types), that fail the execution or the update when a workflow or a handler throws them. Others fail
   * the workflow task, which is tried again. `Error` stands for all, `NondeterminismError` for code that does not fit its history.
   * Default: only those that `setWorkflowOptions` names, and failures of this package.
   */
  readonly workflowFailureErrorTypes?: Readonly<Record<string, readonly string[]>>;
  /**
   * Asked when a run comes to `patched(id)` for the first time and not in a replay: whether it takes the patch. Default: it does.
   *
   * @example ({ patchId, workflowInfo }) => patchId !== 'new-prices' || isInFirstWave(workflowInfo.workflowId)
   */
  readonly patchActivationCallback?: PatchActivationCallback;
  /** How values become payloads. */
  readonly dataConverter?: DataConverter;
  /** Sends what is larger than the server takes all the same, and leaves it to the server what becomes of it. Default: the task fails, and says what is too large. */
  readonly disablePayloadErrorLimit?: boolean;
  /** Shown in histories and in the console. Default: `<process id>@<host name>`. */
  readonly identity?: string;
  /** Names the version of the code; recorded with each workflow task. Default: none. */
  readonly buildId?: string;
  /** Versioning by build id alone, the way before {@link workerDeploymentOptions}. Default: false. */
  readonly useVersioning?: boolean;
  /** The version of a deployment that this worker runs, in place of {@link buildId}. Told with each poll and each answer. */
  readonly workerDeploymentOptions?: WorkerDeploymentOptions;

  /** How many tasks of each kind run at the same time, in place of the three numbers below: fixed numbers, as many as the machine has room for, or by code of yours. */
  readonly tuner?: WorkerTuner;
  /** Workflow tasks that are processed at the same time. At least 2 while runs are cached. Default: 40. */
  readonly maxConcurrentWorkflowTaskExecutions?: number;
  /** Activities that run at the same time. Default: 100. */
  readonly maxConcurrentActivityTaskExecutions?: number;
  /** Local activities that run at the same time. Default: 100. */
  readonly maxConcurrentLocalActivityExecutions?: number;
  /** Nexus tasks that run at the same time. Default: 100. */
  readonly maxConcurrentNexusTaskExecutions?: number;
  /** Polls for workflow tasks that are open at the same time. At least 2 while runs are cached. Default: 10, and under load up to 100, or the number of executions if that is less. */
  readonly maxConcurrentWorkflowTaskPolls?: number;
  /** Polls for activities that are open at the same time. Default: 10, and under load up to 100, or the number of executions if that is less. */
  readonly maxConcurrentActivityTaskPolls?: number;
  /** Polls for Nexus tasks that are open at the same time. Default: 10, and under load up to 100, or the number of executions if that is less. */
  readonly maxConcurrentNexusTaskPolls?: number;
  /** In place of {@link maxConcurrentWorkflowTaskPolls}: a number, or as many as the server advises. */
  readonly workflowTaskPollerBehavior?: PollerBehavior;
  /** In place of {@link maxConcurrentActivityTaskPolls}: a number, or as many as the server advises. */
  readonly activityTaskPollerBehavior?: PollerBehavior;
  /** In place of {@link maxConcurrentNexusTaskPolls}: a number, or as many as the server advises. */
  readonly nexusTaskPollerBehavior?: PollerBehavior;
  /** The share of workflow task polls that wait for new runs; the others wait for runs that are cached here. Default: 0.2. */
  readonly nonStickyToStickyPollRatio?: number;
  /** Workflow runs that are kept in memory between tasks. 0: every task replays the run's history. They leave earlier, the oldest first, when they hold a quarter of the heap or the heap fills up. Default: by heap size, 600 per GB. */
  readonly maxCachedWorkflows?: number;
  /** How long a task waits for the worker that has its run in memory before any worker may take it. Default: 10 s. */
  readonly stickyQueueScheduleToStartTimeout?: Duration;
  /** Activities that may start with the reply to a workflow task, without a poll of their own. 0: none. Default: 3. */
  readonly maxEagerActivityReservationsPerWorkflowTask?: number;
  /** Activities per second that this worker takes, local ones aside. Default: no limit. */
  readonly maxActivitiesPerSecond?: number;
  /** Activities per second that the task queue hands out, over all workers. Turns eager activities off. Default: no limit. */
  readonly maxTaskQueueActivitiesPerSecond?: number;
  /** False: poll for no activities even if some are registered. Default: true. */
  readonly enableNonLocalActivities?: boolean;

  /** After `shutdown()`: how long activities may go on before they are cancelled. Default: 0. */
  readonly shutdownGraceTime?: Duration;
  /** After `shutdown()`: when to give up waiting for running tasks. `run()` then throws. Default: never. */
  readonly shutdownForceTime?: Duration;
  /** The longest pause between two heartbeats sent for an activity. Default: 60 s. */
  readonly maxHeartbeatThrottleInterval?: Duration;
  /** The pause between two heartbeats sent for an activity without heartbeat timeout. Default: 30 s. */
  readonly defaultHeartbeatThrottleInterval?: Duration;

  /** Accepted so that code moves over; the sandbox always shares one realm. */
  readonly reuseV8Context?: boolean;
  /** Accepted so that code moves over; workflow code runs on the worker's thread. */
  readonly workflowThreadPoolSize?: number;
  /**
   * For development: when a file of the workflow code is saved, it is bundled anew, open runs are replayed on it, and those that replay go on
   * with it. A run that does not replay goes on with the code that it had, and the log says where it diverges. Needs `workflowsPath`.
   * Default: false.
   */
  readonly watch?: boolean;
  /** Sets no limit to how long workflow code may run without yielding (else 2 s), so that a debugger can stop in it. Default: false. */
  readonly debugMode?: boolean;
}

/** {@link WorkerOptions} with every default filled in and every duration in milliseconds. */
export interface CompiledWorkerOptions {
  readonly taskQueue: string;
  readonly namespace: string;
  readonly identity: string;
  readonly code: WorkerCode;
  readonly servesWorkflows: boolean;
  /** Empty: the worker polls for no activities. */
  readonly activities: ReadonlyMap<string, ActivityFunction>;
  readonly activityInterceptors: readonly ActivityInterceptorsFactory[];
  /** Those that workflows of this worker can run as local activities. */
  readonly localActivities: ReadonlyMap<string, ActivityFunction>;
  /** By the name of the service. Empty: the worker polls for no Nexus tasks. */
  readonly nexusServices: ReadonlyMap<string, ServiceHandler>;
  readonly nexusInterceptors: readonly NexusInterceptorsFactory[];
  readonly tuner: CompiledTuner;
  readonly normalWorkflowPolls: PollCount;
  /** Absent: no run is cached. */
  readonly stickyWorkflowPolls: PollCount | undefined;
  readonly activityPolls: PollCount;
  readonly nexusPolls: PollCount;
  readonly maxCachedWorkflows: number;
  readonly stickyScheduleToStartTimeoutMs: number;
  readonly maxEagerActivities: number;
  readonly maxActivitiesPerSecond: number | undefined;
  readonly maxTaskQueueActivitiesPerSecond: number | undefined;
  readonly shutdownGraceTimeMs: number;
  readonly shutdownForceTimeMs: number | undefined;
  readonly heartbeatThrottle: { readonly maximumMs: number; readonly defaultMs: number };
}

/** @throws ValueError that names the option, what it was and what it must be. */
export function compileWorkerOptions(options: WorkerOptions): CompiledWorkerOptions {
  if (typeof options.taskQueue !== 'string' || options.taskQueue === '') {
    throw new ValueError('taskQueue must be the name of the task queue that the worker serves');
  }
  if (options.workflowsPath !== undefined && options.workflowBundle !== undefined) {
    throw new ValueError('Give either workflowsPath or workflowBundle, not both');
  }
  if (options.watch === true && options.workflowsPath === undefined) {
    throw new ValueError('watch needs workflowsPath: a bundle that was made beforehand does not change');
  }
  const servesWorkflows = options.workflowsPath !== undefined || options.workflowBundle !== undefined;
  const localActivities = activitiesOf(options.activities);
  const activities = options.enableNonLocalActivities === false ? new Map<string, ActivityFunction>() : localActivities;
  const nexusServices = servicesOf(options.nexusServices);
  if (!servesWorkflows && activities.size + nexusServices.size === 0) {
    throw new ValueError('The worker has nothing to do: give workflowsPath or workflowBundle for workflows, activities, nexusServices, or some of them');
  }

  const cached = integer('maxCachedWorkflows', options.maxCachedWorkflows ?? defaultMaxCachedWorkflows(), 0);
  const atLeast = cached > 0 ? 2 : 1;
  const tuner = tunerOf(options, atLeast);
  const workflowSlots = mostSlots(tuner.workflow);
  const ratio = options.nonStickyToStickyPollRatio ?? 0.2;
  if (!(ratio > 0 && ratio < 1)) throw new ValueError(`nonStickyToStickyPollRatio must be between 0 and 1, got ${ratio}`);
  const [normalWorkflowPolls, stickyWorkflowPolls] = pollCounts(
    {
      number: { name: 'maxConcurrentWorkflowTaskPolls', value: options.maxConcurrentWorkflowTaskPolls },
      behavior: { name: 'workflowTaskPollerBehavior', value: options.workflowTaskPollerBehavior },
      slots: workflowSlots,
      atLeast,
    },
    cached > 0 ? [{ ofPolls: ratio, ofSlots: 0.25 }, { ofPolls: 1 - ratio, ofSlots: 0.7 }] : [{ ofPolls: 1, ofSlots: 0.25 }],
  );
  const [activityPolls] = pollCounts(
    {
      number: { name: 'maxConcurrentActivityTaskPolls', value: options.maxConcurrentActivityTaskPolls },
      behavior: { name: 'activityTaskPollerBehavior', value: options.activityTaskPollerBehavior },
      slots: mostSlots(tuner.activity),
      atLeast: 1,
    },
    [{ ofPolls: 1, ofSlots: 0.5 }],
  );
  const [nexusPolls] = pollCounts(
    {
      number: { name: 'maxConcurrentNexusTaskPolls', value: options.maxConcurrentNexusTaskPolls },
      behavior: { name: 'nexusTaskPollerBehavior', value: options.nexusTaskPollerBehavior },
      slots: mostSlots(tuner.nexus),
      atLeast: 1,
    },
    [{ ofPolls: 1, ofSlots: 0.9 }],
  );

  return {
    taskQueue: options.taskQueue,
    namespace: options.namespace ?? 'default',
    identity: options.identity ?? `${process.pid}@${hostname()}`,
    code: compileCode(options.buildId, options.useVersioning, options.workerDeploymentOptions),
    servesWorkflows,
    activities,
    activityInterceptors: options.interceptors?.activity ?? [],
    localActivities,
    nexusServices,
    nexusInterceptors: options.interceptors?.nexus ?? [],
    tuner,
    normalWorkflowPolls: normalWorkflowPolls!,
    stickyWorkflowPolls,
    activityPolls: activityPolls!,
    nexusPolls: nexusPolls!,
    maxCachedWorkflows: cached,
    stickyScheduleToStartTimeoutMs: msToNumber(options.stickyQueueScheduleToStartTimeout ?? '10s'),
    // An eager activity does not pass through its queue, whose rate it would not heed.
    maxEagerActivities: integer(
      'maxEagerActivityReservationsPerWorkflowTask',
      options.maxTaskQueueActivitiesPerSecond === undefined ? (options.maxEagerActivityReservationsPerWorkflowTask ?? 3) : 0,
      0,
    ),
    maxActivitiesPerSecond: rate('maxActivitiesPerSecond', options.maxActivitiesPerSecond),
    maxTaskQueueActivitiesPerSecond: options.maxTaskQueueActivitiesPerSecond,
    shutdownGraceTimeMs: msToNumber(options.shutdownGraceTime ?? 0),
    shutdownForceTimeMs: msOptionalToNumber(options.shutdownForceTime),
    heartbeatThrottle: {
      maximumMs: msToNumber(options.maxHeartbeatThrottleInterval ?? '60s'),
      defaultMs: msToNumber(options.defaultHeartbeatThrottleInterval ?? '30s'),
    },
  };
}

/** The functions by name, each with what it is a method of as its `this`. */
export function activitiesOf(registered: object | undefined): Map<string, ActivityFunction> {
  const activities = new Map<string, ActivityFunction>();
  if (registered === undefined) return activities;
  // Methods of a class instance live on its prototype, and may use `this`.
  for (let source = registered; source !== Object.prototype && source !== null; source = Object.getPrototypeOf(source) as object) {
    for (const name of Object.getOwnPropertyNames(source)) {
      if (name === 'constructor' || activities.has(name)) continue;
      const activity: unknown = Reflect.get(registered, name);
      if (typeof activity === 'function') activities.set(name, definedAs(activity, (...args) => Reflect.apply(activity, registered, args)));
    }
  }
  return activities;
}

function tunerOf(options: WorkerOptions, leastWorkflowTasks: number): CompiledTuner {
  if (options.tuner !== undefined) {
    for (const name of ['maxConcurrentWorkflowTaskExecutions', 'maxConcurrentActivityTaskExecutions', 'maxConcurrentLocalActivityExecutions', 'maxConcurrentNexusTaskExecutions'] as const) {
      if (options[name] !== undefined) throw new ValueError(`Give either tuner or ${name}, not both`);
    }
    return compileTuner(options.tuner);
  }
  const slots = (name: keyof WorkerOptions & `maxConcurrent${string}Executions`, otherwise: number, least: number) =>
    ({ type: 'fixed-size', numSlots: integer(name, options[name] ?? otherwise, least) }) as const;
  return {
    workflow: slots('maxConcurrentWorkflowTaskExecutions', 40, leastWorkflowTasks),
    activity: slots('maxConcurrentActivityTaskExecutions', 100, 1),
    localActivity: slots('maxConcurrentLocalActivityExecutions', 100, 1),
    nexus: slots('maxConcurrentNexusTaskExecutions', 100, 1),
  };
}

function rate(name: string, value: number | undefined): number | undefined {
  if (value !== undefined && !(value > 0 && Number.isFinite(value))) throw new ValueError(`${name} must be a number above 0, got ${value}`);
  return value;
}

function integer(name: string, value: number, least: number): number {
  if (!Number.isInteger(value) || value < least) throw new ValueError(`${name} must be an integer of at least ${least}, got ${value}`);
  return value;
}

function defaultMaxCachedWorkflows(): number {
  const usableMb = getHeapStatistics().heap_size_limit / 2 ** 20 - 200;
  return Math.max(10, Math.floor((usableMb * 600) / 1024));
}
