/** Options that belong to a workflow's definition, not to one execution; and the versions of code that runs move between. */

/** One build of a deployment. */
export interface WorkerDeploymentVersion {
  readonly buildId: string;
  readonly deploymentName: string;
}

/** Whether a run stays on the version that began it, or moves on to the current one with its next workflow task. */
export const VersioningBehavior = { PINNED: 'PINNED', AUTO_UPGRADE: 'AUTO_UPGRADE' } as const;
export type VersioningBehavior = (typeof VersioningBehavior)[keyof typeof VersioningBehavior];

export interface WorkflowDefinitionOptions {
  /** For workers with `workerDeploymentOptions.useWorkerVersioning`. Default: the worker's. */
  readonly versioningBehavior?: VersioningBehavior;
  /** Errors of these classes, thrown by the workflow or a handler, fail the execution or the update. Others fail the workflow task, which is tried again. */
  readonly failureExceptionTypes?: readonly (abstract new (...args: never[]) => Error)[];
}

export type WorkflowDefinitionOptionsOrGetter = WorkflowDefinitionOptions | (() => WorkflowDefinitionOptions);

/** What `setWorkflowOptions` puts on the function. */
interface WithOptions {
  workflowDefinitionOptions?: WorkflowDefinitionOptionsOrGetter;
}

/**
 * Gives a workflow function options. A function in place of the options is called when a run is made; it must give the same each time.
 *
 * @example setWorkflowOptions({ versioningBehavior: 'PINNED' }, orderWorkflow);
 */
export function setWorkflowOptions<Args extends never[], Result>(options: WorkflowDefinitionOptionsOrGetter, workflow: (...args: Args) => Promise<Result>): void {
  (workflow as WithOptions).workflowDefinitionOptions = options;
}

/** The options of a workflow function; none if it has none. */
export function workflowOptionsOf(workflow: object): WorkflowDefinitionOptions {
  const { workflowDefinitionOptions: options } = workflow as WithOptions;
  return (typeof options === 'function' ? options() : options) ?? {};
}
