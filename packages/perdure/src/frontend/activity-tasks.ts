/**
 * Activity tasks: poll, heartbeat, complete, fail, cancel; by the token of an attempt or by ids.
 *
 * User data that is too large is not bounced back to the worker, which could do nothing about it: the attempt fails with a message.
 */
import { WORKFLOW_KIND, type ActivityAddress, type ActivityTaskReply, type DoneReply, type HeartbeatReply, type WorkflowInput } from '../machines/workflow/index.js';
import type { MachineKey } from '../machines/machine.js';
import {
  EMPTY,
  Failure,
  WorkflowService,
  type Encoded,
  type Init,
  type Payloads,
  type RecordActivityTaskHeartbeatResponse,
} from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { activityTaskResponse } from './activity-task-response.js';
import { invalidArgument } from './refusals.js';
import type { Rooms } from './rooms.js';
import { pollTask } from './task-poll.js';
import { readTaskToken } from './task-token.js';
import { ADVERTISED_LIMITS, checkLength, checkRunId, required } from './validation.js';

interface Target {
  readonly key: MachineKey;
  readonly activity: ActivityAddress;
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

  router.add(WorkflowService.RespondActivityTaskCompleted, async (request) => {
    await complete(rooms, byToken(rooms, request), request.identity, request.result);
    return {};
  });
  router.add(WorkflowService.RespondActivityTaskCompletedById, async (request) => {
    await complete(rooms, byId(rooms, request), request.identity, request.result);
    return {};
  });

  router.add(WorkflowService.RespondActivityTaskFailed, async (request) => {
    await fail(rooms, byToken(rooms, request), request);
    return {};
  });
  router.add(WorkflowService.RespondActivityTaskFailedById, async (request) => {
    await fail(rooms, byId(rooms, request), request);
    return {};
  });

  router.add(WorkflowService.RespondActivityTaskCanceled, async (request) => {
    const { key, activity } = byToken(rooms, request);
    await send(rooms, key, { type: 'cancel-activity', activity, identity: request.identity, details: request.details });
    return {};
  });
  router.add(WorkflowService.RespondActivityTaskCanceledById, async (request) => {
    const { key, activity } = byId(rooms, request);
    await send(rooms, key, { type: 'cancel-activity', activity, identity: request.identity, details: request.details });
    return {};
  });

  router.add(WorkflowService.RecordActivityTaskHeartbeat, (request) => heartbeat(rooms, byToken(rooms, request), request.identity, request.details));
  router.add(WorkflowService.RecordActivityTaskHeartbeatById, (request) => heartbeat(rooms, byId(rooms, request), request.identity, request.details));
}

function byToken({ namespaces }: Rooms, request: ByToken): Target {
  const { namespaceId, task } = readTaskToken(request.taskToken, 'activityTask');
  namespaces.ofToken(namespaceId, request.namespace);
  checkLength('Identity', request.identity);
  return {
    key: { kind: WORKFLOW_KIND, namespace: namespaceId, key: task.workflowId, machine: task.runId },
    activity: { by: 'token', scheduledEventId: task.scheduledEventId, attempt: task.attempt, stamp: task.stamp },
  };
}

function byId({ namespaces }: Rooms, request: ById): Target {
  const namespace = namespaces.get(request.namespace);
  required('ActivityId', request.activityId);
  if (request.workflowId === '') throw invalidArgument('WorkflowId is not set on request: activities outside of a workflow execution are not supported.');
  checkLength('WorkflowId', request.workflowId);
  checkRunId(request.runId);
  checkLength('Identity', request.identity);
  const key = { kind: WORKFLOW_KIND, namespace: namespace.id, key: request.workflowId };
  return {
    key: request.runId === '' ? key : { ...key, machine: request.runId },
    activity: { by: 'id', activityId: request.activityId },
  };
}

function send(rooms: Rooms, key: MachineKey, input: WorkflowInput): Promise<DoneReply> {
  return rooms.host.send<DoneReply>(key, input);
}

async function complete(rooms: Rooms, { key, activity }: Target, identity: string, result: Encoded<Payloads> | undefined): Promise<void> {
  if (isTooLarge(result)) await send(rooms, key, { type: 'fail-activity', activity, identity, failure: tooLarge('result') });
  else await send(rooms, key, { type: 'complete-activity', activity, identity, result });
}

interface FailRequest {
  readonly identity: string;
  readonly failure?: Encoded<Failure> | undefined;
  readonly lastHeartbeatDetails?: Encoded<Payloads> | undefined;
}

async function fail(rooms: Rooms, { key, activity }: Target, { identity, failure, lastHeartbeatDetails }: FailRequest): Promise<void> {
  const details = isTooLarge(lastHeartbeatDetails) ? undefined : lastHeartbeatDetails;
  if (isTooLarge(failure)) await send(rooms, key, { type: 'fail-activity', activity, identity, failure: tooLarge('failure'), lastHeartbeatDetails: details });
  else await send(rooms, key, { type: 'fail-activity', activity, identity, failure, lastHeartbeatDetails: details });
}

async function heartbeat(rooms: Rooms, { key, activity }: Target, identity: string, details: Encoded<Payloads> | undefined): Promise<Init<RecordActivityTaskHeartbeatResponse>> {
  if (isTooLarge(details)) {
    await send(rooms, key, { type: 'fail-activity', activity, identity, failure: tooLarge('heartbeat details') });
    // The attempt is over: this makes the worker stop it.
    return { cancelRequested: true };
  }
  const { cancelRequested, activityPaused, activityReset } = await rooms.host.send<HeartbeatReply>(key, { type: 'heartbeat-activity', activity, identity, details });
  return { cancelRequested, activityPaused, activityReset };
}

const isTooLarge = (bytes: Uint8Array | undefined): boolean => (bytes ?? EMPTY).byteLength > ADVERTISED_LIMITS.blobSizeLimitError;

function tooLarge(what: string): Encoded<Failure> {
  return Failure.encode({
    message: `The activity's ${what} exceeds the size limit of ${ADVERTISED_LIMITS.blobSizeLimitError} bytes. Store large data elsewhere and send a reference.`,
    source: 'Server',
    serverFailureInfo: { nonRetryable: true },
  });
}
