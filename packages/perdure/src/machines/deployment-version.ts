/**
 * How the version of a worker deployment is written: `deployment:build` wherever one text must name it (queues, search attributes), and
 * `deployment.build` in fields of the protocol that older clients read. A deployment's name has neither sign, so both can be read back.
 */
import type { WorkerDeploymentVersion } from '../protocol/index.js';

/** What clients write and read where tasks go to workers without a version. */
export const UNVERSIONED = '__unversioned__';

export function versionText({ deploymentName, buildId }: WorkerDeploymentVersion): string {
  return `${deploymentName}:${buildId}`;
}

/** As older clients know it. */
export function legacyVersionText({ deploymentName, buildId }: WorkerDeploymentVersion): string {
  return `${deploymentName}.${buildId}`;
}

/** The version that such a text names; undefined if it names none. */
export function parseVersion(text: string, sign: ':' | '.' = ':'): WorkerDeploymentVersion | undefined {
  const at = text.indexOf(sign);
  return at <= 0 || at === text.length - 1 ? undefined : { deploymentName: text.slice(0, at), buildId: text.slice(at + 1) };
}
