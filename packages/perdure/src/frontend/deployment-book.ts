/**
 * The worker deployments, in memory: a poll looks whether its version is known, and matching dispatches by what they say.
 *
 * Authoritative are the deployment machines; this is a copy of all of them, loaded at start before anything is dispatched, and kept up to date
 * by the only writer, the frontend of the same engine: a change is answered once matching has been told. Bounded by the limits on
 * deployments, versions and queues.
 */
import type { Host } from '../host/host.js';
import { DEPLOYMENT_KIND, deploymentKey, queueKey, queueOfKey, queueType, type DeploymentInput, type DeploymentReply, type DeploymentState, type VersionQueue } from '../machines/deployment/index.js';
import { UNVERSIONED, versionText } from '../machines/deployment-version.js';
import type { TaskQueueAddress } from '../machines/machine.js';
import type { Matching, QueueRouting } from '../matching/matching.js';
import { Code, ResourceExhaustedCause, ResourceExhaustedFailure, ResourceExhaustedScope, RpcError, WorkerVersioningMode, type RoutingConfig, type WorkerDeploymentOptions, type WorkerDeploymentVersion } from '../protocol/index.js';
import { everyMachine } from './every-machine.js';
import type { ServedNamespace } from './namespace-registry.js';

/** What is remembered of a deployment. */
export interface KnownDeployment {
  readonly name: string;
  readonly createdMs: number;
  readonly routing: RoutingConfig;
  /** By build id. */
  readonly versions: ReadonlyMap<string, KnownVersion>;
}

export interface KnownVersion {
  /** Their {@link queueKey}s. */
  readonly queues: ReadonlySet<string>;
  /** The names of those for workflow tasks. */
  readonly workflowQueues: ReadonlySet<string>;
}

/** A version that the routing of a deployment names, on one queue. */
interface Candidate {
  readonly version: string | undefined;
  readonly deployment: KnownDeployment;
  readonly changedMs: number;
}

type BookHost = Pick<Host, 'machines' | 'read' | 'send'>;

export class DeploymentBook {
  readonly #host: BookHost;
  readonly #matching: Pick<Matching, 'route'>;
  /** By namespace id, then by name. */
  readonly #known = new Map<string, Map<string, KnownDeployment>>();

  constructor(host: BookHost, matching: Pick<Matching, 'route'>) {
    this.#host = host;
    this.#matching = matching;
  }

  /** Called once, before the first task is dispatched. @param namespaceIds of all namespaces */
  async load(namespaceIds: readonly string[]): Promise<void> {
    for (const namespace of namespaceIds) {
      for await (const { key } of everyMachine(this.#host, { kind: DEPLOYMENT_KIND, namespace })) await this.#refresh(namespace, key);
    }
  }

  get(namespace: string, name: string): KnownDeployment | undefined {
    return this.#known.get(namespace)?.get(name);
  }

  version(namespace: string, { deploymentName, buildId }: WorkerDeploymentVersion): KnownVersion | undefined {
    return this.get(namespace, deploymentName)?.versions.get(buildId);
  }

  /** The workflow task queues of the version by which a worker gets its tasks. Undefined: it has none. */
  workflowQueues(namespace: string, options: WorkerDeploymentOptions | undefined): ReadonlySet<string> | undefined {
    return options?.workerVersioningMode === WorkerVersioningMode.VERSIONED ? this.version(namespace, options)?.workflowQueues : undefined;
  }

  /** Of a namespace, the latest first. */
  list(namespace: string): KnownDeployment[] {
    return [...(this.#known.get(namespace)?.values() ?? [])].sort((one, other) => other.createdMs - one.createdMs || (one.name < other.name ? -1 : 1));
  }

  /**
   * A worker of a version polls a queue. Nothing happens if that is known.
   * @throws RpcError RESOURCE_EXHAUSTED there are too many deployments, versions or queues
   */
  async register({ id, limits }: ServedNamespace, { deploymentName, buildId }: WorkerDeploymentVersion, queue: VersionQueue, unpolled: () => readonly string[]): Promise<void> {
    const deployment = this.get(id, deploymentName);
    if (deployment?.versions.get(buildId)?.queues.has(queueKey(queue)) === true) return;
    this.checkRoom(id, deploymentName, limits.deployments);
    const isFull = deployment !== undefined && deployment.versions.size >= limits.versionsInDeployment;
    await this.send(id, deploymentName, {
      type: 'register',
      buildId,
      queue,
      limits: { versions: limits.versionsInDeployment, queuesOfVersion: limits.queuesInDeploymentVersion },
      unpolled: isFull ? unpolled() : [],
    });
  }

  /** @throws RpcError RESOURCE_EXHAUSTED the deployment would be one too many */
  checkRoom(namespace: string, name: string, most: number): void {
    const known = this.#known.get(namespace);
    if (known === undefined || known.has(name) || known.size < most) return;
    const detail = { cause: ResourceExhaustedCause.WORKER_DEPLOYMENT_LIMITS, scope: ResourceExhaustedScope.NAMESPACE };
    throw RpcError.with(Code.RESOURCE_EXHAUSTED, `The namespace has ${most} Worker Deployments, which is the limit. Delete those that are not needed any more.`, ResourceExhaustedFailure, detail);
  }

  /** Sends an input, and resolves once it is durable and in force. */
  async send(namespace: string, name: string, input: DeploymentInput): Promise<DeploymentReply> {
    const reply = await this.#host.send<DeploymentReply>(deploymentKey(namespace, name), input);
    await this.#refresh(namespace, name);
    return reply;
  }

  /** A run is pinned to a version: should it be drained, it is so no more. */
  async revive(namespace: string, { deploymentName, buildId }: WorkerDeploymentVersion): Promise<void> {
    const { currentDeploymentVersion: current, rampingDeploymentVersion: ramping } = this.get(namespace, deploymentName)?.routing ?? {};
    if (buildId === current?.buildId || buildId === ramping?.buildId) return;
    await this.#host.send<DeploymentReply>(deploymentKey(namespace, deploymentName), { type: 'revive', buildId } satisfies DeploymentInput);
  }

  /** Since when the routing of a queue is as it is, in milliseconds since the epoch. */
  routedSince({ namespace, name, type }: TaskQueueAddress): number | undefined {
    const { current, ramping } = this.#candidates(namespace, queueKey({ name, type }));
    const times = [current, ramping].flatMap((candidate) => candidate?.changedMs ?? []);
    return times.length === 0 ? undefined : Math.max(...times);
  }

  /** The namespace is deleted. */
  forget(namespace: string): void {
    const known = this.#known.get(namespace);
    this.#known.delete(namespace);
    for (const deployment of known?.values() ?? []) this.#route(namespace, queuesOf(deployment));
  }

  async #refresh(namespace: string, name: string): Promise<void> {
    // Two changes may be answered out of order: what holds is read from the machine.
    const after = await this.#host.read(deploymentKey(namespace, name), (state: DeploymentState | undefined) => state && known(state));
    const ofNamespace = this.#known.get(namespace) ?? new Map<string, KnownDeployment>();
    const before = ofNamespace.get(name);
    if (after === undefined) ofNamespace.delete(name);
    else this.#known.set(namespace, ofNamespace.set(name, after));
    this.#route(namespace, changedQueues(before, after));
  }

  #route(namespace: string, queues: Iterable<string>): void {
    for (const key of queues) {
      this.#matching.route({ namespace, ...queueOfKey(key) }, this.#routingOf(namespace, key));
    }
  }

  #routingOf(namespace: string, queue: string): QueueRouting | undefined {
    const versions = new Set<string>();
    for (const deployment of this.#known.get(namespace)?.values() ?? []) {
      for (const [buildId, { queues }] of deployment.versions) if (queues.has(queue)) versions.add(versionText({ deploymentName: deployment.name, buildId }));
    }
    if (versions.size === 0) return undefined;
    const { current, ramping } = this.#candidates(namespace, queue);
    return {
      current: { version: current?.version, revision: current?.deployment.routing.revisionNumber ?? 0 },
      ramping: ramping && { version: ramping.version, revision: ramping.deployment.routing.revisionNumber, percentage: ramping.deployment.routing.rampingVersionPercentage },
      versions,
    };
  }

  /** Where several deployments claim a queue, the change that was made last counts. */
  #candidates(namespace: string, queue: string): { readonly current: Candidate | undefined; readonly ramping: Candidate | undefined } {
    let current: Candidate | undefined;
    let ramping: Candidate | undefined;
    for (const deployment of this.#known.get(namespace)?.values() ?? []) {
      const { routing, versions } = deployment;
      const has = (version: WorkerDeploymentVersion | undefined): boolean => version !== undefined && versions.get(version.buildId)?.queues.has(queue) === true;
      const { currentDeploymentVersion: now, rampingDeploymentVersion: next } = routing;
      const changedMs = routing.currentVersionChangedTime ?? 0;
      if (now !== undefined && has(now) && (current === undefined || changedMs > current.changedMs)) current = { version: versionText(now), deployment, changedMs };
      const rampedMs = routing.rampingVersionPercentageChangedTime ?? 0;
      const ramps = next === undefined ? routing.rampingVersion === UNVERSIONED && has(now) : has(next);
      if (ramps && (ramping === undefined || rampedMs > ramping.changedMs)) ramping = { version: next && versionText(next), deployment, changedMs: rampedMs };
    }
    return { current, ramping };
  }
}

function known(state: DeploymentState): KnownDeployment {
  const versions = state.data.versions.map(({ buildId, queues }): [string, KnownVersion] => {
    const keys = queues.map(({ name, type }) => queueKey({ name, type: queueType(type) }));
    const workflowQueues = queues.flatMap(({ name, type }) => (queueType(type) === 'workflow' ? name : []));
    return [buildId, { queues: new Set(keys), workflowQueues: new Set(workflowQueues) }];
  });
  return { name: state.name, createdMs: state.data.created?.nowMs ?? 0, routing: { ...state.routing }, versions: new Map(versions) };
}

function queuesOf(deployment: KnownDeployment | undefined): Set<string> {
  return new Set([...(deployment?.versions.values() ?? [])].flatMap(({ queues }) => [...queues]));
}

/** A poll adds one queue; a change of the routing concerns all of them. */
function changedQueues(before: KnownDeployment | undefined, after: KnownDeployment | undefined): Set<string> {
  if (before?.routing.revisionNumber !== after?.routing.revisionNumber) return new Set([...queuesOf(before), ...queuesOf(after)]);
  const changed = new Set<string>();
  for (const [one, other] of [[before, after], [after, before]]) {
    for (const [buildId, { queues }] of one?.versions ?? []) for (const queue of queues) if (other?.versions.get(buildId)?.queues.has(queue) !== true) changed.add(queue);
  }
  return changed;
}
