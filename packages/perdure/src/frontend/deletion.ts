/** DeleteWorkflowExecution. The machine ends the run if need be, and the host forgets it: see `machines/workflow/reset/deletion.ts`. */
import type { DoneReply, WorkflowInput } from '../machines/workflow/index.js';
import { WorkflowService } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import type { Rooms } from './rooms.js';
import { requiredExecution } from './validation.js';
import { executionKey } from './workflow.js';

export function addDeletionHandlers(router: Router, { host, namespaces }: Rooms): void {
  router.add(WorkflowService.DeleteWorkflowExecution, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const execution = requiredExecution(request.workflowExecution);
    const input: WorkflowInput = { type: 'delete' };
    await host.send<DoneReply>(executionKey(namespace, execution), input);
    return {};
  });
}
