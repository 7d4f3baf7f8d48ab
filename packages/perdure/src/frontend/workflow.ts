/** Workflow executions as clients see them: start, signal, cancel, terminate, describe. The decisions are the workflow machine's. */
import { WORKFLOW_KIND, describe, type DoneReply, type StartReply, type StartSignal, type WorkflowInput, type WorkflowState } from '../machines/workflow/index.js';
import type { MachineKey } from '../machines/machine.js';
import type { Namespace } from '../machines/namespace/inputs.js';
import {
  StartWorkflowExecutionRequest,
  WorkflowIdConflictPolicy,
  WorkflowService,
  type SignalWithStartWorkflowExecutionRequest,
  type WorkflowExecution,
} from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { executionNotFound, invalidArgument } from './refusals.js';
import type { Rooms } from './rooms.js';
import {
  checkBlob,
  checkDuration,
  checkLength,
  checkLinks,
  checkRunId,
  checkUserMetadata,
  required,
  requiredExecution,
  requiredTaskQueue,
  requiredWorkflowType,
} from './validation.js';
import { workflowTaskResponse } from './workflow-task-response.js';

export function addWorkflowHandlers(router: Router, rooms: Rooms): void {
  const { host, namespaces } = rooms;

  router.add(WorkflowService.StartWorkflowExecution, async (request) => {
    const namespace = namespaces.getRegistered(request.namespace);
    checkStart(request);
    const reply = await start(rooms, namespace, request);
    return {
      runId: reply.runId,
      firstExecutionRunId: reply.firstExecutionRunId,
      started: reply.started,
      status: reply.status,
      eagerWorkflowTask: reply.eagerWorkflowTask && (await workflowTaskResponse(rooms, namespace, reply.eagerWorkflowTask)),
    };
  });

  router.add(WorkflowService.SignalWithStartWorkflowExecution, async (request) => {
    const namespace = namespaces.getRegistered(request.namespace);
    const startRequest = toStart(request);
    checkStart(startRequest);
    checkSignal(request.signalName, request.signalInput);
    const signal = { signalName: request.signalName, input: request.signalInput, header: request.header };
    const reply = await start(rooms, namespace, startRequest, signal);
    return { runId: reply.runId, firstExecutionRunId: reply.firstExecutionRunId, started: reply.started };
  });

  router.add(WorkflowService.SignalWorkflowExecution, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const execution = requiredExecution(request.workflowExecution);
    checkSignal(request.signalName, request.input);
    checkLength('RequestId', request.requestId);
    checkLength('Identity', request.identity);
    checkLinks(request.links);
    await tell(rooms, namespace, execution, { type: 'signal', request });
    return {};
  });

  router.add(WorkflowService.RequestCancelWorkflowExecution, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const execution = requiredExecution(request.workflowExecution);
    checkRunId(request.firstExecutionRunId);
    checkLength('RequestId', request.requestId);
    checkLength('Reason', request.reason);
    checkLength('Identity', request.identity);
    checkLinks(request.links);
    await tell(rooms, namespace, execution, { type: 'request-cancel', request });
    return {};
  });

  router.add(WorkflowService.TerminateWorkflowExecution, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const execution = requiredExecution(request.workflowExecution);
    checkRunId(request.firstExecutionRunId);
    checkLength('Reason', request.reason);
    checkLength('Identity', request.identity);
    checkBlob('Details', request.details);
    checkLinks(request.links);
    await tell(rooms, namespace, execution, { type: 'terminate', request });
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

function start(rooms: Rooms, namespace: Namespace, request: StartWorkflowExecutionRequest, signal?: StartSignal): Promise<StartReply> {
  // Without an id of the client's a repeated request cannot be recognised; the machine still needs one.
  const requestId = request.requestId === '' ? rooms.random.uuid() : request.requestId;
  const key = { kind: WORKFLOW_KIND, namespace: namespace.id, key: request.workflowId };
  const input: WorkflowInput = { type: 'start', namespace: namespace.name, request: { ...request, requestId }, signal };
  return rooms.host.send<StartReply>(key, input);
}

function checkStart(request: StartWorkflowExecutionRequest): void {
  required('WorkflowId', request.workflowId);
  requiredWorkflowType(request.workflowType);
  requiredTaskQueue(request.taskQueue);
  checkLength('RequestId', request.requestId);
  checkLength('Identity', request.identity);
  checkDuration('WorkflowExecutionTimeout', request.workflowExecutionTimeout);
  checkDuration('WorkflowRunTimeout', request.workflowRunTimeout);
  checkDuration('WorkflowTaskTimeout', request.workflowTaskTimeout);
  checkDuration('WorkflowStartDelay', request.workflowStartDelay);
  checkBlob('Input', request.input);
  checkBlob('Memo', request.memo);
  checkBlob('Header', request.header);
  checkUserMetadata(request.userMetadata);
  checkLinks(request.links);
  checkRetryPolicy(request);
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

function checkSignal(signalName: string, input: Uint8Array | undefined): void {
  required('SignalName', signalName);
  checkBlob('Signal input', input);
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
