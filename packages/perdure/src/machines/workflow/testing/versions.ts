/**
 * Programs of workers that run two builds: {@link withVersions} says in the steps of a program which build polls and completes, and where
 * the routing leads. What is bound to a build is polled by that one, as matching does it. For tests only.
 */
import assert from 'node:assert/strict';
import { VersioningBehavior, VersioningOverride, VersioningOverride_PinnedOverrideBehavior, WorkerVersioningMode } from '../../../protocol/index.js';
import type { Init, RespondWorkflowTaskCompletedRequest, WorkerDeploymentVersion } from '../../../protocol/index.js';
import { seededRandom } from '../../../ports/random.js';
import { versionText } from '../../deployment-version.js';
import type { Debt, Poller } from '../../machine.js';
import { isPinned, pinnedVersion } from '../runs/version-binding.js';
import type { Program, Step } from './program.js';
import type { TestRun } from './test-run.js';

/** Beside what a step says anyway. */
export interface BuildOfStep {
  /** 1 or 2. Left out: a worker without a version. */
  readonly build?: number;
  /** Where the routing leads, if elsewhere. */
  readonly target?: number;
  /** How the workers of the build bind the run. Left out: it follows. */
  readonly pins?: boolean;
  /** The build serves also the queues of the run's children. */
  readonly serves?: boolean;
}

/** A build to which operators pin the run; 0: they let it go. */
export type Pin = 0 | 1 | 2;

export function withVersions(program: Program, seed: number): Program {
  const random = seededRandom(seed, { now: () => 0 });
  const below = (limit: number): number => Math.floor(random.next() * limit);
  let target = 1;
  return program.map((step): Step => {
    if (below(8) === 0) target = 1 + below(2);
    const build = below(12) === 0 ? undefined : below(4) === 0 ? 3 - target : target;
    const pin = below(3) as Pin;
    switch (step.do) {
      case 'dispatch':
        return { ...step, ...(build !== undefined && { build }), ...(build !== target && { target }) };
      case 'complete-task':
        return { ...step, ...(build !== undefined && { build }), ...(below(3) === 0 && { pins: true }), ...(below(2) === 0 && { serves: true }) };
      case 'start':
        return below(8) === 0 && pin !== 0 ? { ...step, pin } : step;
      case 'change-options':
        return { ...step, versioning: true, pin };
      // There are more operators than usual.
      case 'change-activities':
        return { do: 'change-options', versioning: true, pin };
      default:
        return step;
    }
  });
}

const versionOfBuild = (build: number): WorkerDeploymentVersion => ({ deploymentName: 'shop', buildId: `${build}` });

/** Of a poll for this task. */
export function pollerOf({ build, target = build }: BuildOfStep, { queue, sticky }: NonNullable<Debt['dispatch']>): Partial<Poller> {
  const polls = queue.version ?? (build === undefined || sticky ? undefined : versionText(versionOfBuild(build)));
  if (build === undefined && target === undefined) return {};
  return { ...(polls !== undefined && { version: polls }), target: { version: target === undefined ? undefined : versionText(versionOfBuild(target)), revision: target ?? 0 } };
}

/** What the worker of the build says of it when it completes a workflow task. */
export function completedBy({ build, pins }: BuildOfStep): Init<RespondWorkflowTaskCompletedRequest> {
  if (build === undefined) return {};
  return {
    deploymentOptions: { ...versionOfBuild(build), workerVersioningMode: WorkerVersioningMode.VERSIONED },
    versioningBehavior: pins === true ? VersioningBehavior.PINNED : VersioningBehavior.AUTO_UPGRADE,
  };
}

export function overrideOf(pin: Pin | undefined): VersioningOverride | undefined {
  if (pin === undefined || pin === 0) return undefined;
  return VersioningOverride.create({ pinned: { behavior: VersioningOverride_PinnedOverrideBehavior.PINNED, version: versionOfBuild(pin) } });
}

/** A pinned run is owed to its build and moves nowhere; of a run that is about to move no activity is handed out. */
export function proveVersions({ live, owed }: TestRun): void {
  const pinned = pinnedVersion(live.run);
  if (isPinned(live.run)) assert.equal(live.run.versionTransition, undefined, 'a pinned run moves nowhere');
  for (const [key, { dispatch }] of owed) {
    if (dispatch === undefined) continue;
    const isActivity = key.startsWith('activity:');
    assert.ok(!isActivity || live.run.versionTransition === undefined, 'the workflow moves first');
    if (!dispatch.sticky) assert.equal(dispatch.queue.version, pinned && versionText(pinned), 'a task is owed to the build that the run is pinned to');
    else if (pinned !== undefined) assert.deepEqual({ ...live.run.deploymentVersion }, { ...pinned }, 'the cache that a pinned run counts on is one of its build');
  }
}
