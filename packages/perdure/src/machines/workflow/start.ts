/**
 * The beginning of a run, and what a start means where a run exists already.
 *
 * A start names a workflow id. If a run has it, the request id (the same start again), the conflict policy (it is open) or the reuse
 * policy (it is closed) decides. A new run begins with one batch: WorkflowExecutionStarted, the signal of a signal-with-start, and
 * WorkflowTaskScheduled, unless the first task is delayed. Debts: that delay, and the timeout of the run.
 */
import {
  Code,
  EventType,
  RpcError,
  TaskQueueKind,
  WorkflowExecutionAlreadyStartedFailure,
  WorkflowExecutionStartedEventAttributes,
  WorkflowExecutionStatus,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from '../../protocol/index.js';
import type { HistoryEvent, RunCreated } from '../../protocol/index.js';
import type { MachineKey, Moment } from '../machine.js';
import { FIRST_TASK_BACKOFF, RUN_TIMEOUT } from './debts.js';
import type { Draft } from './draft.js';
import type { CreateInput, StartInput, StartReply } from './inputs.js';
import { MAXIMUM_DURATION_MS } from './limits.js';
import type { WorkflowLimits } from './limits.js';
import { jsonPayloads } from './payloads.js';
import { invalid } from './refusals.js';
import { retryPolicyProblem, withRetryDefaults } from './retry-policy.js';
import { takeSignal, writeSignal } from './signals.js';
import { SERVER_IDENTITY, after, keep, must } from './state.js';
import type { Applying, WorkflowState } from './state.js';
import { terminateRun } from './terminate.js';
import { scheduleWorkflowTask, startWorkflowTask, workflowTaskReply } from './workflow-task.js';

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What is wrong with a start, whatever exists. */
export function startProblem({ request, signal }: StartInput): RpcError | undefined {
  const { workflowIdReusePolicy: reuse, workflowIdConflictPolicy: conflict } = request;
  if (reuse === WorkflowIdReusePolicy.TERMINATE_IF_RUNNING && conflict !== WorkflowIdConflictPolicy.UNSPECIFIED) {
    return invalid('WorkflowIdReusePolicy TERMINATE_IF_RUNNING cannot be combined with a WorkflowIdConflictPolicy');
  }
  if (reuse === WorkflowIdReusePolicy.REJECT_DUPLICATE && conflict === WorkflowIdConflictPolicy.TERMINATE_EXISTING) {
    return invalid('WorkflowIdReusePolicy REJECT_DUPLICATE cannot be combined with WorkflowIdConflictPolicy TERMINATE_EXISTING');
  }
  if (signal !== undefined && conflict === WorkflowIdConflictPolicy.FAIL) {
    return invalid('WorkflowIdConflictPolicy FAIL is not possible for signal-with-start');
  }
  const durations = [request.workflowExecutionTimeout, request.workflowRunTimeout, request.workflowTaskTimeout, request.workflowStartDelay];
  if (durations.some((duration) => (duration ?? 0) < 0)) return invalid('a timeout or delay of the workflow is negative');
  const problem = retryPolicyProblem(request.retryPolicy);
  if (problem !== undefined) return invalid(problem);
  if (request.cronSchedule !== '') return new RpcError(Code.UNIMPLEMENTED, 'this server does not support cron schedules yet');
  return undefined;
}

/** A new run for this start. It answers for the start. */
export function newRun(input: StartInput, at: Moment, limits: WorkflowLimits): NonNullable<Draft['successor']> {
  return { machine: at.newId(), input: creation(input, limits), answers: true };
}

/** A start under an id that has a run. */
export function startAgain(draft: Draft, input: StartInput): StartReply | RpcError {
  const { state, moment, limits } = draft;
  const { request, signal } = input;
  if (request.requestId !== '' && request.requestId === state.run.createRequestId) return existing(state, true);
  if (!state.isOpen) {
    if (!mayReuse(request.workflowIdReusePolicy, state.run.status)) return alreadyStarted(state);
    draft.successor = newRun(input, moment, limits);
    return existing(state, true);
  }
  switch (conflictPolicy(input)) {
    case WorkflowIdConflictPolicy.TERMINATE_EXISTING:
      return replaceRun(draft, newRun(input, moment, limits));
    case WorkflowIdConflictPolicy.USE_EXISTING: {
      if (signal === undefined) return existing(state, false);
      const taken = takeSignal(draft, { ...signal, identity: request.identity, requestId: request.requestId, links: request.links });
      return taken instanceof RpcError ? taken : existing(state, false);
    }
    default:
      return alreadyStarted(state);
  }
}

function replaceRun(draft: Draft, successor: NonNullable<Draft['successor']>): StartReply {
  draft.successor = successor;
  const details = jsonPayloads(`terminated by new runID: ${successor.machine}`);
  terminateRun(draft, { reason: 'TerminateIfRunning WorkflowIdReusePolicy', details, identity: SERVER_IDENTITY });
  return existing(draft.state, true);
}

/** Creates the run. */
export function create(draft: Draft, input: CreateInput, self: MachineKey & { readonly machine: string }): StartReply {
  const { state, now, limits } = draft;
  const { signal, attributes } = input;
  const runId = self.machine;
  draft.emitPrivate({
    runCreated: { namespaceId: self.namespace, namespace: input.namespace, workflowId: self.key, runId, requestId: input.requestId },
  });
  const backoff = attributes.firstWorkflowTaskBackoff ?? 0;
  const executionTimeout = attributes.workflowExecutionTimeout ?? 0;
  const eager = input.eagerIdentity !== undefined && backoff === 0;
  draft.emit(
    EventType.WORKFLOW_EXECUTION_STARTED,
    {
      workflowExecutionStartedEventAttributes: {
        ...attributes,
        workflowId: self.key,
        originalExecutionRunId: attributes.originalExecutionRunId || runId,
        firstExecutionRunId: attributes.firstExecutionRunId || runId,
        workflowExecutionExpirationTime:
          attributes.workflowExecutionExpirationTime ?? (executionTimeout > 0 ? after(now, executionTimeout + backoff) : undefined),
        eagerExecutionAccepted: eager,
      },
    },
    { userMetadata: input.userMetadata, links: input.links },
  );
  if (signal !== undefined) {
    writeSignal(draft, { ...signal, identity: attributes.identity, requestId: input.requestId, links: input.links });
  }
  scheduleWorkflowTask(draft);
  if (input.eagerIdentity === undefined || !eager) return existing(state, true);
  startWorkflowTask(draft, input.eagerIdentity, input.requestId);
  return { ...existing(state, true), eagerWorkflowTask: workflowTaskReply(state, limits, 'normal') };
}

function creation({ namespace, request, signal }: StartInput, limits: WorkflowLimits): CreateInput {
  const bounded = (duration = 0): number => Math.min(duration, MAXIMUM_DURATION_MS);
  const executionTimeout = bounded(request.workflowExecutionTimeout);
  const asked = bounded(request.workflowRunTimeout) || executionTimeout;
  const runTimeout = executionTimeout > 0 ? Math.min(asked, executionTimeout) : asked;
  const delay = bounded(request.workflowStartDelay);
  return {
    type: 'create',
    namespace,
    requestId: request.requestId,
    attributes: WorkflowExecutionStartedEventAttributes.create({
      workflowType: request.workflowType,
      workflowId: request.workflowId,
      taskQueue: { name: request.taskQueue?.name ?? '', kind: TaskQueueKind.NORMAL },
      input: request.input,
      header: request.header,
      memo: request.memo,
      searchAttributes: request.searchAttributes,
      workflowExecutionTimeout: executionTimeout || undefined,
      workflowRunTimeout: runTimeout || undefined,
      workflowTaskTimeout: taskTimeout(bounded(request.workflowTaskTimeout), runTimeout, limits),
      firstWorkflowTaskBackoff: delay,
      attempt: 1,
      retryPolicy: request.retryPolicy && withRetryDefaults(request.retryPolicy),
      identity: request.identity,
      continuedFailure: request.continuedFailure,
      lastCompletionResult: request.lastCompletionResult,
      completionCallbacks: request.completionCallbacks,
      versioningOverride: request.versioningOverride,
      priority: request.priority,
    }),
    userMetadata: request.userMetadata,
    links: request.links,
    signal,
    eagerIdentity: request.requestEagerExecution && delay === 0 ? request.identity : undefined,
  };
}

/** The timeout of each workflow task: a default, a maximum, and never longer than the run. */
export function taskTimeout(asked: number, runTimeout: number, limits: WorkflowLimits): number {
  const timeout = Math.min(asked || limits.defaultWorkflowTaskTimeoutMs, limits.maximumWorkflowTaskTimeoutMs);
  return runTimeout > 0 ? Math.min(timeout, runTimeout) : timeout;
}

function conflictPolicy({ request, signal }: StartInput): WorkflowIdConflictPolicy {
  if (request.workflowIdReusePolicy === WorkflowIdReusePolicy.TERMINATE_IF_RUNNING) return WorkflowIdConflictPolicy.TERMINATE_EXISTING;
  if (request.workflowIdConflictPolicy !== WorkflowIdConflictPolicy.UNSPECIFIED) return request.workflowIdConflictPolicy;
  return signal === undefined ? WorkflowIdConflictPolicy.FAIL : WorkflowIdConflictPolicy.USE_EXISTING;
}

function mayReuse(policy: WorkflowIdReusePolicy, status: WorkflowExecutionStatus): boolean {
  switch (policy) {
    case WorkflowIdReusePolicy.REJECT_DUPLICATE:
      return false;
    case WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY:
      return status !== WorkflowExecutionStatus.COMPLETED && status !== WorkflowExecutionStatus.CONTINUED_AS_NEW;
    default:
      return true;
  }
}

function existing({ run }: WorkflowState, started: boolean): StartReply {
  return { kind: 'started', runId: run.runId, firstExecutionRunId: run.firstExecutionRunId, started, status: run.status };
}

function alreadyStarted({ run, isOpen }: WorkflowState): RpcError {
  const what = isOpen
    ? 'Workflow execution is already running.'
    : 'Workflow execution already finished, and its WorkflowIdReusePolicy does not allow another run.';
  return RpcError.with(
    Code.ALREADY_EXISTS,
    `${what} WorkflowId: ${run.workflowId}, RunId: ${run.runId}.`,
    WorkflowExecutionAlreadyStartedFailure,
    { startRequestId: run.createRequestId, runId: run.runId, firstExecutionRunId: run.firstExecutionRunId },
  );
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function applyRunCreated(state: WorkflowState, created: RunCreated): void {
  const { run } = state;
  run.namespaceId = created.namespaceId;
  run.namespace = created.namespace;
  run.workflowId = created.workflowId;
  run.runId = created.runId;
  run.createRequestId = created.requestId;
  run.status = WorkflowExecutionStatus.RUNNING;
}

export function applyStarted(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const attributes = must(event.workflowExecutionStartedEventAttributes, 'attributes');
  const { run } = state;
  const backoff = attributes.firstWorkflowTaskBackoff ?? 0;
  run.firstExecutionRunId = attributes.firstExecutionRunId;
  run.originalExecutionRunId = attributes.originalExecutionRunId;
  run.continuedExecutionRunId = attributes.continuedExecutionRunId;
  run.workflowType = attributes.workflowType?.name ?? '';
  run.taskQueue = attributes.taskQueue?.name ?? '';
  run.startTimeMs = event.eventTime ?? 0;
  run.executionTimeMs = after(run.startTimeMs, backoff);
  run.executionTimeoutMs = attributes.workflowExecutionTimeout ?? 0;
  run.runTimeoutMs = attributes.workflowRunTimeout ?? 0;
  run.taskTimeoutMs = attributes.workflowTaskTimeout ?? 0;
  run.executionExpiresAtMs = attributes.workflowExecutionExpirationTime ?? 0;
  run.runExpiresAtMs = runExpiry(run.executionExpiresAtMs, run.runTimeoutMs, after(applying.now, backoff));
  run.firstTaskAtMs = backoff > 0 ? after(applying.now, backoff) : 0;
  run.attempt = attributes.attempt;
  run.retryPolicy = attributes.retryPolicy;
  run.cronSchedule = attributes.cronSchedule;
  run.memo = keep(attributes.memo);
  run.searchAttributes = keep(attributes.searchAttributes);
  run.userMetadata = keep(event.userMetadata);
  run.priority = keep(attributes.priority);
  run.parentNamespaceId = attributes.parentWorkflowNamespaceId;
  run.parent = attributes.parentWorkflowExecution;
  run.root = attributes.rootWorkflowExecution;
  if (attributes.retryPolicy !== undefined) run.startedAttributes = WorkflowExecutionStartedEventAttributes.encode(attributes);
  applying.touch(RUN_TIMEOUT);
  applying.touch(FIRST_TASK_BACKOFF);
}

function runExpiry(executionExpiresAt: number, runTimeout: number, from: number): number {
  const runExpiresAt = runTimeout > 0 ? after(from, runTimeout) : 0;
  if (executionExpiresAt === 0 || runExpiresAt === 0) return executionExpiresAt || runExpiresAt;
  return Math.min(executionExpiresAt, runExpiresAt);
}
