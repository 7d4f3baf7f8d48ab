/**
 * Lists and counts of workflow executions.
 *
 * A query's text becomes conditions here (`visibility/`), the store finds the rows, and a row is handed out as it was written: nothing is
 * loaded. Lists show what is durable, so whoever was answered sees it in the next list.
 */
import { WORKFLOW_KIND } from '../machines/workflow/index.js';
import {
  IndexedValueType,
  WorkflowExecutionInfo,
  WorkflowExecutionStatus,
  WorkflowService,
  type CountWorkflowExecutionsResponse_AggregationGroup,
  type Init,
  type ListClosedWorkflowExecutionsRequest,
  type ListOpenWorkflowExecutionsRequest,
  type Payload,
} from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { typeName, type SearchAttributeTypes } from '../machines/search-attributes/names.js';
import type { Attribute } from '../visibility/attributes.js';
import { compileQuery, type CompiledQuery } from '../visibility/compile.js';
import { DIVISION_ATTRIBUTE, type Condition, type OrderTerm, type Scalar } from '../visibility/condition.js';
import { QueryProblem } from '../visibility/query-problem.js';
import { statusName } from '../visibility/values.js';
import { listPage, totalOf } from './list-page.js';
import type { ServedNamespace } from './namespace-registry.js';
import { invalidArgument } from './refusals.js';
import type { Rooms } from './rooms.js';
import { checkRunId, pageSize } from './validation.js';

interface ExecutionPage {
  readonly executions: WorkflowExecutionInfo[];
  readonly nextPageToken: Uint8Array;
}

export function addVisibilityHandlers(router: Router, { host, namespaces, clock }: Rooms): void {
  const page = async (
    namespace: ServedNamespace,
    asked: { readonly condition: Condition | undefined; readonly order?: readonly OrderTerm[] },
    size: number,
    token: Uint8Array,
  ): Promise<ExecutionPage> => {
    const { limits } = namespace;
    const request = { kind: WORKFLOW_KIND, namespace: namespace.id, ...asked, limit: pageSize(size, limits.listPageSize, limits) };
    const { items, nextPageToken } = await listPage(host, request, token);
    return { executions: items.flatMap(({ listing }) => (listing === undefined ? [] : WorkflowExecutionInfo.decode(listing))), nextPageToken };
  };

  router.add(WorkflowService.ListWorkflowExecutions, async (request) => {
    const namespace = namespaces.get(request.namespace);
    return page(namespace, listQuery(request.query, namespace, clock.now()), request.pageSize, request.nextPageToken);
  });

  // The same: a list is a walk along an index, without an order that would have to be made first.
  router.add(WorkflowService.ScanWorkflowExecutions, async (request) => {
    const namespace = namespaces.get(request.namespace);
    return page(namespace, listQuery(request.query, namespace, clock.now()), request.pageSize, request.nextPageToken);
  });

  router.add(WorkflowService.ListOpenWorkflowExecutions, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const parts = [{ kind: 'is-null', attribute: 'CloseTime' } as const, ...startedWithin(request), ...named(request)];
    return page(namespace, { condition: allOf(parts) }, request.maximumPageSize, request.nextPageToken);
  });

  router.add(WorkflowService.ListClosedWorkflowExecutions, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const closed: Condition = { kind: 'not', part: { kind: 'is-null', attribute: 'CloseTime' } };
    return page(namespace, { condition: allOf([closed, ...startedWithin(request), ...named(request), ...withStatus(request)]) }, request.maximumPageSize, request.nextPageToken);
  });

  router.add(WorkflowService.ListArchivedWorkflowExecutions, ({ namespace }) => {
    namespaces.get(namespace);
    throw invalidArgument('Cluster is not configured for visibility archival. Closed executions are listed by ListWorkflowExecutions until their retention ends.');
  });

  router.add(WorkflowService.CountWorkflowExecutions, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const { condition, order, groupBy } = compiled(request.query, namespace, clock.now());
    if (order.length > 0) throw invalidArgument("invalid query: operation is not supported: 'ORDER BY' clause in a count. Leave it out.");
    const groups = await host.count({ kind: WORKFLOW_KIND, namespace: namespace.id, condition, groupBy: groupBy?.name });
    return { count: totalOf(groups), groups: groupBy === undefined ? [] : groups.map((group) => shownGroup(groupBy, group)) };
  });
}

/** What lists of another kind know beside the attributes of executions. */
export interface Listed {
  readonly attributes: SearchAttributeTypes;
  /** How they call the id of what they list. */
  readonly keyName: string;
}

/** @throws RpcError INVALID_ARGUMENT with the position of what is wrong */
export function compiled(query: string, { searchAttributes }: ServedNamespace, now: number, listed?: Listed): CompiledQuery {
  try {
    return compileQuery(query, { attributes: listed === undefined ? searchAttributes : new Map([...searchAttributes, ...listed.attributes]), now, keyName: listed?.keyName });
  } catch (error) {
    if (error instanceof QueryProblem) throw invalidArgument(error.message);
    throw error;
  }
}

export function listQuery(query: string, namespace: ServedNamespace, now: number, listed?: Listed): CompiledQuery {
  const result = compiled(query, namespace, now, listed);
  if (result.groupBy !== undefined) throw invalidArgument("invalid query: operation is not supported: 'GROUP BY' clause in a list. Use CountWorkflowExecutions.");
  return result;
}

/** The server's own business is not among them. */
function allOf(parts: readonly Condition[]): Condition {
  return { kind: 'and', parts: [...parts, { kind: 'is-null', attribute: DIVISION_ATTRIBUTE }] };
}

type Filters = Pick<ListOpenWorkflowExecutionsRequest, 'startTimeFilter' | 'typeFilter' | 'executionFilter'>;

function startedWithin({ startTimeFilter }: Filters): Condition[] {
  const { earliestTime: from, latestTime: to } = startTimeFilter ?? {};
  if (from !== undefined && to !== undefined && from > to) throw invalidArgument('EarliestTime in StartTimeFilter should not be larger than LatestTime.');
  if (from !== undefined && to !== undefined) return [{ kind: 'between', attribute: 'StartTime', from, to }];
  if (from !== undefined) return [{ kind: 'compare', attribute: 'StartTime', operator: '>=', value: from }];
  return to === undefined ? [] : [{ kind: 'compare', attribute: 'StartTime', operator: '<=', value: to }];
}

function named({ typeFilter, executionFilter }: Filters): Condition[] {
  const equals = (attribute: string, value: string): Condition => ({ kind: 'compare', attribute, operator: '=', value });
  const parts: Condition[] = typeFilter === undefined ? [] : [equals('WorkflowType', typeFilter.name)];
  if (executionFilter === undefined) return parts;
  checkRunId(executionFilter.runId);
  if (executionFilter.workflowId !== '') parts.push(equals('WorkflowId', executionFilter.workflowId));
  if (executionFilter.runId !== '') parts.push(equals('RunId', executionFilter.runId));
  return parts;
}

function withStatus({ statusFilter }: ListClosedWorkflowExecutionsRequest): Condition[] {
  if (statusFilter === undefined) return [];
  const { status } = statusFilter;
  if (status === WorkflowExecutionStatus.UNSPECIFIED || status === WorkflowExecutionStatus.RUNNING) throw invalidArgument('StatusFilter must be specified and must be not Running.');
  return [{ kind: 'compare', attribute: 'ExecutionStatus', operator: '=', value: status }];
}

export function shownGroup(by: Attribute, { value, count }: { readonly value: Scalar | undefined; readonly count: number }): Init<CountWorkflowExecutionsResponse_AggregationGroup> {
  return { groupValues: [groupValue(by, value)], count };
}

/** As the values of search attributes travel; `""` where there is none, as clients know it. */
function groupValue({ name, type }: Attribute, value: Scalar | undefined): Init<Payload> {
  const shown = name === 'ExecutionStatus' ? statusName(value) : readable(type, value);
  return { metadata: { encoding: Buffer.from('json/plain'), type: Buffer.from(typeName(type) ?? '') }, data: Buffer.from(JSON.stringify(shown)) };
}

function readable(type: IndexedValueType, value: Scalar | undefined): unknown {
  if (value === undefined) return type === IndexedValueType.KEYWORD ? '' : null;
  if (type === IndexedValueType.BOOL) return value === 1;
  return type === IndexedValueType.DATETIME && typeof value === 'number' ? new Date(value).toISOString() : value;
}
