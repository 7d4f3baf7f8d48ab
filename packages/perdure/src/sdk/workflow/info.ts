/** What a workflow can know of itself. */
import { SuggestContinueAsNewReason } from '../common/continue-as-new-reason.js';
import type { Priority } from '../common/priority.js';
import { decodeSearchAttributes, decodeTypedSearchAttributes, type SearchAttributes, type TypedSearchAttributes } from '../common/search-attributes.js';
import type { RetryPolicy } from '../common/retry-policy.js';
import { mapFromPayloads, type Payload } from '../common/payload-converter.js';
import { fromPayloadWithTypeInfo } from '../common/type-info.js';
import type { Activation, WorkerVersion } from './activation.js';
import { currentRun } from './current-run.js';
import { uuidOf } from './random.js';
import type { WorkflowRun } from './workflow-run.js';

export interface ParentWorkflowInfo {
  readonly workflowId: string;
  readonly runId: string;
  readonly namespace: string;
}

export interface RootWorkflowInfo {
  readonly workflowId: string;
  readonly runId: string;
}

/** Of the present moment, not of the workflow's: using it for decisions breaks replay. For logging and metrics. */
export interface UnsafeWorkflowInfo {
  /** The clock of the machine, milliseconds since the epoch. */
  readonly now: () => number;
  /** True while history is being repeated; what happens now has happened before. */
  readonly isReplaying: boolean;
  /** Like `isReplaying`, but false in query handlers and validators, which history does not show. For logging. */
  readonly isReplayingHistoryEvents: boolean;
  /** Chance of the machine's, different in each replay: for ids of log lines and spans. For decisions there are `uuid4` and `Math.random`. */
  readonly random: UnsafeRandomSource;
}

export interface UnsafeRandomSource {
  /** At least 0, less than 1. */
  random(): number;
  uuid4(): string;
  /** Fills the bytes and gives them back. */
  fillRandom(bytes: Uint8Array): Uint8Array;
}

/** By the numbers on the wire. */
const REASONS: readonly (SuggestContinueAsNewReason | undefined)[] = [
  undefined,
  SuggestContinueAsNewReason.HISTORY_SIZE_TOO_LARGE,
  SuggestContinueAsNewReason.TOO_MANY_HISTORY_EVENTS,
  SuggestContinueAsNewReason.TOO_MANY_UPDATES,
];

export interface WorkflowInfo {
  readonly workflowId: string;
  readonly runId: string;
  readonly workflowType: string;
  readonly namespace: string;
  readonly taskQueue: string;
  /** From 1; counts retries of the workflow as a whole. */
  readonly attempt: number;
  /** When the first run of the chain started. */
  readonly startTime: Date;
  /** When this run started. */
  readonly runStartTime: Date;
  /** Number of history events up to the current workflow task. */
  readonly historyLength: number;
  /** Size of the history in bytes up to the current workflow task; 0 if the server does not say. */
  readonly historySize: number;
  /** The server suggests {@link continueAsNew}, because the history grew long. */
  readonly continueAsNewSuggested: boolean;
  /** Why; absent when it is not suggested or the server does not say. */
  readonly suggestedContinueAsNewReasons?: SuggestContinueAsNewReason[];
  readonly firstExecutionRunId: string;
  readonly originalExecutionRunId: string;
  readonly continuedFromExecutionRunId?: string;
  readonly parent?: ParentWorkflowInfo;
  readonly root?: RootWorkflowInfo;
  readonly memo: Readonly<Record<string, unknown>>;
  readonly searchAttributes: SearchAttributes;
  /** Those whose type is known. */
  readonly typedSearchAttributes: TypedSearchAttributes;
  readonly priority?: Priority;
  readonly executionTimeoutMs?: number;
  readonly executionExpirationTime?: Date;
  readonly runTimeoutMs?: number;
  readonly taskTimeoutMs: number;
  readonly retryPolicy?: RetryPolicy;
  readonly cronSchedule?: string;
  /** The time from the start of the execution to its first workflow task, by the cron schedule. */
  readonly cronScheduleToScheduleInterval?: number;
  /** The task queue's current version is another than this run's: a good time to continue as new on it. */
  readonly targetWorkerDeploymentVersionChanged: boolean;
  /** Build id of the worker that processes the current workflow task, or did so the first time. Safe for decisions. */
  readonly currentBuildId?: string;
  /** Deployment version of that worker. */
  readonly currentDeploymentVersion?: { readonly buildId: string; readonly deploymentName: string };
  /** What the previous run returned (cron, continue-as-new). */
  readonly lastResult?: unknown;
  /** How the previous run failed (retry, cron). */
  readonly lastFailure?: Error;
  readonly unsafe: UnsafeWorkflowInfo;
}

/** Facts about the current execution. They are as of the current workflow task and the same in a replay, except `unsafe`. */
export function workflowInfo(): WorkflowInfo {
  return currentRun('workflowInfo').info.snapshot();
}

/** Decodes what is asked for, when it is asked for: most workflows never look. */
export class RunInfo {
  readonly #run: WorkflowRun;
  #snapshot: WorkflowInfo | undefined;
  #historyLength = 0;
  #historySize = 0;
  #continueAsNewSuggested = false;
  #memo: Record<string, unknown> | undefined;
  #searchAttributeFields: ReadonlyMap<string, Payload> | undefined;
  #continueAsNewReasons: readonly number[] = [];
  #targetChanged = false;
  #worker: WorkerVersion = { buildId: undefined, deployment: undefined };

  constructor(run: WorkflowRun) {
    this.#run = run;
  }

  update(activation: Activation): void {
    this.#historyLength = activation.historyLength;
    this.#historySize = activation.historySizeBytes;
    this.#continueAsNewSuggested = activation.continueAsNewSuggested;
    this.#continueAsNewReasons = activation.continueAsNewReasons;
    this.#targetChanged = activation.targetDeploymentChanged;
    this.#worker = activation.workerVersion;
    this.#snapshot = undefined;
  }

  get memo(): Record<string, unknown> {
    return (this.#memo ??= mapFromPayloads(this.#run.payloadConverter, this.#run.start.memo));
  }

  set memo(memo: Record<string, unknown>) {
    this.#memo = memo;
    this.#snapshot = undefined;
  }

  /** As they travel, with their types. */
  get searchAttributeFields(): ReadonlyMap<string, Payload> {
    return this.#searchAttributeFields ?? this.#run.start.searchAttributes ?? new Map();
  }

  set searchAttributeFields(fields: ReadonlyMap<string, Payload>) {
    this.#searchAttributeFields = fields;
    this.#snapshot = undefined;
  }

  snapshot(): WorkflowInfo {
    return (this.#snapshot ??= this.#build());
  }

  #build(): WorkflowInfo {
    const run = this.#run;
    const { start } = run;
    return {
      workflowId: start.workflowId,
      runId: start.runId,
      workflowType: start.workflowType,
      namespace: start.namespace,
      taskQueue: start.taskQueue,
      attempt: start.attempt,
      startTime: new Date(start.startTimeMs),
      runStartTime: new Date(start.runStartTimeMs),
      historyLength: this.#historyLength,
      historySize: this.#historySize,
      continueAsNewSuggested: this.#continueAsNewSuggested,
      firstExecutionRunId: start.firstExecutionRunId,
      originalExecutionRunId: start.originalExecutionRunId,
      taskTimeoutMs: start.taskTimeoutMs,
      targetWorkerDeploymentVersionChanged: this.#targetChanged,
      memo: this.memo,
      searchAttributes: decodeSearchAttributes(this.searchAttributeFields),
      typedSearchAttributes: decodeTypedSearchAttributes(this.searchAttributeFields),
      ...optional('continuedFromExecutionRunId', start.continuedFromExecutionRunId),
      ...optional('parent', start.parent && { ...start.parent }),
      ...optional('root', start.root && { ...start.root }),
      ...optional('executionTimeoutMs', start.executionTimeoutMs),
      ...optional('executionExpirationTime', start.executionExpirationTimeMs === undefined ? undefined : new Date(start.executionExpirationTimeMs)),
      ...optional('runTimeoutMs', start.runTimeoutMs),
      ...optional('retryPolicy', start.retryPolicy && userRetryPolicy(start.retryPolicy)),
      ...optional('suggestedContinueAsNewReasons', this.#reasons()),
      ...optional('priority', start.priority),
      ...optional('cronSchedule', start.cronSchedule),
      ...optional('cronScheduleToScheduleInterval', start.cronScheduleToScheduleIntervalMs),
      ...optional('currentBuildId', this.#worker.buildId),
      ...optional('currentDeploymentVersion', this.#worker.deployment),
      ...optional('lastResult', start.lastResult && fromPayloadWithTypeInfo<unknown>(run.payloadConverter, start.lastResult, undefined, run.typeInfo?.outputType)),
      ...optional('lastFailure', start.lastFailure && run.toError(start.lastFailure)),
      unsafe: unsafeInfo(run),
    };
  }

  #reasons(): SuggestContinueAsNewReason[] | undefined {
    const reasons = this.#continueAsNewReasons.flatMap((reason) => REASONS[reason] ?? []);
    return reasons.length === 0 ? undefined : reasons;
  }
}

let machineClock: (() => number) | undefined;
let machineChance: (() => number) | undefined;

/** The realm replaces `Date` and `Math.random`; these are the ones from before. */
export function installMachine(now: () => number, chance: () => number): void {
  machineClock = now;
  machineChance = chance;
}

function machineRandom(): number {
  return (machineChance ?? Math.random)();
}

const unsafeRandom: UnsafeRandomSource = {
  random: machineRandom,
  uuid4: () => uuidOf(() => Math.floor(machineRandom() * 2 ** 32)),
  fillRandom(bytes) {
    for (let index = 0; index < bytes.length; index++) bytes[index] = Math.floor(machineRandom() * 256);
    return bytes;
  },
};

function unsafeInfo(run: WorkflowRun): UnsafeWorkflowInfo {
  return {
    now: () => machineClock?.() ?? Date.now(),
    get isReplaying() {
      return run.isReplaying;
    },
    get isReplayingHistoryEvents() {
      return run.isReplaying && !run.isOnlooker;
    },
    random: unsafeRandom,
  };
}

function userRetryPolicy(policy: NonNullable<WorkflowRun['start']['retryPolicy']>): RetryPolicy {
  return {
    ...optional('initialInterval', policy.initialInterval),
    ...optional('backoffCoefficient', policy.backoffCoefficient || undefined),
    ...optional('maximumInterval', policy.maximumInterval),
    ...optional('maximumAttempts', policy.maximumAttempts || undefined),
    ...optional('nonRetryableErrorTypes', policy.nonRetryableErrorTypes && [...policy.nonRetryableErrorTypes]),
  };
}

function optional<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: Value });
}
