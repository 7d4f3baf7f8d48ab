/**
 * Interceptors inside workflow code: around what comes in (the workflow function, signals, queries, updates), what goes out (activities,
 * timers, children, signals to others, continue-as-new), and the steps of the runtime itself.
 *
 * A module that the worker's `interceptors.workflowModules` names exports a function `interceptors`, which is called once for each run.
 * Interceptors are workflow code: they run in the realm and must be deterministic. What they add before a command is part of the order
 * of commands, so adding or removing an interceptor that awaits, or that makes commands, needs a patch like any change of workflow code.
 *
 * Headers are how context travels beside the arguments: payloads by name, from client to workflow to activities and children.
 */
import type { TypeInfo } from 'nexus-rpc';
import type { ActivityOptions, LocalActivityOptions } from '../common/activity-options.js';
import type { Headers, SignalTypeInfo } from '../common/definitions.js';
import type { Next } from '../common/interceptors.js';
import type { MetricTags } from '../common/metrics.js';
import type { Payload } from '../common/payload-converter.js';
import type { PayloadTypeInfo } from '../common/type-info.js';
import type { Activation, RealmCommand } from './activation.js';
import type { ChildWorkflowOptions } from './child-workflow.js';
import type { ContinueAsNewOptions } from './continue-as-new.js';
import type { StartNexusOperationOptions } from './nexus.js';
import type { TimerOptions } from './timers.js';

/** Makes the interceptors of one run. What the module exports as `interceptors`. */
export type WorkflowInterceptorsFactory = () => WorkflowInterceptors;

/** @example export const interceptors: WorkflowInterceptorsFactory = () => ({ outbound: [new TraceContext()] }); */
export interface WorkflowInterceptors {
  readonly inbound?: WorkflowInboundCallsInterceptor[];
  readonly outbound?: WorkflowOutboundCallsInterceptor[];
  readonly internals?: WorkflowInternalsInterceptor[];
}

/** Around what others want of the workflow. */
export interface WorkflowInboundCallsInterceptor {
  /** Around the workflow function. */
  execute?(input: WorkflowExecuteInput, next: Next<WorkflowInboundCallsInterceptor, 'execute'>): Promise<unknown>;
  /** Around an update handler; what it throws or returns is the update's outcome. */
  handleUpdate?(input: UpdateInput, next: Next<WorkflowInboundCallsInterceptor, 'handleUpdate'>): Promise<unknown>;
  /** Around the validator of an update. Must only look; throws to refuse. Not called in a replay, nor for a handler without validator. */
  validateUpdate?(input: UpdateInput, next: Next<WorkflowInboundCallsInterceptor, 'validateUpdate'>): void;
  /** Around a signal handler. */
  handleSignal?(input: SignalInput, next: Next<WorkflowInboundCallsInterceptor, 'handleSignal'>): Promise<void>;
  /** Around a query handler. Must only look, and may await nothing but `next`. */
  handleQuery?(input: QueryInput, next: Next<WorkflowInboundCallsInterceptor, 'handleQuery'>): Promise<unknown>;
}

export interface WorkflowExecuteInput {
  readonly args: unknown[];
  readonly headers: Headers;
}

export interface UpdateInput {
  readonly updateId: string;
  readonly name: string;
  readonly args: unknown[];
  readonly headers: Headers;
}

export interface SignalInput {
  readonly signalName: string;
  readonly args: unknown[];
  readonly headers: Headers;
}

export interface QueryInput {
  readonly queryId: string;
  readonly queryName: string;
  readonly args: unknown[];
  readonly headers: Headers;
}

/** Around what the workflow wants of others. */
export interface WorkflowOutboundCallsInterceptor {
  /** Around `sleep`, `setTimeout`, and the timers of timeouts. */
  startTimer?(input: TimerInput, next: Next<WorkflowOutboundCallsInterceptor, 'startTimer'>): Promise<void>;
  scheduleActivity?(input: ActivityInput, next: Next<WorkflowOutboundCallsInterceptor, 'scheduleActivity'>): Promise<unknown>;
  /** Called again for an attempt that follows a long backoff. */
  scheduleLocalActivity?(input: LocalActivityInput, next: Next<WorkflowOutboundCallsInterceptor, 'scheduleLocalActivity'>): Promise<unknown>;
  /** Gives the token when the operation has started, and the promise of its result. */
  startNexusOperation?(input: StartNexusOperationInput, next: Next<WorkflowOutboundCallsInterceptor, 'startNexusOperation'>): Promise<StartNexusOperationOutput>;
  /** Gives two promises: of the run id when the child has started, and of its result. */
  startChildWorkflowExecution?(
    input: StartChildWorkflowExecutionInput,
    next: Next<WorkflowOutboundCallsInterceptor, 'startChildWorkflowExecution'>,
  ): Promise<[started: Promise<string>, completed: Promise<unknown>]>;
  signalWorkflow?(input: SignalWorkflowInput, next: Next<WorkflowOutboundCallsInterceptor, 'signalWorkflow'>): Promise<void>;
  /** `next` throws, always: that is how a run ends. */
  continueAsNew?(input: ContinueAsNewInput, next: Next<WorkflowOutboundCallsInterceptor, 'continueAsNew'>): Promise<never>;
  /** What each line of `log` carries; called for each line. */
  getLogAttributes?(input: GetLogAttributesInput, next: Next<WorkflowOutboundCallsInterceptor, 'getLogAttributes'>): Record<string, unknown>;
  /** What each value of `metricMeter` carries; called for each value. */
  getMetricTags?(input: GetMetricTagsInput, next: Next<WorkflowOutboundCallsInterceptor, 'getMetricTags'>): GetMetricTagsInput;
}

export interface TimerInput {
  readonly durationMs: number;
  readonly seq: number;
  readonly options?: TimerOptions;
}

export interface ActivityInput {
  readonly activityType: string;
  readonly args: unknown[];
  readonly options: ActivityOptions;
  /** How arguments and result travel. */
  readonly typeInfo?: PayloadTypeInfo;
  readonly headers: Headers;
  readonly seq: number;
}

export interface LocalActivityInput {
  readonly activityType: string;
  readonly args: unknown[];
  readonly options: LocalActivityOptions;
  /** How arguments and result travel. */
  readonly typeInfo?: PayloadTypeInfo;
  readonly headers: Headers;
  readonly seq: number;
  /** From 1; more after a backoff that a timer waited out. */
  readonly attempt: number;
  /** When the first attempt was scheduled, milliseconds since the epoch; absent for the first. */
  readonly originalScheduleTimeMs?: number;
}

export interface StartNexusOperationInput {
  readonly endpoint: string;
  readonly service: string;
  readonly operation: string;
  readonly input: unknown;
  /** How the input travels, and the output; see the definition of the operation. */
  readonly inputType?: TypeInfo<unknown, unknown>;
  readonly outputType?: TypeInfo<unknown, unknown>;
  readonly options: StartNexusOperationOptions;
  /** Plain text; the handler finds it in the headers of its context. */
  readonly headers: Record<string, string>;
  readonly seq: number;
}

export interface StartNexusOperationOutput {
  /** Absent: the operation ended within its start. */
  readonly token?: string;
  readonly result: Promise<unknown>;
}

export interface StartChildWorkflowExecutionInput {
  readonly workflowType: string;
  readonly options: ChildWorkflowOptions & { readonly workflowId: string; readonly args: unknown[] };
  readonly headers: Headers;
  readonly seq: number;
}

export interface SignalWorkflowInput {
  readonly seq: number;
  readonly signalName: string;
  readonly args: unknown[];
  readonly typeInfo?: SignalTypeInfo;
  readonly headers: Headers;
  readonly target:
    | { readonly type: 'external'; readonly workflowExecution: { readonly workflowId: string; readonly runId?: string } }
    | { readonly type: 'child'; readonly childWorkflowId: string };
}

export type ContinueAsNewInputOptions = ContinueAsNewOptions & { readonly workflowType: string };

export interface ContinueAsNewInput {
  readonly args: unknown[];
  readonly headers: Headers;
  readonly options: ContinueAsNewInputOptions;
}

export type GetLogAttributesInput = Record<string, unknown>;

export type GetMetricTagsInput = MetricTags;

/** Around the steps of the runtime: for instruments that must see everything. The shapes in it may change between versions. */
export interface WorkflowInternalsInterceptor {
  /** Around the jobs of one activation. */
  activate?(input: ActivateInput, next: Next<WorkflowInternalsInterceptor, 'activate'>): void;
  /** After an activation: may change its commands. */
  concludeActivation?(input: ConcludeActivationInput, next: Next<WorkflowInternalsInterceptor, 'concludeActivation'>): ConcludeActivationOutput;
  /** The run leaves memory: it ended, or must make room. */
  dispose?(input: DisposeInput, next: Next<WorkflowInternalsInterceptor, 'dispose'>): void;
}

export interface ActivateInput {
  readonly activation: Activation;
  readonly batchIndex: number;
}

export interface ConcludeActivationInput {
  readonly commands: readonly RealmCommand[];
}

export type ConcludeActivationOutput = ConcludeActivationInput;

export type DisposeInput = Readonly<Record<string, never>>;

/** The interceptors of one run, all modules together. */
export class RunInterceptors {
  readonly inbound: WorkflowInboundCallsInterceptor[] = [];
  readonly outbound: WorkflowOutboundCallsInterceptor[] = [];
  readonly internals: WorkflowInternalsInterceptor[] = [];

  /** Takes what a module exports. @throws TypeError if that is no function. */
  add(factory: unknown): void {
    if (factory === undefined) return;
    if (typeof factory !== 'function') {
      throw new TypeError(`A module of interceptors.workflowModules must export a function \`interceptors\` that gives interceptors, not ${typeof factory}.`);
    }
    const { inbound = [], outbound = [], internals = [] } = (factory as WorkflowInterceptorsFactory)();
    this.inbound.push(...inbound);
    this.outbound.push(...outbound);
    this.internals.push(...internals);
  }
}

type HeaderFields = ReadonlyMap<string, Payload>;

/** As interceptors see them. */
export function headersFromFields(fields: HeaderFields | undefined): Headers {
  return fields === undefined ? {} : Object.fromEntries(fields);
}

/** As they travel; undefined for none. */
export function fieldsFromHeaders(headers: Headers | undefined): HeaderFields | undefined {
  if (headers === undefined) return undefined;
  const fields = Object.entries(headers);
  return fields.length === 0 ? undefined : new Map(fields);
}
