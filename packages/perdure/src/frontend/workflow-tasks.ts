/** Workflow tasks: poll, complete, fail, and forget stickiness. */
import { WORKFLOW_KIND, type CompleteWorkflowTaskReply, type DoneReply, type WorkflowInput, type WorkflowTaskReply } from '../machines/workflow/index.js';
import { Code, RpcError, WorkflowService, type WorkflowTaskToken } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { activityTaskResponse } from './activity-task-response.js';
import { QueryTask, queryTaskResponse } from './query-task.js';
import { heedRates } from './eager-activities.js';
import { commandNamespaces } from './command-namespaces.js';
import type { Rooms } from './rooms.js';
import { pollTask } from './task-poll.js';
import { readTaskToken } from './task-token.js';
import { checkLength, requiredExecution } from './validation.js';
import { executionKey } from './workflow.js';
import { workflowTaskResponse } from './workflow-task-response.js';

export function addWorkflowTaskHandlers(router: Router, rooms: Rooms): void {
  const { host, matching, namespaces, queries } = rooms;

  router.add(WorkflowService.PollWorkflowTaskQueue, (request, context) =>
    pollTask(rooms, request, context, 'workflow', (namespace, task) =>
      task instanceof QueryTask ? queryTaskResponse(rooms, namespace, task) : workflowTaskResponse(rooms, namespace, task as WorkflowTaskReply),
    ),
  );

  router.add(WorkflowService.RespondWorkflowTaskCompleted, async (request) => {
    const { namespaceId, task } = readTaskToken(request.taskToken, 'workflowTask');
    const namespace = namespaces.ofToken(namespaceId, request.namespace);
    checkLength('Identity', request.identity, namespace.limits);
    if (request.intermediatePage || request.pageNumber > 0) {
      throw new RpcError(Code.FAILED_PRECONDITION, 'A completion must come in one request: paging is not supported, as DescribeNamespace says. Send all commands at once.');
    }
    const otherNamespaces = commandNamespaces(request.commands, namespace.name, namespaces);
    const input: WorkflowInput = { type: 'complete-workflow-task', token: task, request: heedRates(request, namespaceId, matching), namespaces: otherNamespaces, searchAttributeTypes: namespace.searchAttributes, nexusEndpoints: rooms.nexusEndpoints.ofCommands(request.commands), versionQueues: rooms.deployments.workflowQueues(namespaceId, request.deploymentOptions) };
    const reply = await host.send<CompleteWorkflowTaskReply>(runKey(namespaceId, task), input);
    queries.answerAttached(task.runId, request.queryResults);
    return {
      workflowTask: reply.newWorkflowTask && (await workflowTaskResponse(rooms, namespace, reply.newWorkflowTask)),
      activityTasks: reply.activityTasks.map((activity) => activityTaskResponse(namespace, activity)),
      resetHistoryEventId: reply.resetHistoryEventId,
    };
  });

  router.add(WorkflowService.RespondWorkflowTaskFailed, async (request) => {
    const { namespaceId, task } = readTaskToken(request.taskToken, 'workflowTask');
    const { limits } = namespaces.ofToken(namespaceId, request.namespace);
    checkLength('Identity', request.identity, limits);
    const input: WorkflowInput = { type: 'fail-workflow-task', token: task, request };
    await host.send<DoneReply>(runKey(namespaceId, task), input);
    return {};
  });

  router.add(WorkflowService.ResetStickyTaskQueue, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const input: WorkflowInput = { type: 'reset-sticky' };
    await host.send<DoneReply>(executionKey(namespace, requiredExecution(request.execution)), input);
    return {};
  });
}

const runKey = (namespaceId: string, task: WorkflowTaskToken) => ({
  kind: WORKFLOW_KIND,
  namespace: namespaceId,
  key: task.workflowId,
  machine: task.runId,
});
