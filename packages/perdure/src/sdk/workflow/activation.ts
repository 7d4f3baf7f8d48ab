/**
 * What crosses the border between the replay core (outside) and the workflow realm (inside).
 *
 * An activation carries jobs in: things that happened. Running it makes commands: things that the workflow wants. Both are plain objects
 * that only our own code on the other side reads; they are passed by reference, without copies and without encoding. Payloads and
 * failures are the plain objects of `perdure/common`. Numbers named `seq` count the commands of one kind within a run, from 1, in the
 * order in which workflow code made them; they are what ties a result to its promise, and they must come out the same in every replay.
 */
import type { ContinueAsNewVersioningBehavior, ParentClosePolicy, WorkflowIdReusePolicy } from '../../protocol/generated/enums.v1.js';
import type { Failure } from '../../protocol/generated/failure.v1.js';
import type { Payload } from '../common/payload-converter.js';
import type { Priority } from '../common/priority.js';
import type { SinkCall } from './sinks.js';

/** What is known of a run before its code runs. Times are milliseconds since the epoch, durations milliseconds. */
export interface RunStart {
  readonly workflowId: string;
  readonly runId: string;
  readonly workflowType: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly attempt: number;
  readonly firstExecutionRunId: string;
  readonly originalExecutionRunId: string;
  readonly continuedFromExecutionRunId: string | undefined;
  readonly cronSchedule: string | undefined;
  readonly cronScheduleToScheduleIntervalMs: number | undefined;
  readonly startTimeMs: number;
  readonly runStartTimeMs: number;
  readonly executionExpirationTimeMs: number | undefined;
  readonly executionTimeoutMs: number | undefined;
  readonly runTimeoutMs: number | undefined;
  readonly taskTimeoutMs: number;
  readonly parent: { readonly workflowId: string; readonly runId: string; readonly namespace: string } | undefined;
  readonly root: { readonly workflowId: string; readonly runId: string } | undefined;
  readonly retryPolicy: WireRetryPolicy | undefined;
  readonly priority: Priority | undefined;
  readonly input: readonly Payload[];
  readonly headers: ReadonlyMap<string, Payload> | undefined;
  readonly memo: ReadonlyMap<string, Payload> | undefined;
  readonly searchAttributes: ReadonlyMap<string, Payload> | undefined;
  readonly lastResult: Payload | undefined;
  readonly lastFailure: Failure | undefined;
  /** Seeds the run's random numbers; the same in every replay, and after a reset until {@link Activation.randomSeed} changes it. */
  readonly randomSeed: string;
  /** Names of errors that fail the execution, as the worker's option says; `Error` stands for all. Absent: those of the definition alone. */
  readonly failureErrorTypes?: readonly string[] | undefined;
  /** Asks the program of the worker whether a run that comes to a patch for the first time takes it. Absent: it does. */
  readonly activatesPatch?: ((patchId: string, info: () => unknown) => boolean) | undefined;
  /** True if the worker has an activity of this name, for local activities. Never to be handed to user code: it is of another realm. */
  readonly hasLocalActivity: (name: string) => boolean;
}

/** Which code processes a workflow task. */
export interface WorkerVersion {
  readonly buildId: string | undefined;
  readonly deployment: { readonly buildId: string; readonly deploymentName: string } | undefined;
}

/** One step of a run: everything that a workflow task tells it, or results that its own last commands had at once. */
export interface Activation {
  /** Workflow time: when the workflow task started. Never goes back within a run. */
  readonly timeMs: number;
  readonly isReplaying: boolean;
  readonly historyLength: number;
  readonly historySizeBytes: number;
  readonly continueAsNewSuggested: boolean;
  /** As the wire's numbers. */
  readonly continueAsNewReasons: readonly number[];
  /** The task queue's current version is another than the one that this run is on. */
  readonly targetDeploymentChanged: boolean;
  /** Of the worker that processes this workflow task; in a replay, of the one that did. */
  readonly workerVersion: WorkerVersion;
  /** The run was reset here: random numbers start over from this seed. */
  readonly randomSeed: string | undefined;
  /** Patches whose marker the history of this very workflow task holds. */
  readonly patches: readonly string[];
  readonly jobs: readonly Job[];
}

export type Job =
  | { readonly kind: 'start' }
  | { readonly kind: 'signal'; readonly name: string; readonly input: readonly Payload[]; readonly headers: ReadonlyMap<string, Payload> | undefined }
  | UpdateJob
  | { readonly kind: 'cancel'; readonly reason: string }
  | { readonly kind: 'fire-timer'; readonly seq: number }
  | { readonly kind: 'resolve-activity'; readonly seq: number; readonly result: Resolution }
  | { readonly kind: 'resolve-local-activity'; readonly seq: number; readonly result: Resolution | LocalBackoff }
  | { readonly kind: 'resolve-child-start'; readonly seq: number; readonly result: ChildStartResult }
  | { readonly kind: 'resolve-child'; readonly seq: number; readonly result: Resolution }
  | { readonly kind: 'start-nexus-operation'; readonly seq: number; readonly token: string }
  | { readonly kind: 'resolve-nexus-operation'; readonly seq: number; readonly result: Resolution }
  | { readonly kind: 'resolve-external-signal'; readonly seq: number; readonly failure: Failure | undefined }
  | { readonly kind: 'resolve-external-cancel'; readonly seq: number; readonly failure: Failure | undefined };

/** Somebody asks for an update. The answer is one `accept-update` or `reject-update`, and after the former one `complete-update`. */
export interface UpdateJob {
  readonly kind: 'update';
  /** Names the update in the answers. */
  readonly protocolInstanceId: string;
  readonly updateId: string;
  readonly name: string;
  readonly input: readonly Payload[];
  readonly headers: ReadonlyMap<string, Payload> | undefined;
  /** False in a replay: history says that it was accepted. */
  readonly runValidator: boolean;
}

/** A local activity failed, and its next attempt is too far away to wait for in this workflow task: a timer must do it. */
export interface LocalBackoff {
  readonly backoffMs: number;
  /** The number of the next attempt. */
  readonly attempt: number;
  readonly originalScheduleTimeMs: number | undefined;
}

/** How an operation ended. `payload` is absent where nothing was returned. */
export type Resolution =
  | { readonly ok: true; readonly payload: Payload | undefined }
  | { readonly ok: false; readonly failure: Failure };

export type ChildStartResult =
  | { readonly kind: 'started'; readonly runId: string }
  | { readonly kind: 'already-exists'; readonly workflowId: string; readonly workflowType: string }
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'cancelled'; readonly failure: Failure };

export interface QueryCall {
  /** Empty for a query that is a task of its own. */
  readonly id: string;
  readonly name: string;
  readonly input: readonly Payload[];
  readonly headers: ReadonlyMap<string, Payload> | undefined;
}

export type QueryAnswer =
  | { readonly ok: true; readonly payload: Payload }
  | { readonly ok: false; readonly message: string; readonly failure: Failure };

/** A retry policy in the wire's units: milliseconds. */
export interface WireRetryPolicy {
  readonly initialInterval?: number | undefined;
  readonly backoffCoefficient?: number | undefined;
  readonly maximumInterval?: number | undefined;
  readonly maximumAttempts?: number | undefined;
  readonly nonRetryableErrorTypes?: readonly string[] | undefined;
}

/** Where in the user's code a command was made; formatted only when somebody asks. */
export interface CallSite {
  readonly stack?: string;
}

export type CancellationBehaviour = 'try-cancel' | 'wait-cancellation-completed' | 'wait-cancellation-requested' | 'abandon';

export interface ScheduleActivity {
  readonly kind: 'schedule-activity';
  readonly seq: number;
  readonly site: CallSite;
  readonly activityId: string;
  readonly activityType: string;
  /** Absent: the queue of the workflow. */
  readonly taskQueue: string | undefined;
  readonly input: readonly Payload[];
  readonly headers: ReadonlyMap<string, Payload> | undefined;
  readonly scheduleToCloseTimeoutMs: number | undefined;
  readonly scheduleToStartTimeoutMs: number | undefined;
  readonly startToCloseTimeoutMs: number | undefined;
  readonly heartbeatTimeoutMs: number | undefined;
  readonly retryPolicy: WireRetryPolicy | undefined;
  readonly cancellation: CancellationBehaviour;
  readonly allowEagerDispatch: boolean;
  readonly priority: Priority | undefined;
  readonly summary: Payload | undefined;
}

/** What a local activity is called with. */
export interface LocalActivityCall {
  readonly activityId: string;
  readonly activityType: string;
  /** From 1; more after a backoff that a timer waited out. */
  readonly attempt: number;
  /** When the first attempt of all was scheduled, milliseconds since the epoch; absent: this is it. */
  readonly originalScheduleTimeMs: number | undefined;
  /** As workflow code made them: no payload codec has seen them. */
  readonly input: readonly Payload[];
  readonly headers: ReadonlyMap<string, Payload> | undefined;
  readonly scheduleToCloseTimeoutMs: number | undefined;
  readonly scheduleToStartTimeoutMs: number | undefined;
  readonly startToCloseTimeoutMs: number | undefined;
  readonly retryPolicy: WireRetryPolicy | undefined;
  /** Backoffs up to this long are waited out by the worker, longer ones by a timer. Absent: a minute. */
  readonly localRetryThresholdMs: number | undefined;
}

export interface ScheduleLocalActivity extends LocalActivityCall {
  readonly kind: 'schedule-local-activity';
  readonly seq: number;
  readonly site: CallSite;
  readonly cancellation: CancellationBehaviour;
  readonly summary: Payload | undefined;
}

export interface StartTimer {
  readonly kind: 'start-timer';
  readonly seq: number;
  readonly site: CallSite;
  readonly durationMs: number;
  readonly summary: Payload | undefined;
}

export interface StartChild {
  readonly kind: 'start-child';
  readonly seq: number;
  readonly site: CallSite;
  readonly workflowId: string;
  readonly workflowType: string;
  readonly taskQueue: string | undefined;
  readonly input: readonly Payload[];
  readonly headers: ReadonlyMap<string, Payload> | undefined;
  readonly executionTimeoutMs: number | undefined;
  readonly runTimeoutMs: number | undefined;
  readonly taskTimeoutMs: number | undefined;
  readonly parentClosePolicy: ParentClosePolicy;
  readonly workflowIdReusePolicy: WorkflowIdReusePolicy;
  readonly retryPolicy: WireRetryPolicy | undefined;
  readonly cronSchedule: string | undefined;
  readonly memo: ReadonlyMap<string, Payload> | undefined;
  readonly searchAttributes: ReadonlyMap<string, Payload> | undefined;
  readonly priority: Priority | undefined;
  readonly cancellation: CancellationBehaviour;
  readonly summary: Payload | undefined;
  readonly details: Payload | undefined;
}

export interface ScheduleNexusOperation {
  readonly kind: 'schedule-nexus-operation';
  readonly seq: number;
  readonly site: CallSite;
  readonly endpoint: string;
  readonly service: string;
  readonly operation: string;
  readonly input: Payload;
  /** Plain text, unlike the headers of everything else. */
  readonly headers: ReadonlyMap<string, string>;
  readonly scheduleToCloseTimeoutMs: number | undefined;
  readonly scheduleToStartTimeoutMs: number | undefined;
  readonly startToCloseTimeoutMs: number | undefined;
  readonly cancellation: CancellationBehaviour;
  readonly summary: Payload | undefined;
}

export interface ContinueAsNewCommand {
  readonly kind: 'continue-as-new';
  readonly workflowType: string;
  readonly taskQueue: string | undefined;
  readonly input: readonly Payload[];
  readonly headers: ReadonlyMap<string, Payload> | undefined;
  readonly runTimeoutMs: number | undefined;
  readonly taskTimeoutMs: number | undefined;
  readonly backoffStartIntervalMs: number | undefined;
  readonly retryPolicy: WireRetryPolicy | undefined;
  readonly memo: ReadonlyMap<string, Payload> | undefined;
  readonly searchAttributes: ReadonlyMap<string, Payload> | undefined;
  /** The number of the protocol. */
  readonly initialVersioningBehavior: ContinueAsNewVersioningBehavior;
}

/** A child of this run, or any execution in this namespace. */
export type ExternalTarget =
  | { readonly kind: 'child'; readonly workflowId: string }
  | { readonly kind: 'execution'; readonly workflowId: string; readonly runId: string | undefined };

export type RealmCommand =
  | ScheduleActivity
  | ScheduleLocalActivity
  | StartTimer
  | StartChild
  | ScheduleNexusOperation
  | ContinueAsNewCommand
  | { readonly kind: 'request-cancel-activity'; readonly seq: number }
  | { readonly kind: 'request-cancel-local-activity'; readonly seq: number }
  | { readonly kind: 'accept-update'; readonly protocolInstanceId: string }
  | { readonly kind: 'reject-update'; readonly protocolInstanceId: string; readonly failure: Failure }
  | { readonly kind: 'complete-update'; readonly protocolInstanceId: string; readonly result: UpdateResult }
  | { readonly kind: 'request-cancel-nexus-operation'; readonly seq: number }
  | { readonly kind: 'cancel-timer'; readonly seq: number }
  | { readonly kind: 'request-cancel-child'; readonly seq: number; readonly reason: string }
  | {
      readonly kind: 'signal-external'; readonly seq: number; readonly site: CallSite; readonly target: ExternalTarget;
      readonly signalName: string; readonly input: readonly Payload[]; readonly headers: ReadonlyMap<string, Payload> | undefined;
    }
  | { readonly kind: 'cancel-signal'; readonly seq: number }
  | { readonly kind: 'cancel-external'; readonly seq: number; readonly site: CallSite; readonly target: ExternalTarget; readonly reason: string }
  | { readonly kind: 'set-patch'; readonly patchId: string; readonly deprecated: boolean; readonly site: CallSite }
  | { readonly kind: 'upsert-search-attributes'; readonly fields: ReadonlyMap<string, Payload>; readonly site: CallSite }
  | { readonly kind: 'upsert-memo'; readonly fields: ReadonlyMap<string, Payload>; readonly site: CallSite }
  | { readonly kind: 'complete'; readonly result: Payload }
  | { readonly kind: 'fail'; readonly failure: Failure }
  | { readonly kind: 'cancel' };

/** How an accepted update ended. */
export type UpdateResult = { readonly ok: true; readonly payload: Payload } | { readonly ok: false; readonly failure: Failure };

/** The error that ends a workflow task: the code is wrong, not the workflow. The run goes on when the code is mended. */
export interface TaskError {
  readonly message: string;
  readonly failure: Failure;
}

/** What the realm offers for one run. Only the replay core calls it. */
export interface RealmRun {
  readonly start: RunStart;
  /** Runs jobs up to their first awaits. The caller drains microtasks, then calls {@link unblockConditions} until it gives false. */
  activate(activation: Activation): void;
  /** Wakes conditions that have become true; true if there was one. */
  unblockConditions(): boolean;
  /** The commands made since the last call, in order. */
  takeCommands(): readonly RealmCommand[];
  /** What the workflow's definition says; absent: nothing. */
  readonly versioningBehavior: 'PINNED' | 'AUTO_UPGRADE' | undefined;
  /** Set once something went wrong that must fail the workflow task. The run is of no use afterwards. */
  readonly taskError: TaskError | undefined;
  /** Makes the run fail its task, for errors found outside. */
  failTask(error: unknown): void;
  /** Begins to answer. The caller drains microtasks, then takes the answer with {@link endQuery}. */
  beginQuery(call: QueryCall): void;
  endQuery(): QueryAnswer;
  /** Calls of sinks since the last time, in order. */
  takeSinkCalls(): readonly SinkCall[];
  /** The run leaves memory. */
  dispose(): void;
}
