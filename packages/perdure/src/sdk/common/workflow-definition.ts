/** Options that belong to a workflow's definition, not to one execution; and the versions of code that runs move between. */

import type { ContinueAsNewVersioningBehavior as WireInitialBehavior } from '../../protocol/index.js';
import { enumNames } from './enum-names.js';
import type { PayloadTypeInfo } from './type-info.js';

/** One build of a deployment. */
export interface WorkerDeploymentVersion {
  readonly buildId: string;
  readonly deploymentName: string;
}

/** Whether a run stays on the version that began it, or moves on to the current one with its next workflow task. */
export const VersioningBehavior = { PINNED: 'PINNED', AUTO_UPGRADE: 'AUTO_UPGRADE' } as const;
export type VersioningBehavior = (typeof VersioningBehavior)[keyof typeof VersioningBehavior];

/** As tools write a version: `deploymentName.buildId`. */
export function toCanonicalString({ deploymentName, buildId }: WorkerDeploymentVersion): string {
  return `${deploymentName}.${buildId}`;
}

/** The run stays on this version, whatever its workflow and its workers say. */
export interface PinnedVersioningOverride {
  readonly pinnedTo: WorkerDeploymentVersion;
}

/** The run moves on with the routing of its task queue, whatever its workflow and its workers say. */
export type AutoUpgradeVersioningOverride = 'AUTO_UPGRADE';

/** How one execution is bound to versions, in the place of what its workflow and its workers say. */
export type VersioningOverride = PinnedVersioningOverride | AutoUpgradeVersioningOverride;

/** The version with which the next run begins, if not with the one of this run. */
export const InitialVersioningBehavior = {
  /** The one that the routing of its task queue names: how a pinned workflow moves on. */
  AUTO_UPGRADE: 'AUTO_UPGRADE',
  /** The one that ramps, if one does. */
  USE_RAMPING_VERSION: 'USE_RAMPING_VERSION',
} as const;
export type InitialVersioningBehavior = (typeof InitialVersioningBehavior)[keyof typeof InitialVersioningBehavior];
export const initialVersioningBehaviors = enumNames<typeof WireInitialBehavior, InitialVersioningBehavior>('initial versioning behavior', {
  AUTO_UPGRADE: 1,
  USE_RAMPING_VERSION: 2,
});

export interface WorkflowDefinitionOptions {
  /** For workers with `workerDeploymentOptions.useWorkerVersioning`. Default: the worker's. */
  readonly versioningBehavior?: VersioningBehavior;
  /** Errors of these classes, thrown by the workflow or a handler, fail the execution or the update. Others fail the workflow task, which is tried again. */
  readonly failureExceptionTypes?: readonly (abstract new (...args: never[]) => Error)[];
}

export type WorkflowDefinitionOptionsOrGetter = WorkflowDefinitionOptions | (() => WorkflowDefinitionOptions);

/** What must be known before the arguments are read. */
export interface WorkflowStaticOptions {
  /** How arguments and result travel: for those who start the workflow by its function, and for its workers. */
  typeInfo?: PayloadTypeInfo;
}

export interface WorkflowDefinitionConfig {
  /** Those of `setWorkflowOptions`. */
  workflowDefinitionOptions?: WorkflowDefinitionOptionsOrGetter;
  staticOptions?: WorkflowStaticOptions;
}

/**
 * Gives a workflow function options. A function in place of the options is called when a run is made; it must give the same each time.
 *
 * @example setWorkflowOptions({ versioningBehavior: 'PINNED' }, orderWorkflow);
 */
export function setWorkflowOptions<Args extends never[], Result>(options: WorkflowDefinitionOptionsOrGetter, workflow: (...args: Args) => Promise<Result>): void {
  defineWorkflowOptions(workflow, { workflowDefinitionOptions: options });
}

/**
 * Gives a workflow function options, and what must be known before it is called.
 *
 * @example defineWorkflowOptions(orderWorkflow, { staticOptions: { typeInfo: { inputTypes: [orderType] } } });
 */
export function defineWorkflowOptions<Args extends never[], Result>(workflow: (...args: Args) => Promise<Result>, config: WorkflowDefinitionConfig): void {
  Object.assign(workflow, config);
}

/** The options of a workflow function; none if it has none. */
export function workflowOptionsOf(workflow: object): WorkflowDefinitionOptions {
  const { workflowDefinitionOptions: options } = workflow as WorkflowDefinitionConfig;
  return (typeof options === 'function' ? options() : options) ?? {};
}

/** What `defineWorkflowOptions` told of a workflow function; nothing if it was not called. */
export function workflowStaticOptionsOf(workflow: object): WorkflowStaticOptions {
  return (workflow as WorkflowDefinitionConfig).staticOptions ?? {};
}
