/**
 * Lists and counts of schedules, by the query language of all lists.
 *
 * What is shown of a schedule is in its row: no machine is loaded.
 */
import { SCHEDULE_KIND, listedSchedule } from '../machines/schedule/index.js';
import { WorkflowService } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { listPage, totalOf } from './list-page.js';
import type { Rooms } from './rooms.js';
import { pageSize } from './validation.js';
import { compiled, listQuery, shownGroup } from './visibility.js';

export function addScheduleListHandlers(router: Router, { host, namespaces, clock }: Rooms): void {
  router.add(WorkflowService.ListSchedules, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const { condition, order } = listQuery(request.query, namespace, clock.now());
    const limit = pageSize(request.maximumPageSize, namespace.limits.listPageSize, namespace.limits);
    const { items, nextPageToken } = await listPage(host, { kind: SCHEDULE_KIND, namespace: namespace.id, condition, order, limit }, request.nextPageToken);
    const now = clock.now();
    const schedules = items.map(({ key, listing }) => listedSchedule(listing, namespace.id, now) ?? { scheduleId: key });
    return { schedules, nextPageToken };
  });

  router.add(WorkflowService.CountSchedules, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const { condition, groupBy } = compiled(request.query, namespace, clock.now());
    const groups = await host.count({ kind: SCHEDULE_KIND, namespace: namespace.id, condition, groupBy: groupBy?.name });
    return { count: totalOf(groups), groups: groupBy === undefined ? [] : groups.map((group) => shownGroup(groupBy, group)) };
  });
}
