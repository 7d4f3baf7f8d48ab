/** Names of worker deployments and of their versions, as requests bring them. Pure: a value in, the value or a refusal out. */
import { parseVersion, UNVERSIONED } from '../machines/deployment-version.js';
import { WorkerVersioningMode, type WorkerDeploymentOptions, type WorkerDeploymentVersion } from '../protocol/index.js';
import { invalidArgument } from './refusals.js';
import type { NamespaceLimits } from './request-limits.js';
import { checkBuildId } from './validation.js';

const RESERVED_PREFIX = '__';

/** @throws RpcError INVALID_ARGUMENT */
export function requiredDeploymentName(name: string, limits: NamespaceLimits): string {
  if (name === '') throw invalidArgument('WorkerDeploymentName cannot be empty');
  if (Buffer.byteLength(name) > limits.idLengthBytes) throw invalidArgument('size of WorkerDeploymentName larger than the maximum allowed');
  // Both stand between name and build id where one text names a version.
  for (const sign of ['.', ':']) if (name.includes(sign)) throw invalidArgument(`worker deployment name cannot contain '${sign}'`);
  if (name.startsWith(RESERVED_PREFIX)) throw invalidArgument(`WorkerDeploymentName cannot start with '${RESERVED_PREFIX}'`);
  return name;
}

/** By the message, or by the text of older clients, `deployment.build`. @throws RpcError INVALID_ARGUMENT */
export function requiredVersion(version: WorkerDeploymentVersion | undefined, text: string, limits: NamespaceLimits): WorkerDeploymentVersion {
  if (version === undefined && text === '') throw invalidArgument('deployment version cannot be empty');
  const named = version ?? parseVersion(text, '.');
  if (named === undefined) throw invalidArgument(`invalid version string "${text}", expected format is "<deployment_name>.<build_id>"`);
  requiredDeploymentName(named.deploymentName, limits);
  if (named.buildId === '') throw invalidArgument('BuildId cannot be empty');
  checkBuildId(named.buildId, limits);
  return named;
}

/** The build that a change of routing names, by its id or by the text of older clients; empty: none. @throws RpcError INVALID_ARGUMENT */
export function namedBuild(deploymentName: string, buildId: string, text: string, limits: NamespaceLimits): string {
  requiredDeploymentName(deploymentName, limits);
  checkBuildId(buildId, limits);
  if (buildId !== '' || text === '' || text === UNVERSIONED) return buildId;
  const version = requiredVersion(undefined, text, limits);
  if (version.deploymentName !== deploymentName) throw invalidArgument(`invalid version string '${text}' does not match deployment name '${deploymentName}'`);
  return version.buildId;
}

/** The version by which a worker gets its tasks; undefined: it gets them without one. @throws RpcError INVALID_ARGUMENT */
export function pollerVersion(options: WorkerDeploymentOptions | undefined, limits: NamespaceLimits): WorkerDeploymentVersion | undefined {
  if (options === undefined) return undefined;
  const { deploymentName, buildId, workerVersioningMode } = options;
  const isVersioned = workerVersioningMode === WorkerVersioningMode.VERSIONED;
  if ((deploymentName === '') !== (buildId === '') || (isVersioned && buildId === '')) throw invalidArgument('Deployment name and build id must be set together.');
  if (!isVersioned) return undefined;
  requiredDeploymentName(deploymentName, limits);
  return { deploymentName, buildId };
}
