/** Checks of StartBatchOperation, and what the batch machine gets of it: which executions, or which query. */
import { ACTIVITY_KIND } from '../machines/activity/index.js';
import { operationOf, targetKind } from '../machines/batch/index.js';
import { BatchOperationType, ExecutionType, ResetType, WorkflowExecutionOptions, type BatchOperationReset, type StartBatchOperationRequest, type WorkflowExecution } from '../protocol/index.js';
import { checkPriority } from './priority.js';
import { invalidArgument } from './refusals.js';
import { checkWhat } from './reset.js';
import type { NamespaceLimits } from './request-limits.js';
import { checkBlob, checkDuration, checkLength, required, requiredExecution } from './validation.js';

/** @throws RpcError INVALID_ARGUMENT */
export function checkBatch(request: StartBatchOperationRequest, limits: NamespaceLimits): void {
  const { jobId, reason, visibilityQuery, executions, maxOperationsPerSecond } = request;
  const operation = operationOf(request);
  const named = executions.length + request.targetExecutions.length;
  if (operation === undefined || reason === '' || (visibilityQuery === '' && named === 0)) {
    throw invalidArgument('must provide required parameters: BatchType/Reason/Namespace/Query/Executions');
  }
  if (executions.length > 0 && targetKind(request) === ACTIVITY_KIND) throw invalidArgument('Executions are those of workflows: name activities in TargetExecutions.');
  if (visibilityQuery !== '' && named > 0) throw invalidArgument('batch query and executions are mutually exclusive');
  required('JobId', jobId, limits);
  checkLength('Reason', reason, limits);
  checkLength('Identity', operation.identity, limits);
  if (!Number.isFinite(maxOperationsPerSecond) || maxOperationsPerSecond < 0) throw invalidArgument('MaxOperationsPerSecond is negative: give a number of operations, or leave it out.');
  checkOperation(request, limits);
}

function checkOperation(request: StartBatchOperationRequest, limits: NamespaceLimits): void {
  const { terminationOperation, signalOperation, resetOperation, updateWorkflowOptionsOperation: options } = request;
  const { unpauseActivitiesOperation: unpause, resetActivitiesOperation: resetActivities, updateActivityOptionsOperation: update } = request;
  checkBlob('Termination details', terminationOperation?.details, limits);
  if (signalOperation !== undefined) {
    if (signalOperation.signal === '') throw invalidArgument('must provide signal name');
    checkLength('SignalName', signalOperation.signal, limits);
    checkBlob('Signal input', signalOperation.input, limits);
  }
  if (resetOperation !== undefined) checkReset(resetOperation, limits);
  if (options !== undefined) {
    if (options.workflowExecutionOptions === undefined) throw invalidArgument('must provide UpdateOptions');
    if (options.updateMask === undefined) throw invalidArgument('must provide UpdateMask');
    checkPriority(WorkflowExecutionOptions.create(options.workflowExecutionOptions).priority, limits);
  }
  for (const activities of [unpause, resetActivities, update]) {
    if (activities === undefined) continue;
    if (activities.type === '' || (activities.type === undefined && activities.matchAll !== true)) {
      throw invalidArgument('Either activity type must be set, or match all should be set to true');
    }
  }
  checkDuration('Jitter', unpause?.jitter ?? resetActivities?.jitter);
  if (update === undefined) return;
  if (update.activityOptions !== undefined && update.restoreOriginal) throw invalidArgument('cannot set both activity options and restore original');
  if (update.activityOptions === undefined && !update.restoreOriginal) throw invalidArgument('Either activity options must be set, or restore original should be set to true');
  if (update.activityOptions !== undefined && update.updateMask === undefined) throw invalidArgument('UpdateMask is not provided');
}

function checkReset({ options, resetType, resetReapplyType, postResetOperations }: BatchOperationReset, limits: NamespaceLimits): void {
  checkWhat({ postResetOperations, resetReapplyType: options?.resetReapplyType ?? resetReapplyType, resetReapplyExcludeTypes: options?.resetReapplyExcludeTypes ?? [] }, limits);
  if (options === undefined) {
    if (resetType !== ResetType.FIRST_WORKFLOW_TASK && resetType !== ResetType.LAST_WORKFLOW_TASK) throw invalidArgument(`unknown batch reset type ${resetType}`);
    return;
  }
  if ((options.firstWorkflowTask ?? options.lastWorkflowTask ?? options.workflowTaskId ?? options.buildId) === undefined) throw invalidArgument('batch reset missing target');
}

/** Each once, however often it was named. */
export function executionsOf(request: StartBatchOperationRequest, { batchExecutions }: NamespaceLimits): WorkflowExecution[] {
  const type = targetKind(request) === ACTIVITY_KIND ? ExecutionType.ACTIVITY : ExecutionType.WORKFLOW;
  const other = request.targetExecutions.find((target) => target.type !== type && target.type !== ExecutionType.UNSPECIFIED);
  if (other !== undefined) throw invalidArgument(`TargetExecutions name "${other.businessId}" with a type that the operation is not for.`);
  const executions = [...request.executions, ...request.targetExecutions.map(({ businessId: workflowId, runId }) => ({ workflowId, runId }))];
  if (executions.length > batchExecutions) throw invalidArgument(`Executions exceed count limit: ${executions.length} were sent, at most ${batchExecutions} are accepted. Use a query.`);
  const named = new Map(executions.map((execution) => [`${requiredExecution(execution).runId} ${execution.workflowId}`, execution]));
  return [...named.values()];
}

/** What closed executions cannot be told any more is asked of those only that run, paused ones included. */
const OPEN_ONLY: ReadonlySet<BatchOperationType> = new Set([
  BatchOperationType.TERMINATE_WORKFLOW,
  BatchOperationType.SIGNAL_WORKFLOW,
  BatchOperationType.CANCEL_WORKFLOW,
  BatchOperationType.UPDATE_WORKFLOW_EXECUTION_OPTIONS,
  BatchOperationType.UNPAUSE_ACTIVITY,
  BatchOperationType.RESET_ACTIVITY,
  BatchOperationType.UPDATE_ACTIVITY_OPTIONS,
  BatchOperationType.CANCEL_ACTIVITY,
  BatchOperationType.TERMINATE_ACTIVITY,
]);

/** The query with what the operation adds to it; empty where executions are named. */
export function queryOf(request: StartBatchOperationRequest): string {
  const { visibilityQuery: query, unpauseActivitiesOperation: unpause } = request;
  if (query === '') return '';
  const parts = [`(${query})`];
  const type = operationOf(request)?.type;
  if (type !== undefined && OPEN_ONLY.has(type)) parts.push('CloseTime IS NULL');
  if (unpause !== undefined) parts.push(unpause.type === undefined ? 'TemporalPauseInfo IS NOT NULL' : `TemporalPauseInfo = ${quoted(`property:activityType=${unpause.type}`)}`);
  return parts.join(' AND ');
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** Tells requests apart (FNV-1a, twice): a client that asks again asks with the same bytes. */
export function digestOf(bytes: Uint8Array): Uint8Array {
  const digest = new Uint8Array(8);
  const view = new DataView(digest.buffer);
  [0x811c9dc5, 0x9747b28c].forEach((seed, index) => {
    let hash = seed;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
    view.setInt32(4 * index, hash);
  });
  return digest;
}
