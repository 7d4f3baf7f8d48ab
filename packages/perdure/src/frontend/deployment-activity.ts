/** What matching knows about the queues of a worker deployment: who polls for a version, on which queues something happens. */
import { versionText } from '../machines/deployment-version.js';
import { queueOfKey } from '../machines/deployment/index.js';
import type { TaskQueueAddress } from '../machines/machine.js';
import type { WorkerDeploymentVersion } from '../protocol/index.js';
import type { Rooms } from './rooms.js';

type Known = Pick<Rooms, 'deployments' | 'matching'>;

/** Somebody has polled for the version in the last minutes. */
export function isPolled({ deployments, matching }: Known, namespace: string, version: WorkerDeploymentVersion): boolean {
  const { queues } = deployments.version(namespace, version) ?? { queues: [] };
  const text = versionText(version);
  return [...queues].some((key) => matching.describe({ ...addressOf(namespace, key), version: text }).pollers.length > 0);
}

/** The builds of a deployment for which nobody polls. */
export function unpolledBuilds(known: Known, namespace: string, deploymentName: string): string[] {
  const builds = [...(known.deployments.get(namespace, deploymentName)?.versions.keys() ?? [])];
  return builds.filter((buildId) => !isPolled(known, namespace, { deploymentName, buildId }));
}

/** The queues of the current version on which tasks wait or were added lately, and which no other deployment claims. */
export function busyQueues({ deployments, matching }: Known, namespace: string, deploymentName: string): Set<string> {
  const busy = new Set<string>();
  const current = deployments.get(namespace, deploymentName)?.routing.currentDeploymentVersion;
  if (current === undefined) return busy;
  const text = versionText(current);
  for (const key of deployments.version(namespace, current)?.queues ?? []) {
    const address = addressOf(namespace, key);
    if (matching.routing(address)?.current.version !== text) continue;
    const { readyTasks, levels } = matching.describe({ ...address, version: text });
    if (readyTasks > 0 || [...levels.values()].some(({ addRate }) => addRate > 0)) busy.add(key);
  }
  return busy;
}

function addressOf(namespace: string, key: string): TaskQueueAddress {
  return { namespace, ...queueOfKey(key) };
}
