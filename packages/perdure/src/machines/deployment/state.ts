/**
 * The state of a worker deployment: its versions, which of them get tasks, who manages it.
 *
 * Its data is the message of its snapshot, so that live and stored state cannot drift apart. `applyEvent` alone changes it, live and in a
 * fold. Its size is bounded by the limits on versions and on queues of a version.
 */
import { DeploymentRecord, DeploymentSnapshot, DeploymentVersionState, RoutingConfig, TaskQueueType, VersionDrainageStatus, VersionMetadata } from '../../protocol/index.js';
import type { DeploymentEvent, DeploymentRouted, Init } from '../../protocol/index.js';
import { UNVERSIONED } from '../deployment-version.js';
import type { DebtKey, JournalRecord } from '../machine.js';
import type { VersionQueue } from './inputs.js';

export const DELETION: DebtKey = 'deletion';
const DRAINAGE = 'drainage:';

export const drainageKey = (buildId: string): DebtKey => `${DRAINAGE}${buildId}`;
export const drainedBuild = (key: DebtKey): string | undefined => (key.startsWith(DRAINAGE) ? key.slice(DRAINAGE.length) : undefined);

export class DeploymentState {
  data: DeploymentSnapshot = DeploymentSnapshot.create({ routing: { currentVersion: UNVERSIONED } });

  get name(): string {
    return this.data.created?.name ?? '';
  }

  get routing(): RoutingConfig {
    return (this.data.routing ??= RoutingConfig.create({ currentVersion: UNVERSIONED }));
  }

  /** Build ids; undefined: workers without a version, or (ramping) none at all. */
  get currentBuild(): string | undefined {
    return this.routing.currentDeploymentVersion?.buildId;
  }

  get rampingBuild(): string | undefined {
    return this.routing.rampingDeploymentVersion?.buildId;
  }

  version(buildId: string): DeploymentVersionState | undefined {
    return this.data.versions.find((version) => version.buildId === buildId);
  }

  get sizeBytes(): number {
    return 1000 + this.data.versions.reduce((sum, { queues, metadata }) => sum + 500 + queues.length * 120 + (metadata?.entries.size ?? 0) * 300, 0);
  }
}

export function hasQueue(version: DeploymentVersionState, { name, type }: VersionQueue): boolean {
  const wanted = wireType(type);
  return version.queues.some((queue) => queue.name === name && queue.type === wanted);
}

const WIRE_TYPES = { workflow: TaskQueueType.WORKFLOW, activity: TaskQueueType.ACTIVITY, nexus: TaskQueueType.NEXUS } as const;

export const wireType = (type: VersionQueue['type']): TaskQueueType => WIRE_TYPES[type];
export const queueType = (type: TaskQueueType): VersionQueue['type'] => (type === TaskQueueType.WORKFLOW ? 'workflow' : type === TaskQueueType.NEXUS ? 'nexus' : 'activity');

/** The one door through which a deployment changes. */
export function applyEvent(state: DeploymentState, event: Init<DeploymentEvent>, touch: (key: DebtKey) => void): void {
  const { data } = state;
  // Bytes and maps of its own: those of a request belong to its sender.
  const own = DeploymentRecord.decode(new Uint8Array(DeploymentRecord.encode({ events: [event] }))).events[0];
  if (own === undefined) return;
  if (own.created !== undefined) {
    data.created = own.created;
    data.lastModifierIdentity = own.created.identity;
  } else if (own.versionAdded !== undefined) {
    const { buildId, nowMs, identity, requestId } = own.versionAdded;
    data.versions.push(DeploymentVersionState.create({ buildId, createTimeMs: nowMs, createRequestId: requestId, lastModifierIdentity: identity }));
  } else if (own.queueAdded !== undefined) {
    const { buildId, name, type } = own.queueAdded;
    state.version(buildId)?.queues.push({ name, type });
  } else if (own.routed !== undefined) applyRouted(state, own.routed, touch);
  else if (own.managerSet !== undefined) {
    data.managerIdentity = own.managerSet.managerIdentity;
    data.lastModifierIdentity = own.managerSet.identity;
    data.modifications += 1;
  } else if (own.metadataChanged !== undefined) {
    const { buildId, upserted, removed, identity } = own.metadataChanged;
    const version = state.version(buildId);
    if (version === undefined) return;
    const entries = new Map([...(version.metadata?.entries ?? []), ...upserted]);
    for (const key of removed) entries.delete(key);
    version.metadata = VersionMetadata.create({ entries });
    version.lastModifierIdentity = identity;
  } else if (own.drainageDue !== undefined) {
    const version = state.version(own.drainageDue.buildId);
    if (version !== undefined) version.drainageDueMs = 0;
    touch(drainageKey(own.drainageDue.buildId));
  } else if (own.drainageChecked !== undefined) {
    const { buildId, drained, nowMs } = own.drainageChecked;
    const version = state.version(buildId);
    if (version === undefined) return;
    version.drainageCheckedMs = nowMs;
    if (drained) version.drainageChangedMs = nowMs;
    version.drainage = drained ? VersionDrainageStatus.DRAINED : VersionDrainageStatus.DRAINING;
    version.drainageDueMs = drained ? 0 : nowMs + data.drainageRefreshMs;
    touch(drainageKey(buildId));
  } else if (own.versionRevived !== undefined) {
    const { buildId, nowMs } = own.versionRevived;
    const version = state.version(buildId);
    if (version !== undefined) drain(version, nowMs, nowMs + data.drainageRefreshMs, touch);
  } else if (own.versionDeleted !== undefined) {
    const { buildId, identity } = own.versionDeleted;
    data.versions = data.versions.filter((version) => version.buildId !== buildId);
    data.lastModifierIdentity = identity;
    touch(drainageKey(buildId));
  } else if (own.forgotten !== undefined) {
    data.forgotten = true;
    for (const { buildId } of data.versions) touch(drainageKey(buildId));
    touch(DELETION);
  } else throw new Error('broken record: an event of a worker deployment has a type that this version does not know');
}

/** Versions begin and cease to get tasks. Pinned runs may be left on one that ceases: it drains. */
function applyRouted(state: DeploymentState, routed: DeploymentRouted, touch: (key: DebtKey) => void): void {
  const { data } = state;
  const { currentBuild: currentBefore, rampingBuild: rampingBefore } = state;
  const percentageBefore = state.routing.rampingVersionPercentage;
  const { nowMs, identity, drainageGraceMs, drainageRefreshMs } = routed;
  data.routing = routed.routing;
  data.lastModifierIdentity = identity;
  data.modifications += 1;
  data.drainageRefreshMs = drainageRefreshMs;
  for (const version of data.versions) {
    const { buildId } = version;
    const was = { current: buildId === currentBefore, ramping: buildId === rampingBefore };
    const is = { current: buildId === state.currentBuild, ramping: buildId === state.rampingBuild };
    if (was.current === is.current && was.ramping === is.ramping && !(is.ramping && state.routing.rampingVersionPercentage !== percentageBefore)) continue;
    version.routingChangedMs = nowMs;
    version.lastModifierIdentity = identity;
    if (is.current !== was.current) {
      version.currentSinceMs = is.current ? nowMs : 0;
      version.lastCurrentMs = nowMs;
    }
    if (is.ramping !== was.ramping) version.rampingSinceMs = is.ramping ? nowMs : 0;
    const wasActive = was.current || was.ramping;
    const isActive = is.current || is.ramping;
    if (isActive && version.firstActivationMs === 0) version.firstActivationMs = nowMs;
    if (isActive && !wasActive) {
      version.drainage = VersionDrainageStatus.UNSPECIFIED;
      version.drainageChangedMs = version.drainageCheckedMs = version.drainageDueMs = 0;
      touch(drainageKey(buildId));
    }
    if (wasActive && !isActive) {
      version.lastDeactivationMs = nowMs;
      drain(version, nowMs, nowMs + drainageGraceMs, touch);
    }
  }
}

function drain(version: DeploymentVersionState, nowMs: number, dueMs: number, touch: (key: DebtKey) => void): void {
  version.drainage = VersionDrainageStatus.DRAINING;
  version.drainageChangedMs = version.drainageCheckedMs = nowMs;
  version.drainageDueMs = dueMs;
  touch(drainageKey(version.buildId));
}

export function fold(before: DeploymentState | undefined, record: JournalRecord): DeploymentState {
  if (record.private === undefined) throw new Error('broken record: it holds no events of a worker deployment');
  const state = before ?? new DeploymentState();
  for (const event of DeploymentRecord.decode(new Uint8Array(record.private)).events) applyEvent(state, event, () => {});
  return state;
}
