/** Activities without a workflow as clients see them: start, wait, describe, cancel, terminate, delete. The decisions are their machine's. */
import {
  ACTIVITY_KIND,
  describeActivity,
  outcomeOf,
  type ActivityInput,
  type ActivityStartedReply,
  type StandaloneState,
} from '../machines/activity/index.js';
import type { MachineKey } from '../machines/machine.js';
import type { DoneReply } from '../machines/workflow/index.js';
import {
  Link,
  WorkflowService,
  type DescribeActivityExecutionRequest,
  type DescribeActivityExecutionResponse,
  type Init,
  type PollActivityExecutionResponse,
  type StartActivityExecutionRequest,
} from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { waitMs } from './long-poll.js';
import type { ServedNamespace } from './namespace-registry.js';
import { checkPriority } from './priority.js';
import { invalidArgument, notFound } from './refusals.js';
import type { NamespaceLimits } from './request-limits.js';
import type { Rooms } from './rooms.js';
import { checkedSearchAttributes } from './search-attributes.js';
import { readSeenActivityToken, seenActivityToken } from './task-token.js';
import { checkBlob, checkDuration, checkLength, checkLinks, checkRunId, checkUserMetadata, required, requiredTaskQueue } from './validation.js';
import { untilSeen } from './waiting.js';

export function addStandaloneActivityHandlers(router: Router, rooms: Rooms): void {
  const { host, namespaces, clock } = rooms;

  router.add(WorkflowService.StartActivityExecution, async (request) => {
    const namespace = namespaces.getRegistered(request.namespace);
    checkStart(request, namespace.limits);
    const { runId, started } = await start(rooms, namespace, request);
    return { runId, started, link: Link.encode({ activity: { namespace: namespace.name, activityId: request.activityId, runId } }) };
  });

  router.add(WorkflowService.DescribeActivityExecution, (request, context) => {
    const namespace = namespaces.get(request.namespace);
    const key = standaloneKey(namespace, request);
    const seen = request.longPollToken.byteLength === 0 ? undefined : readSeenToken(request);
    const look = (): Promise<Init<DescribeActivityExecutionResponse> | undefined> =>
      host.read(key, (state: StandaloneState | undefined) => {
        if (state === undefined) throw executionNotFound(request.activityId);
        return seen?.transitions === state.data.transitions ? undefined : describe(state, request, clock.now());
      });
    const { historyLongPollMs } = namespace.limits;
    if (seen === undefined) return look().then((described) => described ?? {});
    return untilSeen(rooms, seen.runId, look, waitMs(historyLongPollMs, context, clock), context.signal).then((described) => described ?? {});
  });

  router.add(WorkflowService.PollActivityExecution, async (request, context) => {
    const namespace = namespaces.get(request.namespace);
    const key = standaloneKey(namespace, request);
    const runId = await host.read(key, (state: StandaloneState | undefined) => state?.scheduled.runId);
    if (runId === undefined) throw executionNotFound(request.activityId);
    const look = (): Promise<Init<PollActivityExecutionResponse> | undefined> =>
      host.read({ ...key, machine: runId }, (state: StandaloneState | undefined) => {
        if (state === undefined) throw executionNotFound(request.activityId);
        const outcome = outcomeOf(state);
        return outcome && { runId, outcome };
      });
    const isClosed = ({ isOpen }: StandaloneState): boolean => !isOpen;
    const waited = await untilSeen(rooms, runId, look, waitMs(namespace.limits.historyLongPollMs, context, clock), context.signal, isClosed);
    return waited ?? {};
  });

  router.add(WorkflowService.RequestCancelActivityExecution, (request) => tell(rooms, request, 'request-cancel'));
  router.add(WorkflowService.TerminateActivityExecution, (request) => tell(rooms, request, 'terminate'));

  router.add(WorkflowService.DeleteActivityExecution, async (request) => {
    const input: ActivityInput = { type: 'delete' };
    await host.send<DoneReply>(standaloneKey(namespaces.get(request.namespace), request), input);
    return {};
  });
}

/** An activity as requests name it. */
export interface NamedActivity {
  readonly activityId: string;
  /** Empty: the latest run. */
  readonly runId: string;
}

export function standaloneKey({ id, limits }: ServedNamespace, { activityId, runId }: NamedActivity): MachineKey {
  required('ActivityId', activityId, limits);
  checkRunId(runId);
  const key = { kind: ACTIVITY_KIND, namespace: id, key: activityId };
  return runId === '' ? key : { ...key, machine: runId };
}

const executionNotFound = (activityId: string) => notFound(`activity not found for ID: ${activityId}`);

function readSeenToken({ longPollToken, runId }: DescribeActivityExecutionRequest) {
  if (runId === '') throw invalidArgument('RunId is not set on request: it is required when a long poll token is given.');
  return readSeenActivityToken(longPollToken, runId);
}

function describe(state: StandaloneState, request: DescribeActivityExecutionRequest, now: number): Init<DescribeActivityExecutionResponse> {
  const { runId, input } = { runId: state.scheduled.runId, input: state.activity.input };
  return {
    runId,
    info: describeActivity(state, request, now),
    input: request.includeInput ? input : undefined,
    outcome: request.includeOutcome ? outcomeOf(state) : undefined,
    longPollToken: seenActivityToken({ runId, transitions: state.data.transitions }),
  };
}

interface ClientRequest extends NamedActivity {
  readonly namespace: string;
  readonly identity: string;
  readonly reason: string;
  readonly requestId: string;
}

async function tell({ host, namespaces, random }: Rooms, request: ClientRequest, type: 'request-cancel' | 'terminate'): Promise<Record<string, never>> {
  const namespace = namespaces.get(request.namespace);
  const key = standaloneKey(namespace, request);
  checkRequest(request, namespace.limits);
  const { identity, reason, requestId } = request;
  const input: ActivityInput = { type, identity, reason, requestId: requestId || random.uuid() };
  await host.send<DoneReply>(key, input);
  return {};
}

/** What all requests of clients and operators have. */
export function checkRequest(request: { readonly identity: string; readonly reason?: string; readonly requestId: string }, limits: NamespaceLimits): void {
  checkLength('Identity', request.identity, limits);
  checkLength('RequestId', request.requestId, limits);
  checkLength('Reason', request.reason ?? '', limits);
}

function checkStart(request: StartActivityExecutionRequest, limits: NamespaceLimits): void {
  required('ActivityId', request.activityId, limits);
  required('ActivityType', request.activityType?.name, limits);
  requiredTaskQueue(request.taskQueue, limits);
  checkRequest({ ...request, reason: '' }, limits);
  checkDuration('ScheduleToCloseTimeout', request.scheduleToCloseTimeout);
  checkDuration('ScheduleToStartTimeout', request.scheduleToStartTimeout);
  checkDuration('StartToCloseTimeout', request.startToCloseTimeout);
  checkDuration('HeartbeatTimeout', request.heartbeatTimeout);
  checkDuration('StartDelay', request.startDelay);
  checkBlob('Input', request.input, limits);
  checkBlob('Header', request.header, limits);
  checkUserMetadata(request.userMetadata, limits);
  checkLinks(request.links, limits);
  checkPriority(request.priority, limits);
  if (request.completionCallbacks.length > 0) {
    throw invalidArgument('Completion callbacks of activities are not supported: leave them out, and wait with PollActivityExecution.');
  }
}

function start(rooms: Rooms, namespace: ServedNamespace, request: StartActivityExecutionRequest): Promise<ActivityStartedReply> {
  // Without an id of the client's a repeated request cannot be recognised; the machine still needs one.
  const requestId = request.requestId === '' ? rooms.random.uuid() : request.requestId;
  const checked = { ...request, requestId, searchAttributes: checkedSearchAttributes(request.searchAttributes, namespace) };
  const input: ActivityInput = { type: 'start', namespace: namespace.name, request: checked };
  return rooms.host.send<ActivityStartedReply>({ kind: ACTIVITY_KIND, namespace: namespace.id, key: request.activityId }, input);
}
