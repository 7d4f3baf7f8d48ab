/** Starting child workflows, and their handles. */
import { msOptionalToNumber } from '../common/duration.js';
import { checkArgumentsNow } from '../common/checks.js';
import { composeInterceptors } from '../common/interceptors.js';
import type { SignalDefinition, Workflow, WorkflowResultType, WorkflowSignalOptions } from '../common/definitions.js';
import { WorkflowExecutionAlreadyStartedError } from '../common/failure.js';
import { mapToPayloads } from '../common/payload-converter.js';
import { compileRetryPolicy } from '../common/retry-policy.js';
import { encodeSearchAttributes } from '../common/search-attributes.js';
import {
  extractWorkflowTypeAndConfig,
  parentClosePolicies,
  workflowIdReusePolicies,
  type CommonWorkflowOptions,
  type ParentClosePolicy,
  type WithWorkflowArgs,
} from '../common/workflow-options.js';
import { argsToPayloads, type PayloadTypeInfo } from '../common/type-info.js';
import type { CancellationBehaviour, ChildStartResult, Resolution, StartChild } from './activation.js';
import { CancellationScope } from './cancellation-scope.js';
import { currentRun } from './current-run.js';
import type { Conversion } from './conversions.js';
import { signalTarget } from './external-workflow.js';
import { fieldsFromHeaders, type StartChildWorkflowExecutionInput } from './interceptors.js';
import { callSite, type Completion, type WorkflowRun } from './workflow-run.js';

/** What the workflow does when it is cancelled while a child runs. */
export const ChildWorkflowCancellationType = {
  /** Ask the child to stop and go on at once with a cancellation. */
  TRY_CANCEL: 'TRY_CANCEL',
  /** As WAIT_CANCELLATION_COMPLETED: Temporal's workers do not end the wait earlier, and histories must replay in both. */
  WAIT_CANCELLATION_REQUESTED: 'WAIT_CANCELLATION_REQUESTED',
  /** Wait for how the child ends. The default. */
  WAIT_CANCELLATION_COMPLETED: 'WAIT_CANCELLATION_COMPLETED',
  /** Do not ask; go on at once with a cancellation. */
  ABANDON: 'ABANDON',
} as const;
export type ChildWorkflowCancellationType = (typeof ChildWorkflowCancellationType)[keyof typeof ChildWorkflowCancellationType];

export interface ChildWorkflowOptions extends Omit<CommonWorkflowOptions, 'workflowIdConflictPolicy'> {
  /** Default: a random id, the same in every replay. */
  workflowId?: string;
  /** Default: the task queue of the parent. */
  taskQueue?: string;
  cancellationType?: ChildWorkflowCancellationType;
  /** What happens to the child when the parent closes. Default: TERMINATE. */
  parentClosePolicy?: ParentClosePolicy;
  /** How arguments and result travel, of a child that is named by text. A function says it itself: see `defineWorkflowOptions`. */
  typeInfo?: PayloadTypeInfo;
}

export interface ChildWorkflowHandle<T extends Workflow> {
  readonly workflowId: string;
  readonly firstExecutionRunId: string;
  /** What the child returns. @throws ChildWorkflowFailure if it does not complete. */
  result(): Promise<WorkflowResultType<T>>;
  signal<Args extends unknown[] = []>(definition: SignalDefinition<Args, string> | string, ...args: Args): Promise<void>;
  /** Sends a signal by name, with hints of types; a definition has its own. */
  signalWithOptions<Args extends unknown[] = []>(signalName: string, options: WorkflowSignalOptions<Args>): Promise<void>;
}

/** Who waits for a child: first for its start, then for its end. */
export interface ChildCompletion {
  readonly site?: Completion['site'];
  onStart(result: ChildStartResult): void;
  onEnd(result: Resolution): void;
}

const CANCELLATION: Readonly<Record<ChildWorkflowCancellationType, CancellationBehaviour>> = {
  TRY_CANCEL: 'try-cancel',
  WAIT_CANCELLATION_REQUESTED: 'wait-cancellation-requested',
  WAIT_CANCELLATION_COMPLETED: 'wait-cancellation-completed',
  ABANDON: 'abandon',
};

/**
 * Starts a child and waits until it has started, not until it has ended.
 *
 * @throws WorkflowExecutionAlreadyStartedError if the workflow id is taken; ChildWorkflowFailure if the start is refused for another
 * reason, which its cause names.
 */
export async function startChild<T extends Workflow>(
  workflow: string | T,
  ...[options]: ChildArguments<T>
): Promise<ChildWorkflowHandle<T>> {
  const run = currentRun('startChild');
  const begun = begin(run, workflow, options ?? {}, startChild);
  const { started, ended, workflowId } = begun instanceof Promise ? await begun : begun;
  const firstExecutionRunId = await started;
  return {
    workflowId,
    firstExecutionRunId,
    result: () => ended as Promise<WorkflowResultType<T>>,
    signal: (definition, ...args) => signalTarget({ kind: 'child', workflowId }, definition, args),
    signalWithOptions: (name, { args = [], typeInfo }) => signalTarget({ kind: 'child', workflowId }, name, args, typeInfo),
  };
}

/** Starts a child and waits for its result. @throws ChildWorkflowFailure if it does not complete. */
export async function executeChild<T extends Workflow>(workflow: string | T, ...[options]: ChildArguments<T>): Promise<WorkflowResultType<T>> {
  const run = currentRun('executeChild');
  const begun = begin(run, workflow, options ?? {}, executeChild);
  const { started, ended } = begun instanceof Promise ? await begun : begun;
  await started;
  return (await ended) as WorkflowResultType<T>;
}

type ChildArguments<T extends Workflow> =
  Parameters<T> extends [unknown, ...unknown[]]
    ? [options: WithWorkflowArgs<T, ChildWorkflowOptions>]
    : [options?: WithWorkflowArgs<T, ChildWorkflowOptions>];

interface StartedChild {
  readonly workflowId: string;
  readonly started: Promise<string>;
  readonly ended: Promise<unknown>;
}

type GivenOptions = ChildWorkflowOptions & { args?: readonly unknown[] };

type Below = (...args: never[]) => unknown;

function begin(run: WorkflowRun, workflow: string | Workflow, options: GivenOptions, below: Below): StartedChild | Promise<StartedChild> {
  const { type: workflowType, typeInfo } = extractWorkflowTypeAndConfig(workflow, options.typeInfo);
  run.assertMayAct('start-child');
  checkArgumentsNow(workflow, options.args ?? []);
  const workflowId = options.workflowId ?? run.random.uuid4();
  const input = { workflowType, options: { cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED, ...options, workflowId, args: [...(options.args ?? [])], ...(typeInfo && { typeInfo }) }, headers: {}, seq: run.nextSeq.child++ };
  // Without interceptors nothing is awaited here: microtasks are part of the order of commands.
  return run.interceptors.outbound.length === 0 ? start(run, input, below) : intercepted(run, input, below);
}

async function intercepted(run: WorkflowRun, input: StartChildWorkflowExecutionInput, below: Below): Promise<StartedChild> {
  const { outbound } = run.interceptors;
  const [started, ended] = await composeInterceptors(outbound, 'startChildWorkflowExecution', async (changed): Promise<[Promise<string>, Promise<unknown>]> => {
    const child = start(run, changed, below);
    // Interceptors may take their time before anybody waits for it.
    child.started.catch(() => undefined);
    return [child.started, child.ended];
  })(input);
  return { workflowId: input.options.workflowId, started, ended };
}

function start(run: WorkflowRun, input: StartChildWorkflowExecutionInput, below: Below): StartedChild {
  const { seq } = input;
  const { workflowId } = input.options;
  const scope = CancellationScope.current();
  const of = run.conversions.ofWorkflow(workflowId);
  let end: Completion | undefined;
  const ended = new Promise<unknown>((resolve, reject) => (end = { resolve, reject, of, outputType: input.options.typeInfo?.outputType }));
  // The start may fail, then nobody can wait for the end.
  ended.catch(() => undefined);
  const started = new Promise<string>((resolve, reject) => {
    if (scope.consideredCancelled) {
      scope.cancelRequested.catch(reject);
      return;
    }
    const site = callSite(below);
    run.push(command(input, of, site));
    let stopListening: (() => void) | undefined;
    run.children.set(seq, {
      site,
      onStart: (result) => {
        if (result.kind !== 'started') stopListening?.();
        settleStart(run, seq, of, result, resolve, reject);
      },
      onEnd: (result) => {
        stopListening?.();
        // A child that is cancelled before it has started ends both promises.
        if (!result.ok) reject(run.toError(result.failure, of));
        run.settle(end, result);
      },
    });
    if (!scope.cancellable) return;
    stopListening = scope.onCancelRequested(() => {
      if (run.children.has(seq)) run.push({ kind: 'request-cancel-child', seq, reason: 'Parent workflow cancelled' });
    });
  });
  return { workflowId, started, ended };
}

function settleStart(
  run: WorkflowRun,
  seq: number,
  of: Conversion,
  result: ChildStartResult,
  resolve: (runId: string) => void,
  reject: (error: unknown) => void,
): void {
  if (result.kind === 'started') return resolve(result.runId);
  run.children.delete(seq);
  if (result.kind === 'cancelled' || result.kind === 'refused') return reject(run.toError(result.failure, of));
  reject(new WorkflowExecutionAlreadyStartedError('Workflow execution already started', result.workflowId, result.workflowType));
}

function command(input: StartChildWorkflowExecutionInput, { payloads: payloadConverter }: Conversion, site: StartChild['site']): StartChild {
  const { seq, workflowType, options, headers } = input;
  const { workflowId, searchAttributes, typedSearchAttributes } = options;
  return {
    kind: 'start-child',
    seq,
    site,
    workflowId,
    workflowType,
    taskQueue: options.taskQueue,
    input: argsToPayloads(payloadConverter, options.args, options.typeInfo?.inputTypes),
    headers: fieldsFromHeaders(headers),
    executionTimeoutMs: msOptionalToNumber(options.workflowExecutionTimeout),
    runTimeoutMs: msOptionalToNumber(options.workflowRunTimeout),
    taskTimeoutMs: msOptionalToNumber(options.workflowTaskTimeout),
    parentClosePolicy: parentClosePolicies.encode(options.parentClosePolicy),
    workflowIdReusePolicy: workflowIdReusePolicies.encode(options.workflowIdReusePolicy),
    retryPolicy: options.retry && compileRetryPolicy(options.retry),
    cronSchedule: options.cronSchedule,
    memo: options.memo && mapToPayloads(payloadConverter, options.memo),
    searchAttributes: encodeSearchAttributes(searchAttributes, typedSearchAttributes),
    priority: options.priority,
    cancellation: CANCELLATION[options.cancellationType ?? 'WAIT_CANCELLATION_COMPLETED'],
    summary: options.staticSummary === undefined ? undefined : payloadConverter.toPayload(options.staticSummary),
    details: options.staticDetails === undefined ? undefined : payloadConverter.toPayload(options.staticDetails),
  };
}
