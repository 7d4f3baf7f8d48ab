/** What a worker deployment refuses. Tools compare some of these texts. */
import { Code, NotFoundFailure, ResourceExhaustedCause, ResourceExhaustedFailure, ResourceExhaustedScope, RpcError } from '../../protocol/index.js';

const precondition = (message: string): RpcError => new RpcError(Code.FAILED_PRECONDITION, message);
const notFound = (message: string): RpcError => RpcError.with(Code.NOT_FOUND, message, NotFoundFailure, {});

export const noDeployment = (name: string): RpcError => notFound(`no Worker Deployment found with name '${name}'; does your Worker Deployment have pollers?`);
export const noBuild = (name: string, buildId: string): RpcError => notFound(`build ID '${buildId}' not found in Worker Deployment '${name}'`);
export const deploymentExists = (name: string): RpcError => new RpcError(Code.ALREADY_EXISTS, `Worker Deployment with name "${name}" already exists`);
export const versionExists = (name: string, buildId: string): RpcError => new RpcError(Code.ALREADY_EXISTS, `Worker Deployment Version "${name}.${buildId}" already exists`);
export const conflict = (): RpcError => precondition('conflict token mismatch');
export const hasVersions = (): RpcError => precondition("deployment has versions, can't be deleted");
export const alreadyCurrent = (version: string): RpcError => precondition(`requested ramping version ${version} is already current`);
export const undeletable = (version: string, because: string): RpcError => precondition(`version '${version}' cannot be deleted since it ${because}`);

export const notManager = (manager: string, identity: string): RpcError =>
  precondition(
    `ManagerIdentity '${manager}' is set and does not match user identity '${identity}'; to proceed, set your own identity as the ManagerIdentity, remove the ManagerIdentity, or wait for the other client to do so`,
  );

export const missingQueues = (version: string, role: 'current' | 'ramping'): RpcError =>
  precondition(`proposed ${role} version '${version}' is missing active task queues from the current version; these would become unversioned if it is set as the ${role} version`);

const limitReached = (message: string): RpcError =>
  RpcError.with(Code.RESOURCE_EXHAUSTED, message, ResourceExhaustedFailure, { cause: ResourceExhaustedCause.WORKER_DEPLOYMENT_LIMITS, scope: ResourceExhaustedScope.NAMESPACE });

export const tooManyVersions = (name: string, most: number): RpcError =>
  limitReached(`The Worker Deployment '${name}' has ${most} versions, which is the limit, and none of them is drained and without pollers. Delete versions that are not needed any more.`);
export const tooManyQueues = (version: string, most: number): RpcError => limitReached(`The version '${version}' has ${most} task queues, which is the limit.`);
