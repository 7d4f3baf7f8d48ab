/**
 * Lists and counts of activities without a workflow, by the query language of all lists.
 *
 * What is shown of one is in its row: no machine is loaded. They are found by `ActivityId` and `ActivityType`, and by what executions are
 * found by as well.
 */
import { ACTIVITY_KIND, TYPE_ATTRIBUTE } from '../machines/activity/index.js';
import { ActivityExecutionListInfo, IndexedValueType, WorkflowService } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { listPage, totalOf } from './list-page.js';
import { invalidArgument } from './refusals.js';
import type { Rooms } from './rooms.js';
import { pageSize } from './validation.js';
import { compiled, listQuery, shownGroup, type Listed } from './visibility.js';

/** What queries for activities know beside the attributes of executions. */
const LISTED_ACTIVITIES: Listed = { attributes: new Map([[TYPE_ATTRIBUTE, IndexedValueType.KEYWORD]]), keyName: 'ActivityId' };

/** The same, where the kind of what is listed is known only then. */
export function listedOf(kind: string): Listed | undefined {
  return kind === ACTIVITY_KIND ? LISTED_ACTIVITIES : undefined;
}

export function addStandaloneListHandlers(router: Router, { host, namespaces, clock }: Rooms): void {
  router.add(WorkflowService.ListActivityExecutions, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const { condition, order } = listQuery(request.query, namespace, clock.now(), LISTED_ACTIVITIES);
    const limit = pageSize(request.pageSize, namespace.limits.listPageSize, namespace.limits);
    const { items, nextPageToken } = await listPage(host, { kind: ACTIVITY_KIND, namespace: namespace.id, condition, order, limit }, request.nextPageToken);
    return { executions: items.flatMap(({ listing }) => (listing === undefined ? [] : ActivityExecutionListInfo.decode(listing))), nextPageToken };
  });

  router.add(WorkflowService.CountActivityExecutions, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const { condition, order, groupBy } = compiled(request.query, namespace, clock.now(), LISTED_ACTIVITIES);
    if (order.length > 0) throw invalidArgument("invalid query: operation is not supported: 'ORDER BY' clause in a count. Leave it out.");
    const groups = await host.count({ kind: ACTIVITY_KIND, namespace: namespace.id, condition, groupBy: groupBy?.name });
    return { count: totalOf(groups), groups: groupBy === undefined ? [] : groups.map((group) => shownGroup(groupBy, group)) };
  });
}
