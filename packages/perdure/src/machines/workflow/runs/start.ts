/**
 * The beginning of a run, and what a start means where a run exists already.
 *
 * A start names a workflow id. If a run has it, the request id (the same start again), the conflict policy (it is open) or the reuse
 * policy (it is closed) decides. A new run begins with one batch: WorkflowExecutionStarted, the signal of a signal-with-start, and
 * WorkflowTaskScheduled, unless the first task is delayed. Debts: that delay, and the timeout of the run.
 */
import {
  ContinueAsNewInitiator,
  EventType,
  RpcError,
  TaskQueueKind,
  VersioningOverride,
  WorkflowExecutionStartedEventAttributes,
  WorkflowExecutionStatus,
  WorkflowIdConflictPolicy,
} from '../../../protocol/index.js';
import type { HistoryEvent, RunCreated } from '../../../protocol/index.js';
import type { MachineKey, Moment } from '../../machine.js';
import { registerCallbacks } from './callbacks.js';
import { cronProblem, firstCronDelay } from './cron-schedule.js';
import { FIRST_TASK_BACKOFF, RUN_TIMEOUT } from '../debts.js';
import type { Draft } from '../draft.js';
import type { CreateInput, StartInput, StartReply, StartSignal } from '../inputs.js';
import { MAXIMUM_DURATION_MS } from '../limits.js';
import type { WorkflowLimits } from '../limits.js';
import { attach, isAttached, overrideProblem } from './options.js';
import { jsonPayloads } from '../payloads.js';
import { inheritResetPoints } from '../reset/reset-points.js';
import { invalid } from '../refusals.js';
import { retryPolicyProblem, withRetryDefaults } from '../activities/retry-policy.js';
import { alreadyStarted, conflictPolicy, existing, mayReuse, policyProblem } from './start-policies.js';
import { takeSignal, writeSignal } from '../signals.js';
import type { ParentInfo } from '../messages/message-inputs.js';
import { SERVER_IDENTITY, after, keep, must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import { terminateRun } from './terminate.js';
import { applyInherited, inheritanceAttributes } from './versioning.js';
import { storedOverride } from './version-binding.js';
import { updateExisting, withUpdate } from '../updates/update-with-start.js';
import { scheduleWorkflowTask, startWorkflowTask, workflowTaskReply } from '../tasks/workflow-task.js';

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What is wrong with a start, whatever exists. */
export function startProblem(input: StartInput): RpcError | undefined {
  const policies = policyProblem(input);
  if (policies !== undefined) return policies;
  const { request } = input;
  const durations = [request.workflowExecutionTimeout, request.workflowRunTimeout, request.workflowTaskTimeout, request.workflowStartDelay];
  if (durations.some((duration) => (duration ?? 0) < 0)) return invalid('a timeout or delay of the workflow is negative');
  const problem = retryPolicyProblem(request.retryPolicy);
  if (problem !== undefined) return invalid(problem);
  const cron = cronProblem(request.cronSchedule);
  if (cron !== undefined) return invalid(cron);
  if (request.cronSchedule !== '' && (request.workflowStartDelay ?? 0) > 0) return invalid('CronSchedule and WorkflowStartDelay may not be used together.');
  const override = overrideProblem(request.versioningOverride);
  return override === undefined ? undefined : invalid(override);
}

/** A new run for this start. It answers for the start. */
export function newRun(input: StartInput, at: Moment, limits: WorkflowLimits): NonNullable<Draft['successor']> {
  return { machine: at.newId(), input: creation(input, limits, Math.floor(at.now)), answers: true };
}

/** A start under an id that has a run. */
export function startAgain(draft: Draft, input: StartInput): StartReply | RpcError {
  const { state, moment, limits } = draft;
  const { request, signal } = input;
  const updated = input.update && updateExisting(draft, input, input.update);
  if (updated !== undefined) return updated;
  if (request.requestId !== '' && request.requestId === state.run.createRequestId) return existing(state, true);
  if (isChildOf(state, input.parent)) return existing(state, true);
  if (isAttached(state, request.requestId)) return existing(state, false, request.requestId);
  if (!state.isOpen) {
    if (!mayReuse(request.workflowIdReusePolicy, state.run.status)) return alreadyStarted(state, request.workflowIdReusePolicy);
    draft.successor = newRun(input, moment, limits);
    return existing(state, true);
  }
  switch (conflictPolicy(input)) {
    case WorkflowIdConflictPolicy.TERMINATE_EXISTING:
      return replaceRun(draft, newRun(input, moment, limits));
    case WorkflowIdConflictPolicy.USE_EXISTING:
      return signal === undefined ? useExisting(draft, request) : signalExisting(draft, request, signal);
    default:
      return alreadyStarted(state, request.workflowIdReusePolicy);
  }
}

function useExisting(draft: Draft, { requestId, completionCallbacks, links, onConflictOptions: options }: StartInput['request']): StartReply | RpcError {
  const attachment = {
    requestId: options?.attachRequestId === true ? requestId : '',
    callbacks: options?.attachCompletionCallbacks === true ? completionCallbacks : [],
    links: options?.attachLinks === true ? links : [],
  };
  return attach(draft, attachment) ?? existing(draft.state, false, attachment.requestId);
}

function signalExisting(draft: Draft, { identity, requestId, links }: StartInput['request'], signal: StartSignal): StartReply | RpcError {
  const taken = takeSignal(draft, { ...signal, identity, requestId, links });
  if (taken instanceof RpcError) return taken;
  // Unlike a plain signal, the start in it does not wait for the delay of the start before.
  scheduleWorkflowTask(draft, true);
  return existing(draft.state, false);
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
    runCreated: { namespaceId: self.namespace, namespace: input.namespace, workflowId: self.key, runId, requestId: input.requestId, scheduleWatch: input.scheduleWatch },
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
          attributes.workflowExecutionExpirationTime ?? (executionTimeout > 0 ? after(now, executionTimeout) : undefined),
        eagerExecutionAccepted: eager,
      },
    },
    { userMetadata: input.userMetadata, links: input.links },
  );
  if (signal !== undefined) {
    writeSignal(draft, { ...signal, identity: attributes.identity, requestId: input.requestId, links: input.links });
  }
  const reply = withUpdate(draft, existing(state, true), input.update);
  scheduleWorkflowTask(draft);
  if (input.eagerIdentity === undefined || !eager) return reply;
  startWorkflowTask(draft, input.eagerIdentity, input.requestId);
  return { ...reply, eagerWorkflowTask: workflowTaskReply(state, limits, 'normal') };
}

function creation({ namespace, request, signal, update, parent, scheduleWatch }: StartInput, limits: WorkflowLimits, now: number): CreateInput {
  const bounded = (duration = 0): number => Math.min(duration, MAXIMUM_DURATION_MS);
  const executionTimeout = bounded(request.workflowExecutionTimeout);
  const asked = bounded(request.workflowRunTimeout) || executionTimeout;
  const runTimeout = executionTimeout > 0 ? Math.min(asked, executionTimeout) : asked;
  const delay = bounded(request.workflowStartDelay) || firstCronDelay(request.cronSchedule, now);
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
      // SDKs send an empty one where there is none.
      memo: request.memo?.byteLength === 0 ? undefined : request.memo,
      searchAttributes: request.searchAttributes,
      workflowExecutionTimeout: executionTimeout || undefined,
      workflowRunTimeout: runTimeout || undefined,
      workflowTaskTimeout: taskTimeout(bounded(request.workflowTaskTimeout), runTimeout, limits),
      firstWorkflowTaskBackoff: delay,
      cronSchedule: request.cronSchedule,
      initiator: request.cronSchedule === '' ? ContinueAsNewInitiator.UNSPECIFIED : ContinueAsNewInitiator.CRON_SCHEDULE,
      attempt: 1,
      retryPolicy: request.retryPolicy && withRetryDefaults(request.retryPolicy),
      identity: request.identity,
      continuedFailure: request.continuedFailure,
      lastCompletionResult: request.lastCompletionResult,
      completionCallbacks: request.completionCallbacks,
      versioningOverride: request.versioningOverride && storedOverride(request.versioningOverride),
      ...(parent && parentAttributes(parent)),
      ...(parent?.version && inheritanceAttributes(parent.version)),
      priority: request.priority,
    }),
    userMetadata: request.userMetadata,
    links: request.links,
    signal,
    update,
    scheduleWatch,
    eagerIdentity: request.requestEagerExecution && delay === 0 ? request.identity : undefined,
  };
}

function parentAttributes(parent: ParentInfo): Partial<WorkflowExecutionStartedEventAttributes> {
  return {
    parentWorkflowNamespace: parent.namespace,
    parentWorkflowNamespaceId: parent.namespaceId,
    parentWorkflowExecution: { workflowId: parent.workflowId, runId: parent.runId },
    parentInitiatedEventId: parent.initiatedEventId,
    rootWorkflowExecution: parent.root,
  };
}

/** The timeout of each workflow task: a default, a maximum, and never longer than the run. */
export function taskTimeout(asked: number, runTimeout: number, limits: WorkflowLimits): number {
  const timeout = Math.min(asked || limits.defaultWorkflowTaskTimeoutMs, limits.maximumWorkflowTaskTimeoutMs);
  return runTimeout > 0 ? Math.min(timeout, runTimeout) : timeout;
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The same start of a child again, though the child may have continued as new or closed since. */
function isChildOf({ run }: WorkflowState, parent: ParentInfo | undefined): boolean {
  if (parent === undefined || run.parent === undefined) return false;
  const { runId, workflowId } = run.parent;
  return (
    parent.initiatedEventId === run.parentInitiatedEventId &&
    parent.workflowId === workflowId &&
    parent.namespaceId === run.parentNamespaceId &&
    (parent.runId === runId || parent.originalRunId === runId)
  );
}

export function applyRunCreated(state: WorkflowState, created: RunCreated): void {
  const { run } = state;
  run.namespaceId = created.namespaceId;
  run.namespace = created.namespace;
  run.workflowId = created.workflowId;
  run.runId = created.runId;
  run.createRequestId = created.requestId;
  run.scheduleWatch = created.scheduleWatch;
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
  inheritResetPoints(state, attributes.prevAutoResetPoints);
  run.userMetadata = keep(event.userMetadata);
  run.priority = keep(attributes.priority);
  run.parentNamespaceId = attributes.parentWorkflowNamespaceId;
  run.parentNamespace = attributes.parentWorkflowNamespace;
  run.parentInitiatedEventId = attributes.parentInitiatedEventId;
  run.parent = attributes.parentWorkflowExecution;
  run.root = attributes.rootWorkflowExecution;
  run.versioningOverride = attributes.versioningOverride && VersioningOverride.decode(VersioningOverride.encode(attributes.versioningOverride));
  applyInherited(state, attributes);
  registerCallbacks(state, attributes.completionCallbacks, run.startTimeMs, '');
  if (attributes.retryPolicy !== undefined || attributes.cronSchedule !== '') run.startedAttributes = WorkflowExecutionStartedEventAttributes.encode(attributes);
  applying.touch(RUN_TIMEOUT);
  applying.touch(FIRST_TASK_BACKOFF);
}

export function runExpiry(executionExpiresAt: number, runTimeout: number, from: number): number {
  const runExpiresAt = runTimeout > 0 ? after(from, runTimeout) : 0;
  if (executionExpiresAt === 0 || runExpiresAt === 0) return executionExpiresAt || runExpiresAt;
  return Math.min(executionExpiresAt, runExpiresAt);
}
