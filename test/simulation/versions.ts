/**
 * Stories of workers of two builds: runs that stay on the build that began them, runs that move on, and operators who lead tasks to one
 * build or the other while workers come and go.
 */
import { Code, RpcError, VersionDrainageStatus, VersioningBehavior, VersioningOverride_PinnedOverrideBehavior, type HistoryEvent, type WorkerDeploymentInfo } from '#perdure/protocol/index';
import type { SimulatedWorker } from '#perdure/simulation/simulated-worker';
import type { Scene } from './resets.js';
import type * as workflows from './workflows.js';

const NAMESPACE = 'default';
export const VERSIONED_QUEUE = 'versioned';
export const DEPLOYMENT = 'shop';
export const BUILDS = ['1', '2'] as const;
const MOST_TURNS = 4;

export interface VersionScene extends Scene {
  workersOf(build: string): readonly SimulatedWorker[];
}

const any = <T>({ below }: Scene, from: readonly T[]): T => from[below(from.length)] as T;
/** What cannot be done now: another change came between, or a build is not known yet. */
const notNow = (error: unknown): undefined => {
  if (!(error instanceof RpcError) || (error.code !== Code.FAILED_PRECONDITION && error.code !== Code.NOT_FOUND)) throw error;
};

/** Both builds are known with all their queues, and one of them gets the tasks. */
async function ready(scene: Scene): Promise<void> {
  const service = scene.world.client.workflowService;
  for (;;) {
    const known = await Promise.all(BUILDS.map((buildId) => service.describeWorkerDeploymentVersion({ namespace: NAMESPACE, deploymentVersion: { deploymentName: DEPLOYMENT, buildId } }).catch(notNow)));
    if (known.every((version) => version?.versionTaskQueues.length === 2)) break;
    await scene.pause(300);
  }
  while ((await routing(scene))?.routingConfig?.currentDeploymentVersion === undefined) {
    await service.setWorkerDeploymentCurrentVersion({ namespace: NAMESPACE, deploymentName: DEPLOYMENT, buildId: BUILDS[0], identity: 'first' }).catch(notNow);
    await scene.pause(300);
  }
}

async function routing({ world }: Scene): Promise<WorkerDeploymentInfo | undefined> {
  const described = await world.client.workflowService.describeWorkerDeployment({ namespace: NAMESPACE, deploymentName: DEPLOYMENT });
  return described.workerDeploymentInfo;
}

/** Stays, with its child and its next run, on the build that began it. */
export async function staying(scene: Scene, name: string): Promise<void> {
  await ready(scene);
  const turns = 1 + scene.below(MOST_TURNS);
  const seen = await scene.world.client.workflow.execute<typeof workflows.staying>('staying', { workflowId: name, taskQueue: VERSIONED_QUEUE, args: [name, turns] });
  if (seen.length !== 6 * turns || new Set(seen).size !== 1 || !BUILDS.some((build) => build === seen[0])) scene.problems.add(`${name} is pinned, and ran on ${seen.join(' ')}`);
}

/** Moves on as the operators want it. */
export async function moving(scene: Scene, name: string): Promise<void> {
  await ready(scene);
  const turns = 1 + scene.below(MOST_TURNS);
  const seen = await scene.world.client.workflow.execute<typeof workflows.moving>('moving', { workflowId: name, taskQueue: VERSIONED_QUEUE, args: [turns] });
  if (seen.length !== 2 * turns || seen.some((build) => !BUILDS.some((known) => known === build))) scene.problems.add(`${name} ran on ${seen.join(' ')}`);
}

/** Operators pin it to a build by hand, and let it go again. */
export async function overridden(scene: Scene, name: string): Promise<void> {
  await ready(scene);
  const { client } = scene.world;
  const turns = 2 + scene.below(MOST_TURNS);
  const handle = await client.workflow.start<typeof workflows.moving>('moving', { workflowId: name, taskQueue: VERSIONED_QUEUE, args: [turns] });
  for (let times = 1 + scene.below(3); times > 0; times--) {
    await scene.pause(scene.below(3_000));
    const buildId = any(scene, [...BUILDS, undefined]);
    const versioningOverride = buildId === undefined ? undefined : { pinned: { behavior: VersioningOverride_PinnedOverrideBehavior.PINNED, version: { deploymentName: DEPLOYMENT, buildId } } };
    const request = { namespace: NAMESPACE, workflowExecution: { workflowId: name }, workflowExecutionOptions: { versioningOverride }, updateMask: { paths: ['versioning_override'] }, identity: 'operator' };
    await client.workflowService.updateWorkflowExecutionOptions(request).catch(notNow);
  }
  const seen = await handle.result();
  if (seen.length !== 2 * turns) scene.problems.add(`${name} ran on ${seen.join(' ')}`);
}

/** Tasks are led to one build, to the other, to both; and the workers of one are away for a while. */
export async function rollout(scene: VersionScene, name: string): Promise<void> {
  await ready(scene);
  const { world, problems } = scene;
  const service = world.client.workflowService;
  let revision = 0;
  for (let times = 2 + scene.below(5); times > 0; times--) {
    await scene.pause(scene.below(6_000));
    const buildId = any(scene, BUILDS);
    const identity = `${name} ${times}`;
    const about = { namespace: NAMESPACE, deploymentName: DEPLOYMENT, buildId, identity };
    const before = await service.describeWorkerDeployment({ namespace: NAMESPACE, deploymentName: DEPLOYMENT });
    const conflictToken = scene.below(2) === 0 ? before.conflictToken : new Uint8Array();
    const percentage = 10 * scene.below(11);
    const what = scene.below(4);
    if (what === 3) {
      for (const worker of scene.workersOf(buildId)) worker.crash(scene.below(20_000), scene.below(2) * 2_000);
      continue;
    }
    const done = await (what === 0
      ? service.setWorkerDeploymentRampingVersion({ ...about, percentage, conflictToken, ignoreMissingTaskQueues: true })
      : service.setWorkerDeploymentCurrentVersion({ ...about, conflictToken, ignoreMissingTaskQueues: true })
    ).catch(notNow);
    const info = await routing(scene);
    const now = info?.routingConfig;
    if ((now?.revisionNumber ?? 0) < revision) problems.add(`the routing went back from revision ${revision} to ${now?.revisionNumber}`);
    revision = now?.revisionNumber ?? 0;
    if (done === undefined || info?.lastModifierIdentity !== identity) continue;
    const seen = what === 0 ? `${now?.rampingDeploymentVersion?.buildId} at ${now?.rampingVersionPercentage}` : now?.currentDeploymentVersion?.buildId;
    const wanted = what === 0 ? `${buildId} at ${percentage}` : buildId;
    if (seen !== wanted) problems.add(`${identity}: the routing was set to ${wanted}, and is ${seen}`);
  }
}

/** A build that gets no tasks, and has no runs any more, is drained. */
export async function checkDrained(scene: Scene): Promise<void> {
  const info = await routing(scene).catch(notNow);
  for (const { deploymentVersion, drainageStatus } of info?.versionSummaries ?? []) {
    if (drainageStatus === VersionDrainageStatus.DRAINING) scene.problems.add(`build ${deploymentVersion?.buildId} has no runs any more, and drains still`);
  }
}

/** Where a run belongs, event by event; what was started elsewhere is told. @param buildOf of the worker with this identity */
export function checkVersions(name: string, events: readonly HistoryEvent[], buildOf: (identity: string) => string | undefined): string[] {
  const problems: string[] = [];
  let override: string | undefined;
  let pinned: string | undefined;
  const begun = new Map<number, string | undefined>();
  for (const event of events) {
    const { workflowExecutionStartedEventAttributes: first, workflowExecutionOptionsUpdatedEventAttributes: changed, workflowTaskStartedEventAttributes: task, workflowTaskCompletedEventAttributes: completed } = event;
    if (first !== undefined) {
      pinned = first.inheritedPinnedVersion?.buildId;
      override = first.versioningOverride?.pinned?.version?.buildId;
    } else if (changed !== undefined) {
      override = changed.unsetVersioningOverride ? undefined : (changed.versioningOverride?.pinned?.version?.buildId ?? override);
    } else if (task !== undefined) {
      const belongs = override ?? pinned;
      const build = buildOf(task.identity);
      begun.set(event.eventId, build);
      if (belongs !== undefined && build !== undefined && build !== belongs) problems.push(`${name} belongs to build ${belongs}, and event ${event.eventId} is of a worker of ${build}`);
    } else if (completed !== undefined) {
      const build = begun.get(completed.startedEventId);
      const told = completed.deploymentVersion?.buildId;
      if (build !== undefined && told !== undefined && told !== build) problems.push(`${name}: event ${event.eventId} names build ${told}, and was done by a worker of ${build}`);
      pinned = completed.versioningBehavior === VersioningBehavior.PINNED ? told : undefined;
    }
  }
  return problems;
}
