/** Versions come with the first poll of a worker (or by hand), get the queues that are polled, and are deleted once nobody needs them. */
import { VersionDrainageStatus, type RpcError } from '../../protocol/index.js';
import { versionText } from '../deployment-version.js';
import type { Draft } from './draft.js';
import type { CreateVersionInput, DeleteVersionInput, DeploymentLimits, DeploymentReply, RegisterInput, UpdateMetadataInput } from './inputs.js';
import { noBuild, tooManyQueues, tooManyVersions, undeletable, versionExists } from './refusals.js';
import { guard } from './routing.js';
import { hasQueue, wireType, type DeploymentState } from './state.js';

export function register(draft: Draft, { buildId, queue, limits, unpolled }: RegisterInput): DeploymentReply | RpcError {
  const { state } = draft;
  const refused = state.version(buildId) === undefined ? addVersion(draft, { buildId, identity: '', requestId: '' }, limits, unpolled) : undefined;
  if (refused !== undefined) return refused;
  const version = state.version(buildId);
  if (version === undefined || hasQueue(version, queue)) return draft.reply();
  if (version.queues.length >= limits.queuesOfVersion) return tooManyQueues(versionText({ deploymentName: state.name, buildId }), limits.queuesOfVersion);
  draft.emit({ queueAdded: { buildId, name: queue.name, type: wireType(queue.type) } });
  return draft.reply();
}

export function createVersion(draft: Draft, { buildId, identity, requestId, limits }: CreateVersionInput): DeploymentReply | RpcError {
  const { state } = draft;
  const problem = guard(state, { identity });
  if (problem !== undefined) return problem;
  const known = state.version(buildId);
  if (known !== undefined) return requestId !== '' && known.createRequestId === requestId ? draft.reply() : versionExists(state.name, buildId);
  return addVersion(draft, { buildId, identity, requestId }, limits, []) ?? draft.reply();
}

/** Where there are too many, the oldest one that is drained and has no pollers makes room. */
export function addVersion(
  draft: Draft,
  added: { readonly buildId: string; readonly identity: string; readonly requestId: string },
  limits: DeploymentLimits,
  unpolled: readonly string[],
): RpcError | undefined {
  const { state } = draft;
  if (state.data.versions.length >= limits.versions) {
    const oldest = state.data.versions.find(({ buildId }) => unpolled.includes(buildId) && !isInUse(state, buildId));
    if (oldest === undefined) return tooManyVersions(state.name, limits.versions);
    draft.emit({ versionDeleted: { buildId: oldest.buildId, identity: state.data.lastModifierIdentity } });
  }
  draft.emit({ versionAdded: { ...added, nowMs: draft.now } });
  return undefined;
}

export function updateMetadata(draft: Draft, { buildId, upserted, removed, identity }: UpdateMetadataInput): DeploymentReply | RpcError {
  const { state } = draft;
  if (state.version(buildId) === undefined) return noBuild(state.name, buildId);
  draft.emit({ metadataChanged: { buildId, upserted: new Map(upserted), removed: [...removed], identity } });
  return draft.reply({ metadata: state.version(buildId)?.metadata });
}

export function deleteVersion(draft: Draft, { buildId, skipDrainage, hasPollers, identity }: DeleteVersionInput): DeploymentReply | RpcError {
  const { state } = draft;
  const problem = guard(state, { identity });
  if (problem !== undefined) return problem;
  const version = state.version(buildId);
  // Deleted before: the same request again.
  if (version === undefined) return draft.reply();
  const text = versionText({ deploymentName: state.name, buildId });
  if (isRouted(state, buildId)) return undeletable(text, 'is current or ramping');
  if (!skipDrainage && version.drainage === VersionDrainageStatus.DRAINING) return undeletable(text, 'is draining');
  if (hasPollers) return undeletable(text, 'has active pollers');
  draft.emit({ versionDeleted: { buildId, identity } });
  return draft.reply();
}

function isRouted(state: DeploymentState, buildId: string): boolean {
  return state.currentBuild === buildId || state.rampingBuild === buildId;
}

function isInUse(state: DeploymentState, buildId: string): boolean {
  return isRouted(state, buildId) || state.version(buildId)?.drainage === VersionDrainageStatus.DRAINING;
}
