/** How an input of a worker deployment is decided. */
import { RpcError, VersionDrainageStatus } from '../../protocol/index.js';
import type { HostInput, MachineKey, MessageAnswer, Moment } from '../machine.js';
import { Draft, type DeploymentOutcome } from './draft.js';
import type { DeploymentInput, DeploymentReply } from './inputs.js';
import { deploymentExists, hasVersions, noDeployment } from './refusals.js';
import { guard, setCurrent, setRamping } from './routing.js';
import { DeploymentState, drainedBuild } from './state.js';
import { createVersion, deleteVersion, register, updateMetadata } from './versions.js';

type Self = MachineKey & { readonly machine: string };

export function transition(before: DeploymentState | undefined, input: DeploymentInput | HostInput, at: Moment, self: Self): DeploymentOutcome {
  const state = before === undefined || before.data.forgotten ? undefined : before;
  if (state === undefined && !makes(input)) return { state: before, reply: absent(input, self), touched: [] };
  const draft = new Draft(state ?? new DeploymentState(), at);
  if (state === undefined) {
    const made = input.type === 'create' ? input : { identity: 'identity' in input ? input.identity : '', requestId: '' };
    draft.emit({ created: { name: self.key, namespaceId: self.namespace, incarnation: self.machine, nowMs: draft.now, identity: made.identity, requestId: made.requestId } });
  }
  const reply = state === undefined && input.type === 'create' ? draft.reply() : decide(draft, input);
  // What is refused makes nothing.
  if (state === undefined && reply instanceof RpcError) return { state: before, reply, touched: [] };
  return draft.finish(reply);
}

/** Whether an input makes a deployment that does not exist. */
function makes(input: DeploymentInput | HostInput): boolean {
  return input.type === 'register' || input.type === 'create' || ((input.type === 'set-current' || input.type === 'set-ramping') && input.allowNoPollers && input.buildId !== '');
}

/** To delete what is not there is done at once. */
function absent(input: DeploymentInput | HostInput, self: Self): DeploymentReply | RpcError {
  if (input.type !== 'delete-deployment' && input.type !== 'delete') return noDeployment(self.key);
  return { kind: 'deployment', conflictToken: new Uint8Array() };
}

function decide(draft: Draft, input: DeploymentInput | HostInput): DeploymentReply | RpcError {
  const { state } = draft;
  switch (input.type) {
    case 'register':
      return register(draft, input);
    case 'create':
      return state.data.created?.requestId === input.requestId && input.requestId !== '' ? draft.reply() : deploymentExists(state.name);
    case 'create-version':
      return createVersion(draft, input);
    case 'set-current':
      return setCurrent(draft, input);
    case 'set-ramping':
      return setRamping(draft, input);
    case 'set-manager': {
      const problem = guard(state, { conflictToken: input.conflictToken, identity: state.data.managerIdentity });
      if (problem !== undefined) return problem;
      const previousManager = state.data.managerIdentity;
      if (previousManager !== input.manager) draft.emit({ managerSet: { managerIdentity: input.manager, identity: input.identity } });
      return draft.reply({ previousManager });
    }
    case 'update-metadata':
      return updateMetadata(draft, input);
    case 'delete-version':
      return deleteVersion(draft, input);
    case 'delete-deployment': {
      const problem = guard(state, input);
      if (problem !== undefined) return problem;
      if (state.data.versions.length > 0) return hasVersions();
      draft.emit({ forgotten: {} });
      return draft.reply();
    }
    case 'revive':
      if (state.version(input.buildId)?.drainage === VersionDrainageStatus.DRAINED) draft.emit({ versionRevived: { buildId: input.buildId, nowMs: draft.now } });
      return draft.reply();
    case 'delete':
      draft.emit({ forgotten: {} });
      return draft.reply();
    case 'wake':
      wake(draft);
      return draft.reply();
    case 'delivered':
      for (const answer of input.answers) take(draft, answer);
      return draft.reply();
    case 'dispatch':
    case 'sticky-unavailable':
      // A deployment owes no tasks.
      return noDeployment(state.name);
    default:
      return input satisfies never;
  }
}

function wake(draft: Draft): void {
  for (const { buildId, drainage, drainageDueMs } of draft.state.data.versions) {
    if (drainage === VersionDrainageStatus.DRAINING && drainageDueMs > 0 && drainageDueMs <= draft.now) draft.emit({ drainageDue: { buildId } });
  }
}

/** How many runs are pinned to a version was counted, or could not be: then it is counted again later. */
function take(draft: Draft, { key, reply }: MessageAnswer): void {
  const buildId = drainedBuild(key);
  const version = buildId === undefined ? undefined : draft.state.version(buildId);
  if (version?.drainage !== VersionDrainageStatus.DRAINING || version.drainageDueMs > 0) return;
  draft.emit({ drainageChecked: { buildId: version.buildId, drained: reply === 0, nowMs: draft.now } });
}
