/** UpdateWorkflowExecutionOptions: the versioning override and the priority of an open run. */
import { type OptionsReply, type UpdateOptionsInput } from '../machines/workflow/index.js';
import { WorkflowService } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { checkPriority } from './priority.js';
import { invalidArgument } from './refusals.js';
import type { Rooms } from './rooms.js';
import { viewRun } from './run-view.js';
import { checkLength, requiredExecution } from './validation.js';
import { checkOverride } from './versioning-overrides.js';
import { executionKey } from './workflow.js';

export function addWorkflowOptionsHandlers(router: Router, rooms: Rooms): void {
  const { host, namespaces, clock } = rooms;
  router.add(WorkflowService.UpdateWorkflowExecutionOptions, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const execution = requiredExecution(request.workflowExecution);
    checkLength('Identity', request.identity, namespace.limits);
    if (request.updateMask === undefined) throw invalidArgument('UpdateMask is required');
    const options = request.workflowExecutionOptions;
    if (options === undefined) throw invalidArgument('WorkflowExecutionOptions is required');
    checkPriority(options.priority, namespace.limits);
    const { versioningOverride: override } = options;
    if (override !== undefined && request.updateMask.paths.includes('versioning_override')) {
      const run = await host.read(executionKey(namespace, execution), viewRun);
      if (run?.isOpen === true) await checkOverride(rooms, namespace.id, override, run.taskQueue);
    }
    const input: UpdateOptionsInput = { type: 'update-options', options, paths: request.updateMask.paths, identity: request.identity };
    const { versioningOverride, priority } = await host.send<OptionsReply>(executionKey(namespace, execution), input);
    return { workflowExecutionOptions: { versioningOverride, priority }, updateTime: clock.now() };
  });
}
