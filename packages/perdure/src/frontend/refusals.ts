/**
 * The refusals that handlers have in common, with the details that SDKs look for.
 *
 * A message says what to do. Upstream's wording is kept only where clients compare it.
 */
import {
  Code,
  NamespaceInvalidStateFailure,
  NamespaceNotFoundFailure,
  NamespaceState,
  NotFoundFailure,
  QueryFailedFailure,
  ResourceExhaustedCause,
  ResourceExhaustedFailure,
  ResourceExhaustedScope,
  RpcError,
  WorkflowNotReadyFailure,
  type Encoded,
  type Failure,
} from '../protocol/index.js';

export const invalidArgument = (message: string): RpcError => new RpcError(Code.INVALID_ARGUMENT, message);

export const notFound = (message: string): RpcError => RpcError.with(Code.NOT_FOUND, message, NotFoundFailure, {});

export const executionNotFound = (workflowId: string, runId = ''): RpcError =>
  notFound(`Workflow execution not found: workflow id "${workflowId}"${runId === '' ? '' : `, run id "${runId}"`}.`);

export const namespaceNotFound = (namespace: string): RpcError =>
  RpcError.with(Code.NOT_FOUND, `Namespace ${namespace} is not found. Register it first, or correct the name.`, NamespaceNotFoundFailure, { namespace });

export const namespaceInvalidState = (namespace: string, state: NamespaceState, allowedStates: readonly NamespaceState[]): RpcError =>
  RpcError.with(
    Code.FAILED_PRECONDITION,
    `Namespace ${namespace} is ${state === NamespaceState.DELETED ? 'being deleted: it accepts no requests' : 'deprecated: it accepts no new workflow executions'}.`,
    NamespaceInvalidStateFailure,
    { namespace, state, allowedStates: [...allowedStates] },
  );

export const workflowNotReady = (message: string): RpcError => RpcError.with(Code.FAILED_PRECONDITION, message, WorkflowNotReadyFailure, {});

export const queryFailed = (message: string, failure: Encoded<Failure> | undefined): RpcError =>
  RpcError.with(Code.INVALID_ARGUMENT, message, QueryFailedFailure, { failure });

/** Too much of something in this server: the client tries again later. */
export const overloaded = (message: string): RpcError =>
  RpcError.with(Code.RESOURCE_EXHAUSTED, message, ResourceExhaustedFailure, {
    cause: ResourceExhaustedCause.CONCURRENT_LIMIT,
    scope: ResourceExhaustedScope.SYSTEM,
  });

/** Too much of something in one namespace. */
export const concurrentLimit = (message: string): RpcError =>
  RpcError.with(Code.RESOURCE_EXHAUSTED, message, ResourceExhaustedFailure, {
    cause: ResourceExhaustedCause.CONCURRENT_LIMIT,
    scope: ResourceExhaustedScope.NAMESPACE,
  });

/** Too much of something for one workflow execution. */
export const busyWorkflow = (message: string): RpcError =>
  RpcError.with(Code.RESOURCE_EXHAUSTED, message, ResourceExhaustedFailure, {
    cause: ResourceExhaustedCause.BUSY_WORKFLOW,
    scope: ResourceExhaustedScope.NAMESPACE,
  });
