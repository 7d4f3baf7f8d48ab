/** Starting child workflows, and their handles. */
import { msOptionalToNumber } from '../common/duration.js';
import type { SignalDefinition, Workflow, WorkflowResultType } from '../common/definitions.js';
import { WorkflowExecutionAlreadyStartedError } from '../common/failure.js';
import { mapToPayloads } from '../common/payload-converter.js';
import { compileRetryPolicy } from '../common/retry-policy.js';
import { encodeSearchAttributes } from '../common/search-attributes.js';
import {
  extractWorkflowType,
  parentClosePolicies,
  workflowIdReusePolicies,
  type CommonWorkflowOptions,
  type ParentClosePolicy,
  type WithWorkflowArgs,
} from '../common/workflow-options.js';
import type { CancellationBehaviour, ChildStartResult, Resolution, StartChild } from './activation.js';
import { CancellationScope } from './cancellation-scope.js';
import { currentRun } from './current-run.js';
import { signalTarget } from './external-workflow.js';
import { callSite, type Completion, type WorkflowRun } from './workflow-run.js';

/** What the workflow does when it is cancelled while a child runs. */
export const ChildWorkflowCancellationType = {
  /** Ask the child to stop and go on at once with a cancellation. */
  TRY_CANCEL: 'TRY_CANCEL',
  /** Wait until the request has reached the child. */
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
}

export interface ChildWorkflowHandle<T extends Workflow> {
  readonly workflowId: string;
  readonly firstExecutionRunId: string;
  /** What the child returns. @throws ChildWorkflowFailure if it does not complete. */
  result(): Promise<WorkflowResultType<T>>;
  signal<Args extends unknown[] = []>(definition: SignalDefinition<Args, string> | string, ...args: Args): Promise<void>;
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
 * @throws WorkflowExecutionAlreadyStartedError if the workflow id is taken.
 */
export async function startChild<T extends Workflow>(
  workflow: string | T,
  ...[options]: ChildArguments<T>
): Promise<ChildWorkflowHandle<T>> {
  const run = currentRun('startChild');
  const { started, ended, workflowId } = start(run, extractWorkflowType(workflow), options ?? {}, startChild);
  const firstExecutionRunId = await started;
  return {
    workflowId,
    firstExecutionRunId,
    result: () => ended as Promise<WorkflowResultType<T>>,
    signal: (definition, ...args) => signalTarget({ kind: 'child', workflowId }, definition, args),
  };
}

/** Starts a child and waits for its result. @throws ChildWorkflowFailure if it does not complete. */
export async function executeChild<T extends Workflow>(workflow: string | T, ...[options]: ChildArguments<T>): Promise<WorkflowResultType<T>> {
  const run = currentRun('executeChild');
  const { started, ended } = start(run, extractWorkflowType(workflow), options ?? {}, executeChild);
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

function start(run: WorkflowRun, workflowType: string, options: GivenOptions, below: (...args: never[]) => unknown): StartedChild {
  run.assertMayAct('start-child');
  const workflowId = options.workflowId ?? run.random.uuid4();
  const seq = run.nextSeq.child++;
  const scope = CancellationScope.current();
  let end: Completion | undefined;
  const ended = new Promise<unknown>((resolve, reject) => (end = { resolve, reject }));
  // The start may fail, then nobody can wait for the end.
  ended.catch(() => undefined);
  const started = new Promise<string>((resolve, reject) => {
    if (scope.consideredCancelled) {
      scope.cancelRequested.catch(reject);
      return;
    }
    const site = callSite(below);
    run.push(command(run, seq, workflowId, workflowType, options, site));
    run.children.set(seq, {
      site,
      onStart: (result) => settleStart(run, seq, result, resolve, reject),
      onEnd: (result) => {
        // A child that is cancelled before it has started ends both promises.
        if (!result.ok) reject(run.toError(result.failure));
        run.settle(end, result);
      },
    });
    if (!scope.cancellable) return;
    scope.cancelRequested.catch(() => {
      if (run.children.has(seq)) run.push({ kind: 'request-cancel-child', seq, reason: 'Parent workflow cancelled' });
    });
  });
  return { workflowId, started, ended };
}

function settleStart(
  run: WorkflowRun,
  seq: number,
  result: ChildStartResult,
  resolve: (runId: string) => void,
  reject: (error: unknown) => void,
): void {
  if (result.kind === 'started') return resolve(result.runId);
  run.children.delete(seq);
  if (result.kind === 'cancelled') return reject(run.toError(result.failure));
  reject(new WorkflowExecutionAlreadyStartedError('Workflow execution already started', result.workflowId, result.workflowType));
}

function command(
  run: WorkflowRun,
  seq: number,
  workflowId: string,
  workflowType: string,
  options: GivenOptions,
  site: StartChild['site'],
): StartChild {
  const { payloadConverter } = run;
  const { searchAttributes, typedSearchAttributes } = options;
  return {
    kind: 'start-child',
    seq,
    site,
    workflowId,
    workflowType,
    taskQueue: options.taskQueue,
    input: (options.args ?? []).map((arg) => payloadConverter.toPayload(arg)),
    headers: undefined,
    executionTimeoutMs: msOptionalToNumber(options.workflowExecutionTimeout),
    runTimeoutMs: msOptionalToNumber(options.workflowRunTimeout),
    taskTimeoutMs: msOptionalToNumber(options.workflowTaskTimeout),
    parentClosePolicy: parentClosePolicies.encode(options.parentClosePolicy),
    workflowIdReusePolicy: workflowIdReusePolicies.encode(options.workflowIdReusePolicy),
    retryPolicy: options.retry && compileRetryPolicy(options.retry),
    cronSchedule: options.cronSchedule,
    memo: options.memo && mapToPayloads(payloadConverter, options.memo),
    searchAttributes: encodeSearchAttributes(searchAttributes, typedSearchAttributes),
    cancellation: CANCELLATION[options.cancellationType ?? 'WAIT_CANCELLATION_COMPLETED'],
    summary: options.staticSummary === undefined ? undefined : payloadConverter.toPayload(options.staticSummary),
    details: options.staticDetails === undefined ? undefined : payloadConverter.toPayload(options.staticDetails),
  };
}
