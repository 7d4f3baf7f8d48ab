/**
 * What operators do with one activity, found by its id: pause, unpause, reset, other options. A request that names a workflow means an
 * activity of its run; one that names none means an activity without a workflow.
 */
import type { ActivityInput, StandaloneOptionsReply } from '../machines/activity/index.js';
import type { ActivityOptionsReply, ActivitySelection, DoneReply, WorkflowInput } from '../machines/workflow/index.js';
import { WorkflowService, type UpdateActivityExecutionOptionsRequest } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { jitterOf } from './activity-operations.js';
import { invalidArgument } from './refusals.js';
import type { Rooms } from './rooms.js';
import { checkRequest, standaloneKey } from './standalone-activities.js';
import { required, requiredExecution } from './validation.js';
import { executionKey } from './workflow.js';

interface OperationRequest {
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly activityId: string;
  readonly identity: string;
  readonly requestId: string;
  readonly reason?: string;
}

/** The same wish, for either kind of activity. */
interface Wish {
  readonly standalone: ActivityInput;
  readonly ofWorkflow: (selection: ActivitySelection) => WorkflowInput;
}

export function addActivityExecutionOperationHandlers(router: Router, rooms: Rooms): void {
  const { host } = rooms;

  const send = <Reply>(request: OperationRequest, { standalone, ofWorkflow }: Wish): Promise<Reply> => {
    const namespace = rooms.namespaces.get(request.namespace);
    checkRequest(request, namespace.limits);
    if (request.workflowId === '') return host.send<Reply>(standaloneKey(namespace, request), standalone);
    const execution = requiredExecution({ workflowId: request.workflowId, runId: request.runId });
    const id = required('ActivityId', request.activityId, namespace.limits);
    return host.send<Reply>(executionKey(namespace, execution), ofWorkflow({ by: 'id', id }));
  };

  router.add(WorkflowService.PauseActivityExecution, async (request) => {
    const { identity, reason, requestId } = request;
    await send<DoneReply>(request, {
      standalone: { type: 'pause', identity, reason, requestId },
      ofWorkflow: (selection) => ({ type: 'pause-activity', selection, identity, reason, requestId }),
    });
    return {};
  });

  router.add(WorkflowService.UnpauseActivityExecution, async (request) => {
    const jitter = jitterOf(rooms, request.jitter);
    await send<DoneReply>(request, {
      standalone: { type: 'unpause', jitter, requestId: request.requestId },
      ofWorkflow: (selection) => ({ type: 'unpause-activity', selection, resetAttempts: false, resetHeartbeat: false, jitter }),
    });
    return {};
  });

  router.add(WorkflowService.ResetActivityExecution, async (request) => {
    const { resetHeartbeat, keepPaused, restoreOriginalOptions, requestId } = request;
    const wish = { resetHeartbeat, keepPaused, restoreOriginalOptions, requestId, jitter: jitterOf(rooms, request.jitter) };
    await send<DoneReply>(request, { standalone: { type: 'reset', ...wish }, ofWorkflow: (selection) => ({ type: 'reset-activity', selection, ...wish }) });
    return {};
  });

  router.add(WorkflowService.UpdateActivityExecutionOptions, async (request) => {
    const change = changeOf(request);
    const { options } = await send<StandaloneOptionsReply | ActivityOptionsReply>(request, {
      standalone: { type: 'update-options', change, requestId: request.requestId },
      ofWorkflow: (selection) => ({ type: 'update-activity-options', selection, change }),
    });
    return { activityOptions: options };
  });
}

type Change = Extract<ActivityInput, { readonly type: 'update-options' }>['change'];

function changeOf({ activityOptions, updateMask, restoreOriginal }: UpdateActivityExecutionOptionsRequest): Change {
  const paths = updateMask?.paths ?? [];
  if (restoreOriginal) {
    if (paths.length > 0) throw invalidArgument('Both UpdateMask and RestoreOriginal are provided');
    return { kind: 'restore' };
  }
  if (activityOptions === undefined) throw invalidArgument('ActivityOptions are not provided');
  if (updateMask === undefined) throw invalidArgument('UpdateMask is not provided');
  if (paths.length === 0) throw invalidArgument('UpdateMask must specify at least one path');
  return { kind: 'merge', options: activityOptions, paths };
}
