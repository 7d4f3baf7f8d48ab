/** One long poll of a worker for a task, of any kind: checks it, waits in matching, and frees its place however it ends. */
import { versionText } from '../machines/deployment-version.js';
import type { TaskQueueAddress } from '../machines/machine.js';
import type { Namespace } from '../machines/namespace/inputs.js';
import { TaskQueueKind, type TaskQueue, type TaskQueueMetadata, type WorkerDeploymentOptions, type WorkerVersionCapabilities } from '../protocol/index.js';
import type { CallContext } from '../transport/transport.js';
import { unpolledBuilds } from './deployment-activity.js';
import { pollerVersion } from './deployment-validation.js';
import { waitMs } from './long-poll.js';
import type { Rooms } from './rooms.js';
import { checkBuildId, checkLength, requiredTaskQueue } from './validation.js';

interface TaskPollRequest {
  readonly namespace: string;
  readonly taskQueue?: TaskQueue | undefined;
  readonly identity: string;
  readonly workerInstanceKey: string;
  readonly workerVersionCapabilities?: WorkerVersionCapabilities | undefined;
  /** Only of activity workers. */
  readonly taskQueueMetadata?: TaskQueueMetadata | undefined;
  readonly deploymentOptions?: WorkerDeploymentOptions | undefined;
}

/**
 * The response that `answer` makes of the task that came. Nothing came: the response must not have a single byte, or the worker takes
 * it for a task.
 */
export async function pollTask<Response>(
  rooms: Rooms,
  request: TaskPollRequest,
  context: CallContext,
  type: TaskQueueAddress['type'],
  answer: (namespace: Namespace, task: unknown) => Response | Promise<Response>,
): Promise<Response | Record<string, never>> {
  const { matching, clock, namespaces, polls, random, deployments } = rooms;
  const namespace = namespaces.get(request.namespace);
  const queue = requiredTaskQueue(request.taskQueue, namespace.limits);
  checkLength('Identity', request.identity, namespace.limits);
  checkBuildId(request.workerVersionCapabilities?.buildId ?? request.deploymentOptions?.buildId, namespace.limits);
  const { identity, workerVersionCapabilities: version, deploymentOptions, taskQueueMetadata } = request;
  // Requests to Nexus handlers go to any worker of their queue, whatever its version.
  const deployed = type === 'nexus' ? undefined : pollerVersion(deploymentOptions, namespace.limits);
  // Of a worker with a version the Started events of workflow tasks do not tell the build: their Completed events tell the version.
  const tellsBuild = version !== undefined && version.buildId !== '' && (deployed === undefined || type !== 'workflow');
  const worker = tellsBuild ? { buildId: version.buildId, useVersioning: version.useVersioning } : undefined;
  const isSticky = queue.kind === TaskQueueKind.STICKY;
  if (deployed !== undefined && type !== 'nexus') {
    await deployments.register(namespace, deployed, { name: isSticky ? queue.normalName : queue.name, type }, () => unpolledBuilds(rooms, namespace.id, deployed.deploymentName));
  }
  const versionOfPoller = deployed && versionText(deployed);
  // A sticky queue belongs to one worker, and so to its version, as it is.
  const address = { namespace: namespace.id, name: queue.name, type, ...(versionOfPoller !== undefined && !isSticky && { version: versionOfPoller }) };
  const began = clock.monotonic();
  const poll = polls.begin(namespace.id, request.workerInstanceKey, context.signal);
  try {
    const task = await matching.poll(
      address,
      {
        identity,
        requestId: random.uuid(),
        worker,
        version: versionOfPoller,
        about: { workerVersionCapabilities: version, deploymentOptions },
        sticky: isSticky,
        maxTasksPerSecond: taskQueueMetadata?.maxTasksPerSecond,
        signal: poll.signal,
        timeoutMs: waitMs(namespace.limits.taskLongPollMs, context, clock),
      },
    );
    if (task === undefined) return {};
    const pollRequestDeltaSuggestion = matching.adviseScaling(address, clock.monotonic() - began);
    // Workers poll the sticky queue more while it has a backlog.
    const backlogCountHint = type === 'workflow' ? matching.readyTasks(address) : 0;
    const response = await answer(namespace, task);
    if (pollRequestDeltaSuggestion === 0 && backlogCountHint === 0) return response;
    return {
      ...response,
      ...(backlogCountHint > 0 && { backlogCountHint }),
      ...(pollRequestDeltaSuggestion !== 0 && { pollerScalingDecision: { pollRequestDeltaSuggestion } }),
    };
  } finally {
    poll.end();
  }
}
