/** What readers see of a worker deployment and of its versions. Plain data; nothing is changed. */
import { RoutingConfigUpdateState, VersionDrainageStatus, WorkerDeploymentVersionStatus } from '../../protocol/index.js';
import type {
  DeploymentVersionState,
  Init,
  VersionDrainageInfo,
  WorkerDeploymentInfo,
  WorkerDeploymentInfo_WorkerDeploymentVersionSummary,
  WorkerDeploymentVersionInfo,
} from '../../protocol/index.js';
import { legacyVersionText } from '../deployment-version.js';
import type { DeploymentState } from './state.js';

export function describeDeployment(state: DeploymentState): Init<WorkerDeploymentInfo> {
  const { data } = state;
  return {
    name: state.name,
    createTime: data.created?.nowMs,
    // The latest first.
    versionSummaries: [...data.versions].reverse().map((version) => summarizeVersion(state, version)),
    routingConfig: state.routing,
    lastModifierIdentity: data.lastModifierIdentity,
    managerIdentity: data.managerIdentity,
    // Matching is told before a change is answered.
    routingConfigUpdateState: RoutingConfigUpdateState.COMPLETED,
  };
}

export function summarizeVersion(state: DeploymentState, version: DeploymentVersionState): Init<WorkerDeploymentInfo_WorkerDeploymentVersionSummary> {
  const { buildId } = version;
  const deploymentVersion = { deploymentName: state.name, buildId };
  return {
    version: legacyVersionText(deploymentVersion),
    deploymentVersion,
    createTime: version.createTimeMs,
    status: statusOf(state, version),
    drainageStatus: version.drainage,
    drainageInfo: drainageInfo(version),
    currentSinceTime: moment(version.currentSinceMs),
    rampingSinceTime: moment(version.rampingSinceMs),
    routingUpdateTime: moment(version.routingChangedMs),
    firstActivationTime: moment(version.firstActivationMs),
    lastDeactivationTime: moment(version.lastDeactivationMs),
    lastCurrentTime: moment(version.lastCurrentMs),
  };
}

export function describeVersion(state: DeploymentState, version: DeploymentVersionState): Init<WorkerDeploymentVersionInfo> {
  const { buildId, queues, metadata, lastModifierIdentity } = version;
  const deploymentVersion = { deploymentName: state.name, buildId };
  return {
    version: legacyVersionText(deploymentVersion),
    deploymentVersion,
    createTime: version.createTimeMs,
    status: statusOf(state, version),
    routingChangedTime: moment(version.routingChangedMs),
    currentSinceTime: moment(version.currentSinceMs),
    rampingSinceTime: moment(version.rampingSinceMs),
    rampPercentage: state.rampingBuild === buildId ? state.routing.rampingVersionPercentage : 0,
    firstActivationTime: moment(version.firstActivationMs),
    lastDeactivationTime: moment(version.lastDeactivationMs),
    lastCurrentTime: moment(version.lastCurrentMs),
    taskQueueInfos: queues,
    drainageInfo: drainageInfo(version),
    metadata,
    lastModifierIdentity,
  };
}

function statusOf(state: DeploymentState, { buildId, drainage, queues }: DeploymentVersionState): WorkerDeploymentVersionStatus {
  if (state.currentBuild === buildId) return WorkerDeploymentVersionStatus.CURRENT;
  if (state.rampingBuild === buildId) return WorkerDeploymentVersionStatus.RAMPING;
  if (drainage === VersionDrainageStatus.DRAINING) return WorkerDeploymentVersionStatus.DRAINING;
  if (drainage === VersionDrainageStatus.DRAINED) return WorkerDeploymentVersionStatus.DRAINED;
  return queues.length === 0 ? WorkerDeploymentVersionStatus.CREATED : WorkerDeploymentVersionStatus.INACTIVE;
}

function drainageInfo({ drainage, drainageChangedMs, drainageCheckedMs }: DeploymentVersionState): Init<VersionDrainageInfo> | undefined {
  if (drainage === VersionDrainageStatus.UNSPECIFIED) return undefined;
  return { status: drainage, lastChangedTime: drainageChangedMs, lastCheckedTime: drainageCheckedMs };
}

const moment = (timeMs: number): number | undefined => (timeMs > 0 ? timeMs : undefined);
