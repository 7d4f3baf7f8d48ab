/**
 * Which code a worker runs: its build id, or the version of a deployment; and how runs move between versions.
 *
 * A worker tells its version with every poll and every answer. Whether tasks are routed by it is the server's matter.
 */
import { VersioningBehavior as WireBehavior, WorkerVersioningMode, type Init, type WorkerDeploymentOptions as WireOptions } from '../../protocol/index.js';
import { ValueError, type VersioningBehavior, type WorkerDeploymentVersion } from '../common/index.js';

/** A worker's deployment. With `useWorkerVersioning`, runs stay on the version that began them (`PINNED`) or move on (`AUTO_UPGRADE`). */
export type WorkerDeploymentOptions = { readonly version: WorkerDeploymentVersion } & (
  | { readonly useWorkerVersioning: true; /** For workflows that say nothing else by `setWorkflowOptions`. */ readonly defaultVersioningBehavior: VersioningBehavior }
  | { readonly useWorkerVersioning: false; readonly defaultVersioningBehavior?: never }
);

/** What a worker tells of its code. */
export interface WorkerCode {
  /** Empty: none. */
  readonly buildId: string;
  /** By build id alone, the way before deployments. */
  readonly useVersioning: boolean;
  readonly deployment: WorkerDeploymentVersion | undefined;
  /** As it stands in polls and answers. */
  readonly options: Init<WireOptions> | undefined;
  /** Of workflows that say nothing else. */
  readonly behavior: WireBehavior;
}

/** @throws ValueError when the options contradict each other or lack something. */
export function compileCode(buildId: string | undefined, useVersioning: boolean | undefined, deployment: WorkerDeploymentOptions | undefined): WorkerCode {
  if (deployment === undefined) {
    if (useVersioning === true && !buildId) throw new ValueError('useVersioning needs a buildId');
    return { buildId: buildId ?? '', useVersioning: useVersioning ?? false, deployment: undefined, options: undefined, behavior: WireBehavior.UNSPECIFIED };
  }
  if (buildId !== undefined || useVersioning !== undefined) throw new ValueError('Give either workerDeploymentOptions, or buildId and useVersioning, not both');
  const { version, useWorkerVersioning, defaultVersioningBehavior } = deployment;
  if (!version.buildId || !version.deploymentName) throw new ValueError('workerDeploymentOptions.version needs a buildId and a deploymentName');
  if (useWorkerVersioning && defaultVersioningBehavior === undefined) {
    throw new ValueError("workerDeploymentOptions.defaultVersioningBehavior must be 'PINNED' or 'AUTO_UPGRADE' where useWorkerVersioning is true");
  }
  return {
    buildId: version.buildId,
    useVersioning: false,
    deployment: version,
    options: { ...version, workerVersioningMode: useWorkerVersioning ? WorkerVersioningMode.VERSIONED : WorkerVersioningMode.UNVERSIONED },
    behavior: defaultVersioningBehavior === undefined ? WireBehavior.UNSPECIFIED : WireBehavior[defaultVersioningBehavior],
  };
}
