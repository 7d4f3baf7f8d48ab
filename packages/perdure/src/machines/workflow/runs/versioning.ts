/**
 * Which version of a worker deployment a run belongs to, and how it moves from one to another.
 *
 * A run is *pinned* (its tasks go to one version only), or it *follows* the routing of its task queue, which names the current or the ramping
 * version; a run whose workers say nothing about versions follows it too. Matching knows the routing, the run does not: it owes its tasks to
 * its version or to the queue, and notices where they went. If a task that follows reaches another version than the run's, a *transition*
 * begins: until a worker of that version completes a workflow task nothing else of the run is handed out. What a run is pinned to comes
 * from an override, else from what workers say when they complete a workflow task, else from the run that began it.
 *
 * Private events say what the history does not: transitions, and the target that a pinned run was told of.
 */
import { VersioningBehavior } from '../../../protocol/index.js';
import type { HistoryEvent, TaskRouted, WorkerDeploymentVersion, WorkflowExecutionStartedEventAttributes } from '../../../protocol/index.js';
import { parseVersion, versionText } from '../../deployment-version.js';
import type { Poller } from '../../machine.js';
import { activityKey, WORKFLOW_TASK } from '../debts.js';
import type { Draft } from '../draft.js';
import { childStarts } from '../messages/child-messages.js';
import { must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import { isPinned, pinnedVersion, versionOf } from './version-binding.js';
import type { InheritedVersion } from './version-binding.js';
import { noteUsedVersion } from './worker-versions.js';

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The workflow task is about to be started by this poller. True: a pinned run is told that the routing leads elsewhere now. */
export function routeWorkflowTask(draft: Draft, { version, target }: Poller): boolean {
  const { run } = draft.state;
  if (isPinned(run)) {
    if (target?.version === undefined || run.versioningOverride !== undefined) return false;
    const changed = parseVersion(target.version);
    if (changed === undefined || isSame(changed, run.deploymentVersion) || isSame(changed, run.declinedTarget)) return false;
    if (!isSame(changed, run.notifiedTarget)) draft.emitPrivate({ taskRouted: { transitionEnded: false, revision: target.revision, notifiedTarget: changed } });
    return true;
  }
  if (run.versionTransition === undefined && version === textOf(versionOf(run))) return false;
  moveTo(draft, version, target?.revision ?? 0);
  return false;
}

/**
 * An activity has met a worker of the version to which the run is about to move: the workflow goes first. True: the activity has to wait until
 * that version has completed a workflow task. Workers of a version that has nothing to do with the run may have its activities.
 */
export function movesRun(draft: Draft, { version, target }: Poller): boolean {
  const { run } = draft.state;
  if (run.versioningBehavior === VersioningBehavior.UNSPECIFIED || target === undefined || target.version !== version || isPinned(run)) return false;
  if (version === textOf(versionOf(run))) return false;
  moveTo(draft, version, target.revision);
  return true;
}

function moveTo(draft: Draft, version: string | undefined, revision: number): void {
  const { run } = draft.state;
  const current = run.versionTransition;
  if (version === textOf(versionOf(run))) {
    if (current !== undefined) draft.emitPrivate({ taskRouted: { transitionEnded: true, revision } });
    return;
  }
  if (current !== undefined && textOf(current.version) === version) return;
  draft.emitPrivate({ taskRouted: { transition: { version: version === undefined ? undefined : parseVersion(version) }, transitionEnded: false, revision } });
}

export function inheritanceAttributes(inherited: InheritedVersion | undefined): Pick<WorkflowExecutionStartedEventAttributes, 'inheritedPinnedVersion' | 'inheritedAutoUpgradeInfo'> {
  const { pinned, autoUpgrade } = inherited ?? {};
  return {
    inheritedPinnedVersion: pinned && { ...pinned },
    inheritedAutoUpgradeInfo: autoUpgrade && { sourceDeploymentVersion: { ...autoUpgrade.version }, sourceDeploymentRevisionNumber: autoUpgrade.revision, continueAsNewInitialVersioningBehavior: autoUpgrade.initial ?? 0 },
  };
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A run begins with the version of the one that began it, until its own workers say otherwise. */
export function applyInherited({ run }: WorkflowState, attributes: WorkflowExecutionStartedEventAttributes): void {
  const { inheritedPinnedVersion: pinned, inheritedAutoUpgradeInfo: upgraded, declinedTargetVersionUpgrade: declined } = attributes;
  if (pinned !== undefined) {
    run.versioningBehavior = VersioningBehavior.PINNED;
    run.deploymentVersion = copyOf(pinned);
  } else if (upgraded?.sourceDeploymentVersion !== undefined) {
    run.versioningBehavior = VersioningBehavior.AUTO_UPGRADE;
    run.deploymentVersion = copyOf(upgraded.sourceDeploymentVersion);
    run.routingRevision = upgraded.sourceDeploymentRevisionNumber;
    run.initialVersioning = upgraded.continueAsNewInitialVersioningBehavior;
  }
  if (declined?.deploymentVersion !== undefined) run.declinedTarget = copyOf(declined.deploymentVersion);
}

/** The worker that completed a workflow task says how its version is bound to the run. */
export function applyVersionCompleted(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { run } = state;
  const { versioningBehavior, deploymentVersion } = must(event.workflowTaskCompletedEventAttributes, 'attributes');
  const onceTo = run.versioningOverride?.oneTime?.targetDeploymentVersion;
  if (onceTo !== undefined && isSame(onceTo, deploymentVersion)) run.versioningOverride = undefined;
  // Children that are still to be started begin with the version.
  for (const key of childStarts.keys(state)) applying.touch(key);
  const pinnedBefore = pinnedVersion(run);
  run.versioningBehavior = versioningBehavior;
  run.deploymentVersion = deploymentVersion && copyOf(deploymentVersion);
  noteUsedVersion(run, deploymentVersion);
  // Activities that wait are owed to the version that the run is pinned to now, or to none.
  if (run.versionTransition === undefined && isSame(pinnedBefore, pinnedVersion(run))) return;
  run.versionTransition = undefined;
  touchActivities(state, applying);
}

export function applyTaskRouted(state: WorkflowState, routed: TaskRouted, applying: Applying): void {
  const { run } = state;
  if (routed.notifiedTarget !== undefined) {
    run.notifiedTarget = copyOf(routed.notifiedTarget);
    run.notifiedRevision = routed.revision;
    return;
  }
  run.routingRevision = routed.revision;
  run.versionTransition = routed.transitionEnded || routed.transition === undefined ? undefined : { version: routed.transition.version && copyOf(routed.transition.version) };
  applying.touch(WORKFLOW_TASK);
  touchActivities(state, applying);
  // Children that are still to be started are told of the routing.
  for (const key of childStarts.keys(state)) applying.touch(key);
}

/** What is owed of them depends on the version and on the transition. */
export function touchActivities(state: WorkflowState, applying: Applying): void {
  for (const { scheduledEventId } of state.activities.values()) applying.touch(activityKey(scheduledEventId));
}

/** The state's own. */
function copyOf({ buildId, deploymentName }: WorkerDeploymentVersion): WorkerDeploymentVersion {
  return { buildId, deploymentName };
}

function isSame(one: WorkerDeploymentVersion | undefined, other: WorkerDeploymentVersion | undefined): boolean {
  return one?.buildId === other?.buildId && one?.deploymentName === other?.deploymentName;
}

const textOf = (version: WorkerDeploymentVersion | undefined): string | undefined => version && versionText(version);
