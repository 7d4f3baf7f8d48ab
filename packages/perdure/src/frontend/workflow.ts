/** Workflow executions as clients see them: start, signal, cancel, terminate, describe. The decisions are the workflow machine's. */
import { WORKFLOW_KIND, describe, type DoneReply, type StartReply, type StartSignal, type WorkflowInput, type WorkflowState } from '../machines/workflow/index.js';
import type { MachineKey } from '../machines/machine.js';
import type { Namespace } from '../machines/namespace/inputs.js';
import type { ServedNamespace } from './namespace-registry.js';
import {
  Code,
  RpcError,
  StartWorkflowExecutionRequest,
  WorkflowIdConflictPolicy,
  WorkflowService,
  type SignalWithStartWorkflowExecutionRequest,
  type UpdateWorkflowExecutionRequest,
  type WorkflowExecution,
} from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { signalLink, startLink, withoutThoseOfCallbacks } from './links.js';
import { checkPriority } from './priority.js';
import { executionNotFound, invalidArgument } from './refusals.js';
import type { NamespaceLimits } from './request-limits.js';
import type { Rooms } from './rooms.js';
import { checkedSearchAttributes } from './search-attributes.js';
import {
  checkBlob,
  checkDuration,
  checkLength,
  checkLinks,
  checkMemo,
  checkUserMetadata,
  required,
  requiredExecution,
  requiredTaskQueue,
  requiredWorkflowType,
} from './validation.js';
import { checkOverride, mayStartEagerly } from './versioning-overrides.js';
import { workflowTaskResponse } from './workflow-task-response.js';

/** What the history says of a termination whose caller said nothing: as on Temporal's servers, so that tools know it. */
const DEFAULT_REASON = 'terminated by user via frontend';
const FRONTEND_IDENTITY = 'frontend-service';

export function addWorkflowHandlers(router: Router, rooms: Rooms): void {
  const { host, namespaces } = rooms;

  router.add(WorkflowService.StartWorkflowExecution, async (request) => {
    const namespace = namespaces.getRegistered(request.namespace);
    checkStart(request, namespace.limits);
    const reply = await start(rooms, namespace, request);
    return {
      runId: reply.runId,
      firstExecutionRunId: reply.firstExecutionRunId,
      started: reply.started,
      status: reply.status,
      link: startLink(namespace, request.workflowId, reply),
      eagerWorkflowTask: reply.eagerWorkflowTask && (await workflowTaskResponse(rooms, namespace, reply.eagerWorkflowTask)),
    };
  });

  router.add(WorkflowService.SignalWithStartWorkflowExecution, async (request) => {
    const namespace = namespaces.getRegistered(request.namespace);
    const startRequest = toStart({ ...request, requestId: request.requestId || rooms.random.uuid() });
    checkStart(startRequest, namespace.limits);
    checkSignal(request.signalName, request.signalInput, namespace.limits);
    const signal = { signalName: request.signalName, input: request.signalInput, header: request.header };
    const reply = await start(rooms, namespace, startRequest, signal);
    return {
      runId: reply.runId,
      firstExecutionRunId: reply.firstExecutionRunId,
      started: reply.started,
      signalLink: signalLink(namespace, { workflowId: request.workflowId, runId: reply.runId }, startRequest.requestId),
    };
  });

  router.add(WorkflowService.SignalWorkflowExecution, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const execution = requiredExecution(request.workflowExecution);
    checkSignal(request.signalName, request.input, namespace.limits);
    checkLength('RequestId', request.requestId, namespace.limits);
    checkLength('Identity', request.identity, namespace.limits);
    checkLinks(request.links, namespace.limits);
    const { runId = '' } = await tell(rooms, namespace, execution, { type: 'signal', request });
    return { link: signalLink(namespace, { workflowId: execution.workflowId, runId }, request.requestId) };
  });

  router.add(WorkflowService.RequestCancelWorkflowExecution, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const execution = requiredExecution(request.workflowExecution);
    checkLength('RequestId', request.requestId, namespace.limits);
    checkLength('Identity', request.identity, namespace.limits);
    checkLinks(request.links, namespace.limits);
    await tell(rooms, namespace, execution, { type: 'request-cancel', request });
    return {};
  });

  router.add(WorkflowService.TerminateWorkflowExecution, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const execution = requiredExecution(request.workflowExecution);
    checkLength('Identity', request.identity, namespace.limits);
    checkBlob('Details', request.details, namespace.limits);
    checkLinks(request.links, namespace.limits);
    const { reason, identity } = request;
    await tell(rooms, namespace, execution, { type: 'terminate', request: { ...request, reason: reason || DEFAULT_REASON, identity: identity || FRONTEND_IDENTITY } });
    return {};
  });

  router.add(WorkflowService.DescribeWorkflowExecution, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const execution = requiredExecution(request.execution);
    const described = await host.read(executionKey(namespace, execution), (state: WorkflowState | undefined) => state && describe(state));
    if (described === undefined) throw executionNotFound(execution.workflowId, execution.runId);
    return described;
  });
}

/** The run that is meant: the named one, else the latest. */
export function executionKey(namespace: Namespace, execution: WorkflowExecution): MachineKey {
  const key = { kind: WORKFLOW_KIND, namespace: namespace.id, key: execution.workflowId };
  return execution.runId === '' ? key : { ...key, machine: execution.runId };
}

function tell(rooms: Rooms, namespace: Namespace, execution: WorkflowExecution, input: WorkflowInput): Promise<DoneReply> {
  return rooms.host.send<DoneReply>(executionKey(namespace, execution), input);
}

/** Checks what needs the namespace or the operator's rules, and starts. */
export async function start(
  rooms: Rooms,
  namespace: ServedNamespace,
  request: StartWorkflowExecutionRequest,
  signal?: StartSignal,
  update?: UpdateWorkflowExecutionRequest,
): Promise<StartReply> {
  // Without an id of the client's a repeated request cannot be recognised; the machine still needs one.
  const requestId = request.requestId === '' ? rooms.random.uuid() : request.requestId;
  const key = { kind: WORKFLOW_KIND, namespace: namespace.id, key: request.workflowId };
  checkPriority(request.priority, namespace.limits);
  await checkOverride(rooms, namespace.id, request.versioningOverride, request.taskQueue?.name ?? '');
  const checked = {
    ...request,
    requestEagerExecution: request.requestEagerExecution && mayStartEagerly(rooms, namespace.id, request),
    requestId,
    searchAttributes: checkedSearchAttributes(request.searchAttributes, namespace),
    completionCallbacks: rooms.callbackAddresses.check(request.completionCallbacks, namespace.limits),
    links: withoutThoseOfCallbacks(request.links, request.completionCallbacks),
  };
  const input: WorkflowInput = { type: 'start', namespace: namespace.name, request: checked, signal, update };
  return rooms.host.send<StartReply>(key, input);
}

export function checkStart(request: StartWorkflowExecutionRequest, limits: NamespaceLimits): void {
  required('WorkflowId', request.workflowId, limits);
  requiredWorkflowType(request.workflowType, limits);
  requiredTaskQueue(request.taskQueue, limits);
  checkLength('RequestId', request.requestId, limits);
  checkLength('Identity', request.identity, limits);
  checkDuration('WorkflowExecutionTimeout', request.workflowExecutionTimeout);
  checkDuration('WorkflowRunTimeout', request.workflowRunTimeout);
  checkDuration('WorkflowTaskTimeout', request.workflowTaskTimeout);
  checkDuration('WorkflowStartDelay', request.workflowStartDelay);
  checkBlob('Input', request.input, limits);
  checkMemo(request.memo, limits);
  checkBlob('Header', request.header, limits);
  checkUserMetadata(request.userMetadata, limits);
  checkLinks(request.links, limits);
  checkLength('CronSchedule', request.cronSchedule, limits);
  checkRetryPolicy(request);
  // A run that is meant to skip time and does not would only seem to hang.
  if (request.timeSkippingConfig !== undefined) {
    throw new RpcError(Code.UNIMPLEMENTED, 'Time skipping of single workflows is not implemented. Leave time_skipping_config out; the test environment skips time for all of its workflows.');
  }
}

function checkRetryPolicy({ retryPolicy }: StartWorkflowExecutionRequest): void {
  if (retryPolicy === undefined) return;
  const { initialInterval, maximumInterval, backoffCoefficient, maximumAttempts } = retryPolicy;
  checkDuration('RetryPolicy InitialInterval', initialInterval);
  checkDuration('RetryPolicy MaximumInterval', maximumInterval);
  if (backoffCoefficient !== 0 && backoffCoefficient < 1) throw invalidArgument('RetryPolicy BackoffCoefficient must be at least 1.');
  if (maximumAttempts < 0) throw invalidArgument('RetryPolicy MaximumAttempts must not be negative; 0 means without limit.');
  if (initialInterval && maximumInterval && maximumInterval < initialInterval) {
    throw invalidArgument('RetryPolicy MaximumInterval must not be shorter than InitialInterval.');
  }
}

function checkSignal(signalName: string, input: Uint8Array | undefined, limits: NamespaceLimits): void {
  required('SignalName', signalName, limits);
  checkBlob('Signal input', input, limits);
}

function toStart(request: SignalWithStartWorkflowExecutionRequest): StartWorkflowExecutionRequest {
  if (request.workflowIdConflictPolicy === WorkflowIdConflictPolicy.FAIL) {
    throw invalidArgument('WorkflowIdConflictPolicy FAIL makes no sense for signal-with-start: use USE_EXISTING, or StartWorkflowExecution.');
  }
  const { signalName: _name, signalInput: _input, control: _control, ...same } = request;
  return StartWorkflowExecutionRequest.create({
    ...same,
    workflowIdConflictPolicy: request.workflowIdConflictPolicy || WorkflowIdConflictPolicy.USE_EXISTING,
  });
}
