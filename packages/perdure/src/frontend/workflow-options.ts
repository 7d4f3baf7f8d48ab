/** UpdateWorkflowExecutionOptions: the versioning override and the priority of an open run. */
import { type OptionsReply, type UpdateOptionsInput } from '../machines/workflow/index.js';
import { WorkflowService } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { checkPriority } from './priority.js';
import { invalidArgument } from './refusals.js';
import type { Rooms } from './rooms.js';
import { checkLength, requiredExecution } from './validation.js';
import { executionKey } from './workflow.js';

export function addWorkflowOptionsHandlers(router: Router, { host, namespaces, clock }: Rooms): void {
  router.add(WorkflowService.UpdateWorkflowExecutionOptions, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const execution = requiredExecution(request.workflowExecution);
    checkLength('Identity', request.identity, namespace.limits);
    if (request.updateMask === undefined) throw invalidArgument('UpdateMask is required');
    const options = request.workflowExecutionOptions;
    if (options === undefined) throw invalidArgument('WorkflowExecutionOptions is required');
    checkPriority(options.priority, namespace.limits);
    const input: UpdateOptionsInput = { type: 'update-options', options, paths: request.updateMask.paths, identity: request.identity };
    const { versioningOverride, priority } = await host.send<OptionsReply>(executionKey(namespace, execution), input);
    return { workflowExecutionOptions: { versioningOverride, priority }, updateTime: clock.now() };
  });
}
