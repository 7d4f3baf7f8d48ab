/** One long poll of a worker for a task, of either kind: checks it, waits in matching, and frees its place however it ends. */
import type { Namespace } from '../machines/namespace/inputs.js';
import type { TaskQueue } from '../protocol/index.js';
import type { CallContext } from '../transport/transport.js';
import { TASK_POLL_MS, waitMs } from './long-poll.js';
import type { Rooms } from './rooms.js';
import { checkLength, requiredTaskQueue } from './validation.js';

interface TaskPollRequest {
  readonly namespace: string;
  readonly taskQueue?: TaskQueue | undefined;
  readonly identity: string;
  readonly workerInstanceKey: string;
}

/**
 * The response that `answer` makes of the task that came. Nothing came: the response must not have a single byte, or the worker takes
 * it for a task.
 */
export async function pollTask<Response>(
  rooms: Rooms,
  request: TaskPollRequest,
  context: CallContext,
  type: 'workflow' | 'activity',
  answer: (namespace: Namespace, task: unknown) => Response | Promise<Response>,
): Promise<Response | Record<string, never>> {
  const { matching, clock, namespaces, polls, random } = rooms;
  const namespace = namespaces.get(request.namespace);
  const queue = requiredTaskQueue(request.taskQueue);
  checkLength('Identity', request.identity);
  const poll = polls.begin(request.workerInstanceKey, context.signal);
  try {
    const task = await matching.poll(
      { namespace: namespace.id, name: queue.name, type },
      { identity: request.identity, requestId: random.uuid(), signal: poll.signal, timeoutMs: waitMs(TASK_POLL_MS, context, clock) },
    );
    return task === undefined ? {} : await answer(namespace, task);
  } finally {
    poll.end();
  }
}
