/** A task queue as DescribeTaskQueue shows it: from what matching knows to the shapes of the protocol. Pure. */
import { legacyVersionText, parseVersion, UNVERSIONED } from '../machines/deployment-version.js';
import type { PollerInfo as KnownPoller, QueueRouting, QueueStats, TaskQueueDescription } from '../matching/matching.js';
import { DEFAULT_PRIORITY_LEVEL } from '../machines/machine.js';
import { RateLimitSource, type DescribeTaskQueueResponse_EffectiveRateLimit, type Init, type PollerInfo, type TaskQueueStats, type TaskQueueStatus, type TaskQueueVersioningInfo } from '../protocol/index.js';

/** What is shown where nobody has set a limit: more than one process hands out. */
const UNLIMITED_PER_SECOND = 100_000;

export function pollerInfo({ identity, lastSeenAt, maxTasksPerSecond, about }: KnownPoller): Init<PollerInfo> {
  return {
    identity,
    lastAccessTime: lastSeenAt,
    ratePerSecond: maxTasksPerSecond ?? UNLIMITED_PER_SECOND,
    workerVersionCapabilities: about?.workerVersionCapabilities,
    deploymentOptions: about?.deploymentOptions,
  };
}

/** "Never", as the protocol's other server writes it: the first of January of the year 1. */
const NEVER = -62_135_596_800_000;

/** Which versions of worker deployments get what waits on the queue. @param since milliseconds since the epoch */
export function routingInfo(routing: QueueRouting | undefined, since: number | undefined): Init<TaskQueueVersioningInfo> {
  const current = routing?.current.version === undefined ? undefined : parseVersion(routing.current.version);
  const ramping = routing?.ramping?.version === undefined ? undefined : parseVersion(routing.ramping.version);
  return {
    currentVersion: current === undefined ? UNVERSIONED : legacyVersionText(current),
    currentDeploymentVersion: current,
    ...(routing?.ramping !== undefined && {
      rampingVersion: ramping === undefined ? UNVERSIONED : legacyVersionText(ramping),
      rampingDeploymentVersion: ramping,
      rampingVersionPercentage: routing.ramping.percentage,
    }),
    updateTime: since ?? NEVER,
  };
}

/** By priority key. The usual one is always there. @param now milliseconds since the epoch */
export function statsByPriority({ levels, isHeldBack }: TaskQueueDescription, now: number): Map<number, Init<TaskQueueStats>> {
  const stats = new Map([...levels].sort(([one], [other]) => one - other).map(([level, known]) => [level, levelStats(known, now)] as const));
  if (!stats.has(DEFAULT_PRIORITY_LEVEL)) stats.set(DEFAULT_PRIORITY_LEVEL, { approximateBacklogAge: 0, rateLimitingActive: isHeldBack });
  return stats;
}

/** All levels together. */
export function totalStats({ levels, isHeldBack, readyTasks, oldestTaskSince }: TaskQueueDescription, now: number): Init<TaskQueueStats> {
  let tasksAddRate = 0;
  let tasksDispatchRate = 0;
  for (const { addRate, dispatchRate } of levels.values()) {
    tasksAddRate += addRate;
    tasksDispatchRate += dispatchRate;
  }
  return { approximateBacklogCount: readyTasks, approximateBacklogAge: ageMs(oldestTaskSince, now), tasksAddRate, tasksDispatchRate, rateLimitingActive: isHeldBack };
}

/** The status of old clients. Tasks have no ids here that a level could name. */
export function queueStatus(description: TaskQueueDescription): Init<TaskQueueStatus> {
  return { backlogCountHint: description.readyTasks, ratePerSecond: effectiveRate(description).requestsPerSecond, taskIdBlock: {} };
}

export function effectiveRate({ rate }: TaskQueueDescription): DescribeTaskQueueResponse_EffectiveRateLimit {
  const requestsPerSecond = rate.perSecond ?? UNLIMITED_PER_SECOND;
  const source = { operator: RateLimitSource.API, worker: RateLimitSource.WORKER, none: RateLimitSource.SYSTEM }[rate.source];
  return requestsPerSecond < UNLIMITED_PER_SECOND
    ? { requestsPerSecond, rateLimitSource: source }
    : { requestsPerSecond: UNLIMITED_PER_SECOND, rateLimitSource: RateLimitSource.SYSTEM };
}

function levelStats({ backlogCount, oldestSince, addRate, dispatchRate, isHeldBack }: QueueStats, now: number): Init<TaskQueueStats> {
  return {
    approximateBacklogCount: backlogCount,
    approximateBacklogAge: ageMs(oldestSince, now),
    tasksAddRate: addRate,
    tasksDispatchRate: dispatchRate,
    rateLimitingActive: isHeldBack,
  };
}

const ageMs = (since: number | undefined, now: number): number => (since === undefined ? 0 : Math.max(0, now - since));
