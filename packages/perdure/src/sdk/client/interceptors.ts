/**
 * Interceptors of the client: code around its calls, for tracing, checks, defaults.
 *
 * Handles call through them as well. Headers set here reach the interceptors of the workflow.
 */
import type {
  DescribeWorkflowExecutionResponse,
  Outcome,
  RequestCancelWorkflowExecutionResponse,
  TerminateWorkflowExecutionResponse,
} from '../../protocol/index.js';
import type { Headers, Next, PayloadTypeInfo, QueryRejectCondition, SignalTypeInfo, TypeInfo } from '../common/index.js';
import type { ActivityClientInterceptor } from './activity-interceptors.js';
import type { ScheduleOptions } from './schedule-types.js';
import type { WorkflowOptions } from './workflow-options.js';
import type { WorkflowUpdateOptions } from './workflow-update.js';

export interface ClientInterceptors {
  /** The first is the outermost. */
  readonly workflow?: readonly WorkflowClientInterceptor[];
  readonly schedule?: readonly ScheduleClientInterceptor[];
  readonly activity?: readonly ActivityClientInterceptor[];
}

/** Code around the creation of schedules. */
export interface ScheduleClientInterceptor {
  /** Headers set here travel with every workflow that the schedule starts. */
  create?(input: CreateScheduleInput, next: Next<ScheduleClientInterceptor, 'create'>): Promise<CreateScheduleOutput>;
}

export interface CreateScheduleInput {
  readonly headers: Headers;
  readonly options: ScheduleOptions;
}

export interface CreateScheduleOutput {
  readonly conflictToken: Uint8Array;
}

/**
 * Implement any of these.
 *
 * @example
 * const traced: WorkflowClientInterceptor = {
 *   startWithDetails: (input, next) => next({ ...input, headers: { ...input.headers, trace: defaultPayloadConverter.toPayload(traceId()) } }),
 * };
 */
export interface WorkflowClientInterceptor {
  /** Around the start of an execution. Gives the run id. Superseded by {@link startWithDetails}, which wins if both are there. */
  start?(input: WorkflowStartInput, next: Next<WorkflowClientInterceptor, 'start'>): Promise<string>;
  /** Around the start of an execution. Whoever intercepts it mostly wants `signalWithStart` and `startUpdateWithStart` too. */
  startWithDetails?(input: WorkflowStartInput, next: Next<WorkflowClientInterceptor, 'startWithDetails'>): Promise<WorkflowStartOutput>;
  /** Around the request that makes an update, not around waiting for its result. */
  startUpdate?(input: WorkflowStartUpdateInput, next: Next<WorkflowClientInterceptor, 'startUpdate'>): Promise<WorkflowStartUpdateOutput>;
  startUpdateWithStart?(
    input: WorkflowStartUpdateWithStartInput,
    next: Next<WorkflowClientInterceptor, 'startUpdateWithStart'>,
  ): Promise<WorkflowStartUpdateWithStartOutput>;
  signal?(input: WorkflowSignalInput, next: Next<WorkflowClientInterceptor, 'signal'>): Promise<void>;
  /** Gives the run id. */
  signalWithStart?(input: WorkflowSignalWithStartInput, next: Next<WorkflowClientInterceptor, 'signalWithStart'>): Promise<string>;
  query?(input: WorkflowQueryInput, next: Next<WorkflowClientInterceptor, 'query'>): Promise<unknown>;
  terminate?(input: WorkflowTerminateInput, next: Next<WorkflowClientInterceptor, 'terminate'>): Promise<TerminateWorkflowExecutionResponse>;
  cancel?(input: WorkflowCancelInput, next: Next<WorkflowClientInterceptor, 'cancel'>): Promise<RequestCancelWorkflowExecutionResponse>;
  describe?(input: WorkflowDescribeInput, next: Next<WorkflowClientInterceptor, 'describe'>): Promise<DescribeWorkflowExecutionResponse>;
}

/** An execution by ids; without `runId` its latest run. */
export interface WorkflowExecutionIds {
  readonly workflowId: string;
  readonly runId?: string;
}

/** The options of a start, with the arguments. */
export type CompiledWorkflowOptions = WorkflowOptions & { readonly args: readonly unknown[] };

export interface WorkflowStartInput {
  readonly workflowType: string;
  readonly headers: Headers;
  readonly options: CompiledWorkflowOptions;
}

export interface WorkflowStartOutput {
  readonly runId: string;
  /** The first workflow task came with the answer. */
  readonly eagerlyStarted: boolean;
}

export interface WorkflowStartUpdateInput {
  readonly updateName: string;
  readonly args: readonly unknown[];
  /** How arguments and result travel. */
  readonly typeInfo?: PayloadTypeInfo;
  readonly workflowExecution: WorkflowExecutionIds;
  readonly firstExecutionRunId?: string;
  readonly headers: Headers;
  readonly options: WorkflowUpdateOptions;
}

export interface WorkflowStartUpdateOutput {
  readonly updateId: string;
  readonly workflowRunId: string;
  /** Absent: the update has not ended. */
  readonly outcome?: Outcome;
  /** How the result travels. */
  readonly outputTypeInfo?: TypeInfo;
}

export interface WorkflowStartUpdateWithStartInput {
  readonly workflowType: string;
  readonly workflowStartOptions: CompiledWorkflowOptions;
  readonly workflowStartHeaders: Headers;
  readonly updateName: string;
  readonly updateArgs: readonly unknown[];
  /** How arguments and result of the update travel. */
  readonly updateTypeInfo?: PayloadTypeInfo;
  readonly updateOptions: WorkflowUpdateOptions;
  readonly updateHeaders: Headers;
}

export interface WorkflowStartUpdateWithStartOutput {
  readonly workflowExecution: WorkflowExecutionIds;
  readonly updateId: string;
  /** Absent: the update has not ended. */
  readonly updateOutcome?: Outcome;
  /** How the update's result travels. */
  readonly updateOutputTypeInfo?: TypeInfo;
}

export interface WorkflowSignalInput {
  readonly signalName: string;
  readonly args: readonly unknown[];
  readonly typeInfo?: SignalTypeInfo;
  readonly workflowExecution: WorkflowExecutionIds;
  readonly headers: Headers;
}

export interface WorkflowSignalWithStartInput {
  readonly workflowType: string;
  readonly signalName: string;
  readonly signalArgs: readonly unknown[];
  readonly signalTypeInfo?: SignalTypeInfo;
  readonly headers: Headers;
  readonly options: CompiledWorkflowOptions;
}

export interface WorkflowQueryInput {
  readonly queryType: string;
  readonly args: readonly unknown[];
  readonly typeInfo?: PayloadTypeInfo;
  readonly workflowExecution: WorkflowExecutionIds;
  readonly queryRejectCondition?: QueryRejectCondition;
  readonly headers: Headers;
}

export interface WorkflowTerminateInput {
  readonly workflowExecution: WorkflowExecutionIds;
  readonly reason?: string;
  readonly details?: readonly unknown[];
  readonly firstExecutionRunId?: string;
}

export interface WorkflowCancelInput {
  readonly workflowExecution: WorkflowExecutionIds;
  readonly firstExecutionRunId?: string;
}

export interface WorkflowDescribeInput {
  readonly workflowExecution: WorkflowExecutionIds;
}
