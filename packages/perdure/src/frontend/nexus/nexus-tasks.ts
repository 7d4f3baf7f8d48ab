/** Nexus tasks: workers poll for requests to their handlers, and answer them. */
import { WorkflowService } from '../../protocol/index.js';
import type { Router } from '../../transport/transport.js';
import { invalidArgument, notFound } from '../refusals.js';
import type { Rooms } from '../rooms.js';
import { pollTask } from '../task-poll.js';
import { readTaskToken } from '../task-token.js';
import { checkLength } from '../validation.js';
import type { WorkerRegistry } from '../worker-registry.js';
import { failureOf, type HandlerAnswer, type NexusTask } from './nexus-requests.js';

/** @param workers is told of the heartbeats that come with polls */
export function addNexusTaskHandlers(router: Router, rooms: Rooms, workers: WorkerRegistry): void {
  const { namespaces, clock } = rooms;

  router.add(WorkflowService.PollNexusTaskQueue, (request, context) => {
    workers.record(namespaces.get(request.namespace).id, request.workerHeartbeat);
    return pollTask(rooms, request, context, 'nexus', ({ id }, task) => (task as NexusTask).response(id, clock.now()));
  });

  router.add(WorkflowService.RespondNexusTaskCompleted, ({ taskToken, namespace, identity, response }) => {
    answer(rooms, { taskToken, namespace, identity }, { kind: 'completed', response });
    return {};
  });

  router.add(WorkflowService.RespondNexusTaskFailed, ({ taskToken, namespace, identity, error, failure }) => {
    if (error === undefined && failure === undefined) throw invalidArgument('request must contain error or failure');
    const reason = failureOf(error, failure);
    if (reason === undefined) throw invalidArgument('request Failure must contain error or failure with NexusHandlerFailureInfo');
    answer(rooms, { taskToken, namespace, identity }, { kind: 'failed', failure: reason });
    return {};
  });
}

function answer(
  { namespaces, nexusRequests }: Rooms,
  { taskToken, namespace, identity }: { readonly taskToken: Uint8Array; readonly namespace: string; readonly identity: string },
  given: HandlerAnswer,
): void {
  const { namespaceId, task } = readTaskToken(taskToken, 'nexusTask');
  checkLength('Identity', identity, namespaces.ofToken(namespaceId, namespace).limits);
  if (!nexusRequests.answer(namespaceId, task.requestId, given)) throw notFound('Nexus task not found or already expired');
}
