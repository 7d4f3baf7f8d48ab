/**
 * Lists and counts of schedules, by the query language of all lists.
 *
 * The store finds the schedules of a page; what is shown of each is read from its machine, so that a list is as fresh as a description.
 */
import { SCHEDULE_KIND, listSchedule, type ScheduleMachineState } from '../machines/schedule/index.js';
import { EMPTY, WorkflowService } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { invalidArgument } from './refusals.js';
import type { Rooms } from './rooms.js';
import { scheduleKey } from './schedules.js';
import { pageSize } from './validation.js';
import { compiled, listQuery, shownGroup } from './visibility.js';

export function addScheduleListHandlers(router: Router, { host, namespaces, clock }: Rooms): void {
  router.add(WorkflowService.ListSchedules, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const { condition, order } = listQuery(request.query, namespace, clock.now());
    const limit = pageSize(request.maximumPageSize, namespace.limits.listPageSize, namespace.limits);
    const after = request.nextPageToken.byteLength === 0 ? undefined : Buffer.from(request.nextPageToken).toString('latin1');
    const page = await host.list({ kind: SCHEDULE_KIND, namespace: namespace.id, condition, order, limit, after }).catch((error: unknown) => {
      throw error instanceof RangeError ? invalidArgument('Invalid next page token: send the one of the page before, with the same query.') : error;
    });
    // One that was deleted meanwhile is left out.
    const entries = await Promise.all(
      page.items.map(({ key }) => host.read(scheduleKey(namespace, key), (state: ScheduleMachineState | undefined) => state && listSchedule(state))),
    );
    return { schedules: entries.flatMap((entry) => entry ?? []), nextPageToken: page.next === undefined ? EMPTY : Buffer.from(page.next, 'latin1') };
  });

  router.add(WorkflowService.CountSchedules, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const { condition, groupBy } = compiled(request.query, namespace, clock.now());
    const groups = await host.count({ kind: SCHEDULE_KIND, namespace: namespace.id, condition, groupBy: groupBy?.name });
    const count = groups.reduce((sum, group) => sum + group.count, 0);
    return { count, groups: groupBy === undefined ? [] : groups.map((group) => shownGroup(groupBy, group)) };
  });
}
