/** Failed requests to the errors that users catch. */
import { Code, NamespaceNotFoundFailure, RpcError } from '../../protocol/index.js';
import { NamespaceNotFoundError, WorkflowNotFoundError } from '../common/index.js';
import { ServiceError } from './errors.js';

/** Which execution a request was about. */
export interface RequestSubject {
  readonly namespace: string;
  readonly workflowId?: string;
  readonly runId?: string | undefined;
}

/** Throws the typed error for a failed request. Errors that are not of a request pass. */
export function rethrowRequestError(error: unknown, what: string, subject: RequestSubject): never {
  if (!(error instanceof RpcError)) throw error;
  if (error.code === Code.NOT_FOUND) {
    if (error.detail(NamespaceNotFoundFailure) !== undefined) throw new NamespaceNotFoundError(subject.namespace);
    if (subject.workflowId !== undefined) {
      throw new WorkflowNotFoundError(error.message || 'Workflow execution not found', subject.workflowId, subject.runId);
    }
  }
  throw new ServiceError(`${what}: ${error.message || `code ${error.code}`}`, { cause: error });
}
