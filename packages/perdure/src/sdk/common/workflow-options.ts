/** Options of a workflow execution that are the same wherever it is started: from a client, from a parent, by a schedule. */
import type {
  ParentClosePolicy as WireParentClosePolicy,
  QueryRejectCondition as WireQueryRejectCondition,
  WorkflowIdConflictPolicy as WireConflictPolicy,
  WorkflowIdReusePolicy as WireReusePolicy,
} from '../../protocol/index.js';
import type { Workflow } from './definitions.js';
import type { Duration } from './duration.js';
import { enumNames } from './enum-names.js';
import type { Priority } from './priority.js';
import type { RetryPolicy } from './retry-policy.js';
import type { PayloadTypeInfo } from './type-info.js';
import { workflowStaticOptionsOf } from './workflow-definition.js';
import type { SearchAttributePair, SearchAttributes, TypedSearchAttributes } from './search-attributes.js';

/** What happens on a start when a *closed* execution with the same workflow id exists. */
export const WorkflowIdReusePolicy = {
  /** The default. */
  ALLOW_DUPLICATE: 'ALLOW_DUPLICATE',
  /** Only if the last one did not complete. */
  ALLOW_DUPLICATE_FAILED_ONLY: 'ALLOW_DUPLICATE_FAILED_ONLY',
  REJECT_DUPLICATE: 'REJECT_DUPLICATE',
  /** @deprecated Use ALLOW_DUPLICATE with WorkflowIdConflictPolicy.TERMINATE_EXISTING. */
  TERMINATE_IF_RUNNING: 'TERMINATE_IF_RUNNING',
} as const;
export type WorkflowIdReusePolicy = (typeof WorkflowIdReusePolicy)[keyof typeof WorkflowIdReusePolicy];
export const workflowIdReusePolicies = enumNames<typeof WireReusePolicy, WorkflowIdReusePolicy>('workflow id reuse policy', {
  ALLOW_DUPLICATE: 1,
  ALLOW_DUPLICATE_FAILED_ONLY: 2,
  REJECT_DUPLICATE: 3,
  TERMINATE_IF_RUNNING: 4,
});

/** What happens on a start when a *running* execution with the same workflow id exists. */
export const WorkflowIdConflictPolicy = {
  /** The start fails with WorkflowExecutionAlreadyStartedError. The default. */
  FAIL: 'FAIL',
  /** The start gives a handle of the running one. */
  USE_EXISTING: 'USE_EXISTING',
  /** The running one is terminated first. */
  TERMINATE_EXISTING: 'TERMINATE_EXISTING',
} as const;
export type WorkflowIdConflictPolicy = (typeof WorkflowIdConflictPolicy)[keyof typeof WorkflowIdConflictPolicy];
export const workflowIdConflictPolicies = enumNames<typeof WireConflictPolicy, WorkflowIdConflictPolicy>('workflow id conflict policy', {
  FAIL: 1,
  USE_EXISTING: 2,
  TERMINATE_EXISTING: 3,
});

/** What happens to a child when its parent closes. */
export const ParentClosePolicy = { TERMINATE: 'TERMINATE', ABANDON: 'ABANDON', REQUEST_CANCEL: 'REQUEST_CANCEL' } as const;
export type ParentClosePolicy = (typeof ParentClosePolicy)[keyof typeof ParentClosePolicy];
export const parentClosePolicies = enumNames<typeof WireParentClosePolicy, ParentClosePolicy>('parent close policy', {
  TERMINATE: 1,
  ABANDON: 2,
  REQUEST_CANCEL: 3,
});

/** When a query is refused because of the execution's status. */
export const QueryRejectCondition = {
  NONE: 'NONE',
  /** Refused unless it runs. */
  NOT_OPEN: 'NOT_OPEN',
  /** Refused if it failed, was terminated, timed out or was cancelled. */
  NOT_COMPLETED_CLEANLY: 'NOT_COMPLETED_CLEANLY',
} as const;
export type QueryRejectCondition = (typeof QueryRejectCondition)[keyof typeof QueryRejectCondition];
export const queryRejectConditions = enumNames<typeof WireQueryRejectCondition, QueryRejectCondition>('query reject condition', {
  NONE: 1,
  NOT_OPEN: 2,
  NOT_COMPLETED_CLEANLY: 3,
});

export interface WorkflowDurationOptions {
  /** Limit of one run. Default: no limit. */
  workflowRunTimeout?: Duration;
  /** Limit of all runs together: retries, continue-as-new, cron. Default: no limit. */
  workflowExecutionTimeout?: Duration;
  /** Limit of one workflow task. Default 10 seconds. */
  workflowTaskTimeout?: Duration;
}

export interface BaseWorkflowOptions {
  /** About a closed execution with the same id. Default ALLOW_DUPLICATE. */
  workflowIdReusePolicy?: WorkflowIdReusePolicy;
  /** About a running execution with the same id. Default FAIL. */
  workflowIdConflictPolicy?: WorkflowIdConflictPolicy;
  /** Retries of the whole execution. Default: none. */
  retry?: RetryPolicy;
  /** Runs again and again at these times (UTC), each run after the last has closed. */
  cronSchedule?: string;
  /** Data to attach that is shown with the execution, not indexed. */
  memo?: Record<string, unknown>;
  /** Indexed attributes. Never encrypted. */
  searchAttributes?: SearchAttributes;
  /** Indexed attributes with declared types; win over `searchAttributes` of the same name. */
  typedSearchAttributes?: SearchAttributePair[] | TypedSearchAttributes;
  /** One line about this execution for people. */
  staticSummary?: string;
  /** More lines about this execution for people. */
  staticDetails?: string;
  priority?: Priority;
}

export type CommonWorkflowOptions = BaseWorkflowOptions & WorkflowDurationOptions;

/** Adds `args`, required exactly if the workflow has required parameters. */
export type WithWorkflowArgs<W extends Workflow, T> = T &
  (Parameters<W> extends [unknown, ...unknown[]]
    ? { /** The workflow's arguments. */ args: Parameters<W> | Readonly<Parameters<W>> }
    : { /** The workflow's arguments. */ args?: Parameters<W> | Readonly<Parameters<W>> });

/** The type name: the text itself, or the function's name. @throws TypeError for a function without a name. */
export function extractWorkflowType<T extends Workflow>(workflowTypeOrFunc: string | T): string {
  if (typeof workflowTypeOrFunc === 'string' && workflowTypeOrFunc !== '') return workflowTypeOrFunc;
  if (typeof workflowTypeOrFunc === 'function' && workflowTypeOrFunc.name !== '') return workflowTypeOrFunc.name;
  throw new TypeError('A workflow is named by its exported function or by a text that is not empty; this function has no name.');
}

export interface WorkflowTypeOptions {
  /** The type's name. */
  type: string;
  /** How arguments and result travel. */
  typeInfo?: PayloadTypeInfo;
}

/**
 * The type name, and the hints of types: those of the function, or those of the call for a workflow that is given by name.
 *
 * @throws TypeError for a function without a name, and for hints of the call beside a function, which has its own.
 */
export function extractWorkflowTypeAndConfig<T extends Workflow>(workflowTypeOrFunc: string | T, callSiteTypeInfo?: PayloadTypeInfo): WorkflowTypeOptions {
  const type = extractWorkflowType(workflowTypeOrFunc);
  if (typeof workflowTypeOrFunc !== 'string' && callSiteTypeInfo !== undefined) {
    throw new TypeError(`Give the type hints of workflow '${type}' with defineWorkflowOptions(${type}, { staticOptions: { typeInfo } }), not with the call: its worker must know the same.`);
  }
  const typeInfo = typeof workflowTypeOrFunc === 'string' ? callSiteTypeInfo : workflowStaticOptionsOf(workflowTypeOrFunc).typeInfo;
  return { type, ...(typeInfo && { typeInfo }) };
}
