/** Task queues for operators: who polls, what waits, how fast it moves; limits and weights; partitions, of which there is one. */
import type { TaskQueueAddress } from '../machines/machine.js';
import type { RateChange, TaskQueueType } from '../machines/task-queue/inputs.js';
import {
  BuildIdTaskReachability,
  DescribeTaskQueueMode,
  TaskQueueKind,
  TaskQueueType as WireType,
  WorkflowService,
  type DescribeTaskQueueRequest,
  type DescribeTaskQueueResponse,
  type Init,
  type TaskQueueTypeInfo,
  type TaskQueueVersionInfo,
  type UpdateTaskQueueConfigRequest,
  type UpdateTaskQueueConfigRequest_RateLimitUpdate,
} from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import type { ServedNamespace } from './namespace-registry.js';
import { invalidArgument } from './refusals.js';
import type { NamespaceLimits } from './request-limits.js';
import type { Rooms } from './rooms.js';
import { effectiveRate, pollerInfo, queueStatus, routingInfo, statsByPriority, totalStats } from './task-queue-description.js';
import { checkLength, required, requiredTaskQueue } from './validation.js';

const MAX_REASON_LENGTH = 1_000;
const MAX_BUILD_IDS = 100;

export function addTaskQueueHandlers(router: Router, rooms: Rooms): void {
  const { namespaces, taskQueues, clusterId } = rooms;

  router.add(WorkflowService.DescribeTaskQueue, (request) => {
    const namespace = namespaces.get(request.namespace);
    const { name, kind } = requiredTaskQueue(request.taskQueue, namespace.limits);
    const isSticky = kind === TaskQueueKind.STICKY;
    return request.apiMode === DescribeTaskQueueMode.ENHANCED ? describeVersions(rooms, namespace, name, isSticky, request) : describe(rooms, namespace, name, isSticky, request);
  });

  router.add(WorkflowService.ListTaskQueuePartitions, (request) => {
    const namespace = namespaces.get(request.namespace);
    const { name } = requiredTaskQueue(request.taskQueue, namespace.limits);
    const partitions = [{ key: name, ownerHostName: clusterId }];
    return { activityTaskQueuePartitions: partitions, workflowTaskQueuePartitions: partitions };
  });

  router.add(WorkflowService.UpdateTaskQueueConfig, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const { limits } = namespace;
    const { name } = requiredTaskQueue({ name: required('TaskQueue', request.taskQueue, limits), kind: TaskQueueKind.NORMAL, normalName: '' }, limits);
    const type = configurable(request.taskQueueType);
    const changes = {
      queueRate: rateChange(request.updateQueueRateLimit, type, 'UpdateQueueRateLimit', 'rate limit'),
      keyRate: rateChange(request.updateFairnessKeyRateLimitDefault, type, 'UpdateFairnessKeyRateLimitDefault', 'fairness key rate limit'),
      setWeights: request.setFairnessWeightOverrides,
      unsetWeights: request.unsetFairnessWeightOverrides,
    };
    checkLength('Identity', request.identity, limits);
    checkWeights(request, limits);
    const address = { namespace: namespace.id, name, type };
    const changesNothing = changes.queueRate === undefined && changes.keyRate === undefined && changes.setWeights.size + changes.unsetWeights.length === 0;
    return { config: changesNothing ? (taskQueues.get(address) ?? {}) : await taskQueues.update(address, changes, request.identity, limits) };
  });
}

function describe(rooms: Rooms, namespace: ServedNamespace, name: string, isSticky: boolean, request: DescribeTaskQueueRequest): Init<DescribeTaskQueueResponse> {
  if (request.reportStats && isSticky) throw invalidArgument('DescribeTaskQueue stats are only supported for normal task queues, not for a sticky one.');
  const { matching, taskQueues, deployments, clock } = rooms;
  const type = typeOf(request.taskQueueType || WireType.WORKFLOW);
  const address: TaskQueueAddress | undefined = type && { namespace: namespace.id, name, type };
  // Nobody can poll or fill a queue of another type.
  const description = matching.describeAll(address ?? { namespace: '', name, type: 'workflow' });
  const now = clock.now();
  return {
    pollers: description.pollers.map(pollerInfo),
    ...(!isSticky && { versioningInfo: routingInfo(address && matching.routing(address), address && deployments.routedSince(address)) }),
    ...(request.includeTaskQueueStatus && { taskQueueStatus: queueStatus(description) }),
    ...(request.reportStats && { stats: totalStats(description, now), statsByPriorityKey: statsByPriority(description, now) }),
    ...(request.reportConfig && address !== undefined && { config: taskQueues.get(address) }),
    effectiveRateLimit: effectiveRate(description),
  };
}

/** The older way to ask, by version: `deployment:build`, or empty for workers without one. A build id alone names no queue. */
function describeVersions(rooms: Rooms, namespace: ServedNamespace, name: string, isSticky: boolean, request: DescribeTaskQueueRequest): Init<DescribeTaskQueueResponse> {
  if (isSticky) throw invalidArgument('Enhanced DescribeTaskQueue is not valid for a sticky queue, use api_mode=UNSPECIFIED or a normal queue.');
  const { versions, reportPollers, reportStats, reportTaskReachability, taskQueueTypes } = request;
  if ((versions?.buildIds.length ?? 0) > MAX_BUILD_IDS) throw invalidArgument(`${versions?.buildIds.length} build ids are asked for: at most ${MAX_BUILD_IDS} are accepted.`);
  const types = taskQueueTypes.length === 0 ? [WireType.WORKFLOW, WireType.ACTIVITY] : taskQueueTypes;
  const active = versions?.allActive === true ? types.flatMap((type) => activeVersions(rooms, namespace.id, name, typeOf(type))) : [];
  const buildIds = versions === undefined ? [''] : [...new Set([...versions.buildIds, ...active, ...(versions.unversioned || versions.allActive ? [''] : [])])];
  const info = (buildId: string, wireType: WireType): Init<TaskQueueTypeInfo> => {
    const type = typeOf(wireType);
    const description = rooms.matching.describe({ namespace: type === undefined ? '' : namespace.id, name, type: type ?? 'workflow', version: buildId === '' ? undefined : buildId });
    return { ...(reportPollers && { pollers: description.pollers.map(pollerInfo) }), ...(reportStats && { stats: totalStats(description, rooms.clock.now()) }) };
  };
  const version = (buildId: string): Init<TaskQueueVersionInfo> => ({
    typesInfo: new Map(types.map((type) => [type, info(buildId, type)])),
    taskReachability: !reportTaskReachability ? BuildIdTaskReachability.UNSPECIFIED : buildId === '' ? BuildIdTaskReachability.REACHABLE : BuildIdTaskReachability.UNREACHABLE,
  });
  return { versionsInfo: new Map(buildIds.map((buildId) => [buildId, version(buildId)])) };
}

/** The versions of a queue for which somebody polls or something waits. */
function activeVersions({ matching }: Rooms, namespace: string, name: string, type: TaskQueueAddress['type'] | undefined): string[] {
  if (type === undefined) return [];
  const address = { namespace, name, type };
  return [...(matching.routing(address)?.versions ?? [])].filter((version) => {
    const { pollers, readyTasks } = matching.describe({ ...address, version });
    return pollers.length + readyTasks > 0;
  });
}

function typeOf(type: WireType): TaskQueueAddress['type'] | undefined {
  return TYPES.get(type);
}

const TYPES: ReadonlyMap<WireType, TaskQueueAddress['type']> = new Map([[WireType.WORKFLOW, 'workflow'], [WireType.ACTIVITY, 'activity'], [WireType.NEXUS, 'nexus']] as const);

function configurable(type: WireType): TaskQueueType {
  const known = typeOf(type);
  if (known === undefined || known === 'nexus') throw invalidArgument('TaskQueueType must be WORKFLOW or ACTIVITY: queues of other types cannot be configured.');
  return known;
}

/** A worker that waits for a workflow task holds up the whole run: only activities can be slowed down. */
function rateChange(update: UpdateTaskQueueConfigRequest_RateLimitUpdate | undefined, type: TaskQueueType, field: string, what: string): RateChange | undefined {
  if (update === undefined) return undefined;
  const perSecond = update.rateLimit?.requestsPerSecond;
  if (perSecond !== undefined && type === 'workflow') throw invalidArgument(`Setting ${what} on workflow task queues is not allowed.`);
  if (perSecond !== undefined && !(perSecond >= 0)) throw invalidArgument(`RequestsPerSecond for ${field} rate limit must be non-negative.`);
  if (update.reason.length > MAX_REASON_LENGTH) throw invalidArgument(`${field}.Reason field too long (max ${MAX_REASON_LENGTH} characters).`);
  return { perSecond, reason: update.reason };
}

function checkWeights({ setFairnessWeightOverrides: set, unsetFairnessWeightOverrides: unset }: UpdateTaskQueueConfigRequest, limits: NamespaceLimits): void {
  const total = set.size + unset.length;
  if (total > limits.fairnessWeightOverrides) throw invalidArgument(`too many fairness weight overrides in request: got ${total}, maximum ${limits.fairnessWeightOverrides}`);
  for (const key of [...set.keys(), ...unset]) {
    if (key === '') throw invalidArgument('fairness weight override key must not be empty');
    if (Buffer.byteLength(key) > limits.fairnessKeyLengthBytes) throw invalidArgument(`fairness key length exceeds limit: at most ${limits.fairnessKeyLengthBytes} bytes are accepted`);
  }
  for (const [key, weight] of set) {
    if (!(weight > 0) || !Number.isFinite(weight)) throw invalidArgument(`invalid fairness weight for key "${key}": must be greater than zero`);
  }
  const both = unset.find((key) => set.has(key));
  if (both !== undefined) throw invalidArgument(`fairness weight override key "${both}" present in both set and unset lists`);
}
