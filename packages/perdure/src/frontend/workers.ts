/** Workers themselves: their goodbye, their heartbeats, and polls for tasks that this server does not have. */
import { WorkflowService } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { TASK_POLL_MS, waitMs } from './long-poll.js';
import type { Rooms } from './rooms.js';
import { requiredTaskQueue } from './validation.js';
import { within } from './waiting.js';



export function addWorkerHandlers(router: Router, rooms: Rooms): void {
  const { matching, namespaces, polls } = rooms;
  router.add(WorkflowService.ShutdownWorker, (request) => {
    const namespace = namespaces.get(request.namespace);
    polls.shutDown(request.workerInstanceKey);
    if (request.stickyTaskQueue !== '') matching.closeQueue({ namespace: namespace.id, name: request.stickyTaskQueue, type: 'workflow' });
    return {};
  });

  router.add(WorkflowService.RecordWorkerHeartbeat, (request) => {
    namespaces.get(request.namespace);
    return {};
  });

  router.add(WorkflowService.PollNexusTaskQueue, async (request, context) => {
    namespaces.get(request.namespace);
    requiredTaskQueue(request.taskQueue);
    const poll = polls.begin(request.workerInstanceKey, context.signal);
    try {
      // There are no Nexus tasks; a worker that polls for them must not be told so by an error, or it shuts down.
      await within(new Promise<never>(() => {}), waitMs(TASK_POLL_MS, context, rooms.clock), rooms, poll.signal);
      return {};
    } finally {
      poll.end();
    }
  });
}
