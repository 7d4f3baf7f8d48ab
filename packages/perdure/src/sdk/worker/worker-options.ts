/** The options of a worker: documented, checked, and completed with defaults. */
import { hostname } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { ActivityInterceptorsFactory } from '../activity/interceptors.js';
import type { ConnectionLike } from '../client/index.js';
import { msToNumber, msOptionalToNumber, ValueError, type DataConverter, type Duration } from '../common/index.js';
import type { WorkflowBundle } from '../sandbox/bundle.js';
import type { Sinks } from '../workflow/sinks.js';
import type { ActivityFunction } from './activity-attempt.js';
import type { WorkerInterceptors } from './interceptors.js';
import type { InjectedSinks } from './sinks.js';

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
  /** Workflows bundled beforehand with `bundleWorkflowCode`, in place of {@link workflowsPath}. */
  readonly workflowBundle?: WorkflowBundle;
  /** For {@link workflowsPath}. `ignoreModules`: modules that are imported somewhere but never used by workflow code. */
  readonly bundlerOptions?: { readonly ignoreModules?: readonly string[] };
  /** Activity functions by name; usually `import * as activities from './activities.js'`. One named `default` takes unknown names. */
  readonly activities?: object;
  /** Code around calls: of the client, of activities, inside workflows. */
  readonly interceptors?: WorkerInterceptors;
  /** Functions that workflow code calls without an answer, see `proxySinks`. */
  readonly sinks?: InjectedSinks<Sinks>;
  /** How values become payloads. */
  readonly dataConverter?: DataConverter;
  /** Shown in histories and in the console. Default: `<process id>@<host name>`. */
  readonly identity?: string;
  /** Names the version of the code; recorded with each workflow task. Default: none. */
  readonly buildId?: string;

  /** Workflow tasks that are processed at the same time. At least 2 while runs are cached. Default: 40. */
  readonly maxConcurrentWorkflowTaskExecutions?: number;
  /** Activities that run at the same time. Default: 100. */
  readonly maxConcurrentActivityTaskExecutions?: number;
  /** Local activities that run at the same time. Default: 100. */
  readonly maxConcurrentLocalActivityExecutions?: number;
  /** Polls for workflow tasks that are open at the same time. At least 2 while runs are cached. Default: 10, and under load up to 100, or the number of executions if that is less. */
  readonly maxConcurrentWorkflowTaskPolls?: number;
  /** Polls for activities that are open at the same time. Default: 10, and under load up to 100, or the number of executions if that is less. */
  readonly maxConcurrentActivityTaskPolls?: number;
  /** The share of workflow task polls that wait for new runs; the others wait for runs that are cached here. Default: 0.2. */
  readonly nonStickyToStickyPollRatio?: number;
  /** Workflow runs that are kept in memory between tasks. 0: every task replays the run's history. One with thousands of pending activities, timers or children counts as several, one more for each 500. Default: by heap size, 600 per GB. */
  readonly maxCachedWorkflows?: number;
  /** How long a task waits for the worker that has its run in memory before any worker may take it. Default: 10 s. */
  readonly stickyQueueScheduleToStartTimeout?: Duration;
  /** Activities that may start with the reply to a workflow task, without a poll of their own. 0: none. Default: 3. */
  readonly maxEagerActivityReservationsPerWorkflowTask?: number;
  /** Activities per second that the task queue hands out, over all workers. Default: no limit. */
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
  /** Sets no limit to how long workflow code may run without yielding (else 2 s), so that a debugger can stop in it. Default: false. */
  readonly debugMode?: boolean;
}

/** {@link WorkerOptions} with every default filled in and every duration in milliseconds. */
export interface CompiledWorkerOptions {
  readonly taskQueue: string;
  readonly namespace: string;
  readonly identity: string;
  readonly buildId: string | undefined;
  readonly servesWorkflows: boolean;
  /** Empty: the worker polls for no activities. */
  readonly activities: ReadonlyMap<string, ActivityFunction>;
  readonly activityInterceptors: readonly ActivityInterceptorsFactory[];
  /** Those that workflows of this worker can run as local activities. */
  readonly localActivities: ReadonlyMap<string, ActivityFunction>;
  readonly localActivitySlots: number;
  readonly workflowTaskSlots: number;
  readonly activityTaskSlots: number;
  readonly normalWorkflowPolls: PollCount;
  readonly stickyWorkflowPolls: PollCount;
  readonly activityPolls: PollCount;
  readonly maxCachedWorkflows: number;
  readonly stickyScheduleToStartTimeoutMs: number;
  readonly maxEagerActivities: number;
  readonly maxTaskQueueActivitiesPerSecond: number | undefined;
  readonly shutdownGraceTimeMs: number;
  readonly shutdownForceTimeMs: number | undefined;
  readonly heartbeatThrottle: { readonly maximumMs: number; readonly defaultMs: number };
}

/** Polls of one kind that are open at the same time: always, and under load. */
export interface PollCount {
  readonly least: number;
  readonly most: number;
}

/** Under load polls grow to this many together, if the user named no number. */
const MOST_POLLS = 100;

/**
 * How many polls of a kind may be open under load. Each open poll holds a slot, so no kind may take all of them: a task of the other
 * kind, or an eager activity, would wait for a poll to end.
 */
function polls(least: number, given: number | undefined, slots: number, share: number): PollCount {
  return { least, most: given === undefined ? Math.max(least, Math.floor(Math.min(MOST_POLLS, slots) * share)) : least };
}

/** @throws ValueError that names the option, what it was and what it must be. */
export function compileWorkerOptions(options: WorkerOptions): CompiledWorkerOptions {
  if (typeof options.taskQueue !== 'string' || options.taskQueue === '') {
    throw new ValueError('taskQueue must be the name of the task queue that the worker serves');
  }
  if (options.workflowsPath !== undefined && options.workflowBundle !== undefined) {
    throw new ValueError('Give either workflowsPath or workflowBundle, not both');
  }
  const servesWorkflows = options.workflowsPath !== undefined || options.workflowBundle !== undefined;
  const localActivities = activitiesOf(options.activities);
  const activities = options.enableNonLocalActivities === false ? new Map<string, ActivityFunction>() : localActivities;
  if (!servesWorkflows && activities.size === 0) {
    throw new ValueError('The worker has nothing to do: give workflowsPath or workflowBundle for workflows, activities, or both');
  }

  const cached = integer('maxCachedWorkflows', options.maxCachedWorkflows ?? defaultMaxCachedWorkflows(), 0);
  const atLeast = cached > 0 ? 2 : 1;
  const workflowTaskSlots = integer('maxConcurrentWorkflowTaskExecutions', options.maxConcurrentWorkflowTaskExecutions ?? 40, atLeast);
  const workflowPolls = integer(
    'maxConcurrentWorkflowTaskPolls',
    options.maxConcurrentWorkflowTaskPolls ?? Math.min(10, workflowTaskSlots),
    atLeast,
    { most: workflowTaskSlots, because: 'each poll needs a slot (maxConcurrentWorkflowTaskExecutions)' },
  );
  const activityTaskSlots = integer('maxConcurrentActivityTaskExecutions', options.maxConcurrentActivityTaskExecutions ?? 100, 1);
  const activityPolls = integer(
    'maxConcurrentActivityTaskPolls',
    options.maxConcurrentActivityTaskPolls ?? Math.min(10, activityTaskSlots),
    1,
    { most: activityTaskSlots, because: 'each poll needs a slot (maxConcurrentActivityTaskExecutions)' },
  );
  const ratio = options.nonStickyToStickyPollRatio ?? 0.2;
  if (!(ratio > 0 && ratio < 1)) throw new ValueError(`nonStickyToStickyPollRatio must be between 0 and 1, got ${ratio}`);
  const normalWorkflowPolls = cached > 0 ? Math.min(Math.max(1, Math.round(workflowPolls * ratio)), workflowPolls - 1) : workflowPolls;

  return {
    taskQueue: options.taskQueue,
    namespace: options.namespace ?? 'default',
    identity: options.identity ?? `${process.pid}@${hostname()}`,
    buildId: options.buildId,
    servesWorkflows,
    activities,
    activityInterceptors: options.interceptors?.activity ?? [],
    localActivities,
    localActivitySlots: integer('maxConcurrentLocalActivityExecutions', options.maxConcurrentLocalActivityExecutions ?? 100, 1),
    workflowTaskSlots,
    activityTaskSlots,
    normalWorkflowPolls: polls(normalWorkflowPolls, options.maxConcurrentWorkflowTaskPolls, workflowTaskSlots, 0.25),
    stickyWorkflowPolls: polls(workflowPolls - normalWorkflowPolls, options.maxConcurrentWorkflowTaskPolls, workflowTaskSlots, 0.7),
    activityPolls: polls(activityPolls, options.maxConcurrentActivityTaskPolls, activityTaskSlots, 0.5),
    maxCachedWorkflows: cached,
    stickyScheduleToStartTimeoutMs: msToNumber(options.stickyQueueScheduleToStartTimeout ?? '10s'),
    maxEagerActivities: integer(
      'maxEagerActivityReservationsPerWorkflowTask',
      options.maxEagerActivityReservationsPerWorkflowTask ?? 3,
      0,
    ),
    maxTaskQueueActivitiesPerSecond: options.maxTaskQueueActivitiesPerSecond,
    shutdownGraceTimeMs: msToNumber(options.shutdownGraceTime ?? 0),
    shutdownForceTimeMs: msOptionalToNumber(options.shutdownForceTime),
    heartbeatThrottle: {
      maximumMs: msToNumber(options.maxHeartbeatThrottleInterval ?? '60s'),
      defaultMs: msToNumber(options.defaultHeartbeatThrottleInterval ?? '30s'),
    },
  };
}

function activitiesOf(registered: object | undefined): Map<string, ActivityFunction> {
  const activities = new Map<string, ActivityFunction>();
  if (registered === undefined) return activities;
  // Methods of a class instance live on its prototype, and may use `this`.
  for (let source = registered; source !== Object.prototype && source !== null; source = Object.getPrototypeOf(source) as object) {
    for (const name of Object.getOwnPropertyNames(source)) {
      if (name === 'constructor' || activities.has(name)) continue;
      const activity: unknown = Reflect.get(registered, name);
      if (typeof activity === 'function') activities.set(name, (...args) => Reflect.apply(activity, registered, args));
    }
  }
  return activities;
}

function integer(name: string, value: number, least: number, above?: { readonly most: number; readonly because: string }): number {
  if (!Number.isInteger(value) || value < least) throw new ValueError(`${name} must be an integer of at least ${least}, got ${value}`);
  if (above !== undefined && value > above.most) {
    throw new ValueError(`${name} must be at most ${above.most}, got ${value}: ${above.because}`);
  }
  return value;
}

function defaultMaxCachedWorkflows(): number {
  const usableMb = getHeapStatistics().heap_size_limit / 2 ** 20 - 200;
  return Math.max(10, Math.floor((usableMb * 600) / 1024));
}
