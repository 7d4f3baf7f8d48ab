/** PauseWorkflowExecution and UnpauseWorkflowExecution. */
import type { DoneReply, WorkflowInput } from '../machines/workflow/index.js';
import { WorkflowService, type PauseWorkflowExecutionRequest } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import type { NamespaceLimits } from './request-limits.js';
import type { Rooms } from './rooms.js';
import { checkLength, requiredExecution } from './validation.js';
import { executionKey } from './workflow.js';

export function addWorkflowPauseHandlers(router: Router, { host, namespaces }: Rooms): void {
  const send = async (request: PauseWorkflowExecutionRequest, type: 'pause' | 'unpause'): Promise<Record<string, never>> => {
    const namespace = namespaces.get(request.namespace);
    const execution = requiredExecution({ workflowId: request.workflowId, runId: request.runId });
    checkRequest(request, namespace.limits);
    const input: WorkflowInput = { type, request };
    await host.send<DoneReply>(executionKey(namespace, execution), input);
    return {};
  };
  router.add(WorkflowService.PauseWorkflowExecution, (request) => send(request, 'pause'));
  router.add(WorkflowService.UnpauseWorkflowExecution, (request) => send(request, 'unpause'));
}

function checkRequest({ identity, reason, requestId }: PauseWorkflowExecutionRequest, limits: NamespaceLimits): void {
  checkLength('Identity', identity, limits);
  checkLength('Reason', reason, limits);
  checkLength('RequestId', requestId, limits);
}
