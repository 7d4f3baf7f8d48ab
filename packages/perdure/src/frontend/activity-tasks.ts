/**
 * Activity tasks: poll, heartbeat, complete, fail, cancel; by the token of an attempt or by ids.
 *
 * User data that is too large is not bounced back to the worker, which could do nothing about it: the machine lets the attempt fail with
 * a message.
 */
import { ACTIVITY_KIND } from '../machines/activity/index.js';
import { WORKFLOW_KIND, type ActivityAddress, type ActivityTaskReply, type DoneReply, type HeartbeatReply, type WorkflowInput } from '../machines/workflow/index.js';
import type { MachineKey } from '../machines/machine.js';
import {
  Failure,
  WorkflowService,
  type Encoded,
  type Init,
  type Payloads,
  type RecordActivityTaskHeartbeatResponse,
  type RespondActivityTaskFailedResponse,
  type WorkerVersionStamp,
} from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { activityTaskResponse } from './activity-task-response.js';
import { invalidArgument } from './refusals.js';
import type { Rooms } from './rooms.js';
import { pollTask } from './task-poll.js';
import { readTaskToken } from './task-token.js';
import type { NamespaceLimits } from './request-limits.js';
import { checkLength, checkRunId, required } from './validation.js';

interface Target {
  readonly key: MachineKey;
  readonly activity: ActivityAddress;
  readonly limits: NamespaceLimits;
}

interface ByToken {
  readonly taskToken: Uint8Array;
  readonly namespace: string;
  readonly identity: string;
}

interface ById {
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly activityId: string;
  readonly identity: string;
}

export function addActivityTaskHandlers(router: Router, rooms: Rooms): void {
  router.add(WorkflowService.PollActivityTaskQueue, (request, context) =>
    pollTask(rooms, request, context, 'activity', (namespace, task) => activityTaskResponse(namespace, task as ActivityTaskReply)),
  );

  router.add(WorkflowService.RespondActivityTaskCompleted, (request) => complete(rooms, byToken(rooms, request), request));
  router.add(WorkflowService.RespondActivityTaskCompletedById, (request) => complete(rooms, byId(rooms, request), request));
  router.add(WorkflowService.RespondActivityTaskFailed, (request) => fail(rooms, byToken(rooms, request), request));
  router.add(WorkflowService.RespondActivityTaskFailedById, (request) => fail(rooms, byId(rooms, request), request));
  router.add(WorkflowService.RespondActivityTaskCanceled, (request) => cancel(rooms, byToken(rooms, request), request));
  router.add(WorkflowService.RespondActivityTaskCanceledById, (request) => cancel(rooms, byId(rooms, request), request));
  router.add(WorkflowService.RecordActivityTaskHeartbeat, (request) => heartbeat(rooms, byToken(rooms, request), request));
  router.add(WorkflowService.RecordActivityTaskHeartbeatById, (request) => heartbeat(rooms, byId(rooms, request), request));
}

function byToken({ namespaces }: Rooms, request: ByToken): Target {
  const { namespaceId, task } = readTaskToken(request.taskToken, 'activityTask');
  const { limits } = namespaces.ofToken(namespaceId, request.namespace);
  checkLength('Identity', request.identity, limits);
  return {
    limits,
    key: ownerOf(task, namespaceId),
    activity: { by: 'token', scheduledEventId: task.scheduledEventId, attempt: task.attempt, stamp: task.stamp },
  };
}

function byId({ namespaces }: Rooms, request: ById): Target {
  const namespace = namespaces.get(request.namespace);
  const { limits } = namespace;
  required('ActivityId', request.activityId, limits);
  checkRunId(request.runId);
  checkLength('Identity', request.identity, limits);
  return {
    limits,
    key: ownerOf(request, namespace.id),
    activity: { by: 'id', activityId: request.activityId },
  };
}

/** The run whose activity it is; where no workflow is named, the activity is a machine of its own. No run: the latest one. */
function ownerOf({ workflowId, runId, activityId }: Pick<ById, 'workflowId' | 'runId' | 'activityId'>, namespace: string): MachineKey {
  const key = workflowId === '' ? { kind: ACTIVITY_KIND, namespace, key: activityId } : { kind: WORKFLOW_KIND, namespace, key: workflowId };
  return runId === '' ? key : { ...key, machine: runId };
}

function send(rooms: Rooms, key: MachineKey, input: WorkflowInput): Promise<DoneReply> {
  return rooms.host.send<DoneReply>(key, input);
}

/** What the requests of workers have in common, by token and by id: the older ones say nothing about the worker's build. */
interface FromWorker {
  readonly identity: string;
  readonly workerVersion?: WorkerVersionStamp | undefined;
}

async function complete(rooms: Rooms, { key, activity }: Target, request: FromWorker & { readonly result?: Encoded<Payloads> | undefined }): Promise<Record<string, never>> {
  const { identity, workerVersion, result } = request;
  await send(rooms, key, { type: 'complete-activity', activity, identity, workerVersion, result });
  return {};
}

interface FailRequest extends FromWorker {
  readonly failure?: Encoded<Failure> | undefined;
  readonly lastHeartbeatDetails?: Encoded<Payloads> | undefined;
}

/** Answers with what was too large to be kept as it came. */
async function fail(rooms: Rooms, { key, activity, limits }: Target, request: FailRequest): Promise<Init<RespondActivityTaskFailedResponse>> {
  const { identity, workerVersion, failure, lastHeartbeatDetails } = request;
  // Who fails an activity from outside may say no more than a message, as on Temporal's server.
  if (activity.by === 'token' && failure !== undefined && Failure.decode(failure).applicationFailureInfo === undefined) {
    throw invalidArgument('An activity fails with an application failure: ApplicationFailureInfo is not set on request.');
  }
  await send(rooms, key, { type: 'fail-activity', activity, identity, workerVersion, failure, lastHeartbeatDetails });
  const failures: Encoded<Failure>[] = [];
  if ((failure?.byteLength ?? 0) > limits.blobSizeBytes) failures.push(Failure.encode({ message: 'Failure exceeds size limit.', serverFailureInfo: {} }));
  if ((lastHeartbeatDetails?.byteLength ?? 0) > limits.blobSizeBytes) {
    failures.push(Failure.encode({ message: 'Heartbeat details exceed size limit.', serverFailureInfo: { nonRetryable: true } }));
  }
  return { failures };
}

async function cancel(rooms: Rooms, { key, activity }: Target, request: FromWorker & { readonly details?: Encoded<Payloads> | undefined }): Promise<Record<string, never>> {
  const { identity, workerVersion, details } = request;
  await send(rooms, key, { type: 'cancel-activity', activity, identity, workerVersion, details });
  return {};
}

async function heartbeat(rooms: Rooms, { key, activity }: Target, request: FromWorker & { readonly details?: Encoded<Payloads> | undefined }): Promise<Init<RecordActivityTaskHeartbeatResponse>> {
  const { identity, details } = request;
  const { cancelRequested, activityPaused, activityReset } = await rooms.host.send<HeartbeatReply>(key, { type: 'heartbeat-activity', activity, identity, details });
  return { cancelRequested, activityPaused, activityReset };
}
