/**
 * What a start or a change of options says about versions, before it gets to the run: the version must be there to take it.
 *
 * A run that were pinned to a version whose workers do not poll its queue would wait for ever.
 */
import { versionText } from '../machines/deployment-version.js';
import { overriddenVersion } from '../machines/workflow/index.js';
import { Code, RpcError, WorkerVersioningMode, type StartWorkflowExecutionRequest, type VersioningOverride, type WorkerDeploymentOptions } from '../protocol/index.js';
import type { Rooms } from './rooms.js';

type Deployments = Pick<Rooms, 'deployments'>;

/**
 * Checks the version that an override pins to, and sees to it that it is not taken for drained.
 * @throws RpcError FAILED_PRECONDITION its workers do not poll this queue
 */
export async function checkOverride({ deployments }: Deployments, namespace: string, override: VersioningOverride | undefined, queue: string): Promise<void> {
  const version = override && overriddenVersion(override);
  if (version === undefined) return;
  if (deployments.version(namespace, version)?.workflowQueues.has(queue) !== true) {
    throw new RpcError(Code.FAILED_PRECONDITION, `Pinned version '${versionText(version)}' is not present in task queue '${queue}' of type 'Workflow'`);
  }
  await deployments.revive(namespace, version);
}

/** Whether the worker that asks for the first task of the run it starts is the one to get it. */
export function mayStartEagerly({ matching }: Pick<Rooms, 'matching'>, namespace: string, request: StartWorkflowExecutionRequest): boolean {
  if (request.versioningOverride !== undefined) return false;
  const target = matching.target({ namespace, name: request.taskQueue?.name ?? '', type: 'workflow' }, request.workflowId);
  return target?.version === versionOf(request.eagerWorkerDeploymentOptions);
}

function versionOf(options: WorkerDeploymentOptions | undefined): string | undefined {
  return options?.workerVersioningMode === WorkerVersioningMode.VERSIONED ? versionText(options) : undefined;
}
