/**
 * Which version gets tasks: the current one, and the ramping one its share of them.
 *
 * A change is refused if somebody changed the deployment since (conflict token), if another manages it, or if a queue on which something
 * happens would be left without a version. A change that changes nothing writes nothing.
 */
import type { RoutingConfig, RpcError } from '../../protocol/index.js';
import { legacyVersionText, UNVERSIONED, versionText } from '../deployment-version.js';
import { conflictToken, type Draft } from './draft.js';
import { queueKey, type DeploymentReply, type SetCurrentInput, type SetRampingInput } from './inputs.js';
import { alreadyCurrent, conflict, missingQueues, noBuild, notManager } from './refusals.js';
import { queueType, type DeploymentState } from './state.js';
import { addVersion } from './versions.js';

export function setCurrent(draft: Draft, input: SetCurrentInput): DeploymentReply | RpcError {
  const { state } = draft;
  const problem = guard(state, input);
  if (problem !== undefined) return problem;
  const previousVersion = state.routing.currentVersion;
  const { buildId } = input;
  if ((state.currentBuild ?? '') === buildId) return draft.reply({ previousVersion });
  const missing = prepare(draft, input, 'current');
  if (missing !== undefined) return missing;
  const wasRamping = buildId === '' ? state.routing.rampingVersion === UNVERSIONED : state.rampingBuild === buildId;
  const routing = state.routing;
  route(draft, input, {
    ...routing,
    ...current(state, buildId),
    currentVersionChangedTime: draft.now,
    ...(wasRamping && { ...ramping(state, '', 0), rampingVersionChangedTime: draft.now, rampingVersionPercentageChangedTime: draft.now }),
  });
  return draft.reply({ previousVersion });
}

export function setRamping(draft: Draft, input: SetRampingInput): DeploymentReply | RpcError {
  const { state } = draft;
  const problem = guard(state, input);
  if (problem !== undefined) return problem;
  const { buildId, percentage } = input;
  const { routing } = state;
  const before = { previousVersion: routing.rampingVersion, previousPercentage: routing.rampingVersionPercentage };
  const isEnd = buildId === '' && percentage === 0;
  const next = ramping(state, buildId, percentage);
  if (!isEnd && next.rampingVersion === routing.currentVersion) return alreadyCurrent(next.rampingVersion);
  const isSame = next.rampingVersion === routing.rampingVersion;
  if (isSame && next.rampingVersionPercentage === routing.rampingVersionPercentage) return draft.reply(before);
  if (!isSame && !isEnd) {
    const missing = prepare(draft, input, 'ramping');
    if (missing !== undefined) return missing;
  }
  route(draft, input, { ...routing, ...next, ...(!isSame && { rampingVersionChangedTime: draft.now }), rampingVersionPercentageChangedTime: draft.now });
  return draft.reply(before);
}

/** What is wrong with a change of the deployment by this client, whatever it changes. */
export function guard(state: DeploymentState, { conflictToken: token, identity }: { readonly conflictToken?: Uint8Array; readonly identity: string }): RpcError | undefined {
  const { managerIdentity } = state.data;
  if (managerIdentity !== '' && managerIdentity !== identity) return notManager(managerIdentity, identity);
  if (token !== undefined && token.byteLength > 0 && Buffer.compare(token, conflictToken(state)) !== 0) return conflict();
  return undefined;
}

/** The version exists, or is made; and it has the queues that it must have. */
function prepare(draft: Draft, input: SetCurrentInput | SetRampingInput, role: 'current' | 'ramping'): RpcError | undefined {
  const { state } = draft;
  const { buildId, allowNoPollers, ignoreMissingQueues, busyQueues, identity, limits } = input;
  if (buildId === '') return undefined;
  const known = state.version(buildId);
  if (known === undefined && !allowNoPollers) return noBuild(state.name, buildId);
  // Looked at before the version is made: what is refused makes nothing.
  const has = new Set(known?.queues.map(({ name, type }) => queueKey({ name, type: queueType(type) })));
  if (!ignoreMissingQueues && busyQueuesOfCurrent(state, busyQueues).some((key) => !has.has(key))) return missingQueues(versionText({ deploymentName: state.name, buildId }), role);
  return known === undefined ? addVersion(draft, { buildId, identity, requestId: '' }, limits, []) : undefined;
}

function busyQueuesOfCurrent(state: DeploymentState, busyQueues: ReadonlySet<string>): string[] {
  const current = state.currentBuild === undefined ? undefined : state.version(state.currentBuild);
  return (current?.queues ?? []).map(({ name, type }) => queueKey({ name, type: queueType(type) })).filter((key) => busyQueues.has(key));
}

function route(draft: Draft, input: SetCurrentInput | SetRampingInput, routing: RoutingConfig): void {
  const { identity, drainageGraceMs, drainageRefreshMs } = input;
  draft.emit({ routed: { routing: { ...routing, revisionNumber: routing.revisionNumber + 1 }, identity, nowMs: draft.now, drainageGraceMs, drainageRefreshMs } });
}

function current({ name: deploymentName }: DeploymentState, buildId: string): Pick<RoutingConfig, 'currentVersion' | 'currentDeploymentVersion'> {
  if (buildId === '') return { currentVersion: UNVERSIONED, currentDeploymentVersion: undefined };
  const version = { deploymentName, buildId };
  return { currentVersion: legacyVersionText(version), currentDeploymentVersion: version };
}

function ramping({ name: deploymentName }: DeploymentState, buildId: string, percentage: number): Pick<RoutingConfig, 'rampingVersion' | 'rampingDeploymentVersion' | 'rampingVersionPercentage'> {
  const rampingVersionPercentage = Math.fround(percentage);
  if (buildId === '') return { rampingVersion: percentage === 0 ? '' : UNVERSIONED, rampingDeploymentVersion: undefined, rampingVersionPercentage };
  const version = { deploymentName, buildId };
  return { rampingVersion: legacyVersionText(version), rampingDeploymentVersion: version, rampingVersionPercentage };
}
