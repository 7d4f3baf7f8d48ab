/**
 * What operators do with the pending activities of a workflow execution: pause, unpause, reset, other options. Each addresses one
 * activity by its id, all of a type, or all.
 */
import type { ActivityOptionsReply, ActivitySelection, DoneReply, Jitter, WorkflowInput } from '../machines/workflow/index.js';
import type { MachineKey } from '../machines/machine.js';
import { WorkflowService, type WorkflowExecution } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { invalidArgument } from './refusals.js';
import type { Rooms } from './rooms.js';
import { checkDuration, checkLength, requiredExecution } from './validation.js';
import { executionKey } from './workflow.js';

interface OperationRequest {
  readonly namespace: string;
  readonly execution?: WorkflowExecution | undefined;
  readonly identity: string;
  readonly id?: string | undefined;
  readonly type?: string | undefined;
}

export function addActivityOperationHandlers(router: Router, rooms: Rooms): void {
  const { host } = rooms;
  const send = <Reply>(request: OperationRequest, input: WorkflowInput): Promise<Reply> => host.send<Reply>(target(rooms, request), input);

  router.add(WorkflowService.PauseActivity, async (request) => {
    const { identity, reason, requestId } = request;
    checkLength('Reason', reason, rooms.namespaces.get(request.namespace).limits);
    await send<DoneReply>(request, { type: 'pause-activity', selection: selectionOf(request, false), identity, reason, requestId });
    return {};
  });

  router.add(WorkflowService.UnpauseActivity, async (request) => {
    const { resetAttempts, resetHeartbeat } = request;
    const selection = selectionOf(request, request.unpauseAll);
    await send<DoneReply>(request, { type: 'unpause-activity', selection, resetAttempts, resetHeartbeat, jitter: jitterOf(rooms, request.jitter) });
    return {};
  });

  router.add(WorkflowService.ResetActivity, async (request) => {
    const { resetHeartbeat, keepPaused, restoreOriginalOptions } = request;
    const selection = selectionOf(request, request.matchAll);
    const jitter = jitterOf(rooms, request.jitter);
    await send<DoneReply>(request, { type: 'reset-activity', selection, resetHeartbeat, keepPaused, restoreOriginalOptions, jitter });
    return {};
  });

  router.add(WorkflowService.UpdateActivityOptions, async (request) => {
    const { activityOptions, updateMask, restoreOriginal } = request;
    const selection = selectionOf(request, request.matchAll);
    if (restoreOriginal && updateMask !== undefined) throw invalidArgument('Both UpdateMask and RestoreOriginal are provided');
    if (restoreOriginal) {
      const { options } = await send<ActivityOptionsReply>(request, { type: 'update-activity-options', selection, change: { kind: 'restore' } });
      return { activityOptions: options };
    }
    if (activityOptions === undefined) throw invalidArgument('ActivityOptions are not provided');
    if (updateMask === undefined) throw invalidArgument('UpdateMask is not provided');
    const change = { kind: 'merge', options: activityOptions, paths: updateMask.paths } as const;
    const { options } = await send<ActivityOptionsReply>(request, { type: 'update-activity-options', selection, change });
    return { activityOptions: options };
  });
}

function target({ namespaces }: Rooms, request: OperationRequest): MachineKey {
  const namespace = namespaces.get(request.namespace);
  checkLength('Identity', request.identity, namespace.limits);
  return executionKey(namespace, requiredExecution(request.execution));
}

function selectionOf({ id, type }: OperationRequest, all: boolean | undefined): ActivitySelection {
  if (id !== undefined) return { by: 'id', id };
  if (type !== undefined) return { by: 'type', type };
  if (all === true) return { by: 'all' };
  throw invalidArgument('Either Activity.Id or Activity.Type should be set on request.');
}

export function jitterOf({ random }: Rooms, withinMs: number | undefined): Jitter {
  checkDuration('Jitter', withinMs);
  return { withinMs: withinMs ?? 0, seed: withinMs === undefined ? 0 : random.next() };
}
