/**
 * The worker deployment as a machine: the versions of the code that a team's workers run, and which of them gets tasks.
 *
 * A poll of a versioned worker makes it; clients say which version is current and which ramps. It dispatches nothing: matching is told by
 * whoever keeps the copy of all deployments (`frontend/deployment-book.ts`). It owes wakes, to look whether a version that gets no new runs
 * is drained, and the question itself, to the courier that counts runs.
 */
import { DeploymentSnapshot, VersionDrainageStatus } from '../../protocol/index.js';
import { versionText } from '../deployment-version.js';
import type { Debt, DebtKey, Machine } from '../machine.js';
import { DEPLOYMENT_KIND, PINNED_RUNS_KIND, type DeploymentInput, type DeploymentReply, type PinnedRunsRequest } from './inputs.js';
import { DELETION, DeploymentState, drainageKey, drainedBuild, fold } from './state.js';
import { transition } from './transition.js';

export const deploymentMachine: Machine<DeploymentState, DeploymentInput, DeploymentReply> = {
  kind: DEPLOYMENT_KIND,
  transition,
  fold,
  snapshot: ({ data }) => DeploymentSnapshot.encode(data),
  restore(bytes) {
    const state = new DeploymentState();
    state.data = DeploymentSnapshot.decode(new Uint8Array(bytes));
    return state;
  },
  *debtKeys(state) {
    if (state.data.forgotten) yield DELETION;
    else for (const { buildId, drainage } of state.data.versions) if (drainage === VersionDrainageStatus.DRAINING) yield drainageKey(buildId);
  },
  debt,
  isOpen: (state) => !state.data.forgotten,
  isDeleted: (state) => state.data.forgotten,
  sizeBytes: (state) => state.sizeBytes,
};

function debt(state: DeploymentState, key: DebtKey): Debt | undefined {
  if (key === DELETION) return state.data.forgotten ? { deletion: true } : undefined;
  const buildId = drainedBuild(key);
  const version = buildId === undefined || state.data.forgotten ? undefined : state.version(buildId);
  if (version?.drainage !== VersionDrainageStatus.DRAINING) return undefined;
  if (version.drainageDueMs > 0) return { wakeAt: version.drainageDueMs };
  const namespace = state.data.created?.namespaceId ?? '';
  const text = versionText({ deploymentName: state.name, buildId: version.buildId });
  return { message: { to: { kind: PINNED_RUNS_KIND, namespace, key: text }, input: { namespace, version: text } satisfies PinnedRunsRequest } };
}

export { describeDeployment, describeVersion, summarizeVersion } from './describe.js';
export { conflictToken } from './draft.js';
export * from './inputs.js';
export { noDeployment } from './refusals.js';
export { queueType, type DeploymentState } from './state.js';
