/** Schedules as clients see them: create, describe, update, patch, delete, matching times, what was skipped. The schedule machine decides. */
import type { MachineKey } from '../machines/machine.js';
import {
  SCHEDULE_KIND,
  describeSchedule,
  matchingTimes,
  skippedActions,
  type ScheduleInput,
  type ScheduleMachineState,
  type ScheduleReply,
} from '../machines/schedule/index.js';
import { PerdureService, WorkflowService, type Encoded, type SearchAttributes } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import type { ServedNamespace } from './namespace-registry.js';
import { invalidArgument, notFound } from './refusals.js';
import type { Rooms } from './rooms.js';
import { checkPatch, checkedSchedule } from './schedule-validation.js';
import { checkedSearchAttributes } from './search-attributes.js';
import { checkLength, checkMemo, required } from './validation.js';

export function addScheduleHandlers(router: Router, { host, namespaces }: Rooms): void {
  const tell = (namespace: ServedNamespace, scheduleId: string, input: ScheduleInput): Promise<ScheduleReply> =>
    host.send<ScheduleReply>(scheduleKey(namespace, scheduleId), input);
  const read = async <Result>(namespace: ServedNamespace, scheduleId: string, look: (state: ScheduleMachineState) => Result): Promise<Result> => {
    required('ScheduleId', scheduleId, namespace.limits);
    const found = await host.read(scheduleKey(namespace, scheduleId), (state: ScheduleMachineState | undefined) => state && { result: look(state) });
    if (found === undefined) throw notFound(`schedule not found: "${scheduleId}"`);
    return found.result;
  };

  router.add(WorkflowService.CreateSchedule, async (request) => {
    const namespace = namespaces.getRegistered(request.namespace);
    const { limits } = namespace;
    const scheduleId = required('ScheduleId', request.scheduleId, limits);
    const requestId = required('RequestId', request.requestId, limits);
    checkLength('Identity', request.identity, limits);
    checkMemo(request.memo, limits);
    checkPatch(request.initialPatch);
    const { conflictToken } = await tell(namespace, scheduleId, {
      type: 'create',
      namespace: namespace.name,
      requestId,
      schedule: checkedSchedule(request.schedule, namespace),
      patch: request.initialPatch,
      memo: request.memo,
      searchAttributes: checkedSearchAttributes(request.searchAttributes, namespace),
    });
    return { conflictToken };
  });

  router.add(WorkflowService.DescribeSchedule, ({ namespace, scheduleId }) => read(namespaces.get(namespace), scheduleId, describeSchedule));

  router.add(WorkflowService.UpdateSchedule, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const { limits } = namespace;
    const scheduleId = required('ScheduleId', request.scheduleId, limits);
    checkLength('RequestId', request.requestId, limits);
    checkLength('Identity', request.identity, limits);
    checkMemo(request.memo, limits);
    await tell(namespace, scheduleId, {
      type: 'update',
      requestId: request.requestId,
      conflictToken: request.conflictToken,
      schedule: checkedSchedule(request.schedule, namespace),
      memo: request.memo,
      searchAttributes: replacement(request.searchAttributes, namespace),
    });
    return {};
  });

  router.add(WorkflowService.PatchSchedule, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const scheduleId = required('ScheduleId', request.scheduleId, namespace.limits);
    checkLength('RequestId', request.requestId, namespace.limits);
    checkLength('Identity', request.identity, namespace.limits);
    if (request.patch === undefined) throw invalidArgument('Patch is not set on request.');
    checkPatch(request.patch);
    await tell(namespace, scheduleId, { type: 'patch', requestId: request.requestId, patch: request.patch });
    return {};
  });

  router.add(WorkflowService.DeleteSchedule, async (request) => {
    const namespace = namespaces.get(request.namespace);
    await tell(namespace, required('ScheduleId', request.scheduleId, namespace.limits), { type: 'delete' });
    return {};
  });

  router.add(WorkflowService.ListScheduleMatchingTimes, async ({ namespace, scheduleId, startTime, endTime }) => {
    if (startTime === undefined || endTime === undefined) throw invalidArgument('StartTime and EndTime have to be set on request.');
    return { startTime: await read(namespaces.get(namespace), scheduleId, (state) => matchingTimes(state, startTime, endTime)) };
  });

  router.add(PerdureService.ListSkippedActions, async ({ namespace, scheduleId }) => ({
    skippedActions: await read(namespaces.get(namespace), scheduleId, skippedActions),
  }));
}

function scheduleKey(namespace: ServedNamespace, scheduleId: string): MachineKey {
  return { kind: SCHEDULE_KIND, namespace: namespace.id, key: scheduleId };
}

/** Absent: as they were. Empty: none. */
function replacement(attributes: Encoded<SearchAttributes> | undefined, namespace: ServedNamespace): Encoded<SearchAttributes> | undefined {
  return attributes === undefined ? undefined : (checkedSearchAttributes(attributes, namespace) ?? new Uint8Array(0));
}
