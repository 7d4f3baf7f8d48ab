/** All mocks of one environment, by name: `env.mock`. Workers ask at each call, so a mock may come and go while they run. */
import type { Info } from '../sdk/activity/index.js';
import type { LoadedDataConverter } from '../sdk/common/data-converter.js';
import type { ActivityFunction, Workflow, WorkflowResultType } from '../sdk/common/index.js';
import type { WorkflowExecutor } from '../sdk/replay/executor.js';
import type { WorkerMocks } from '../sdk/worker/mocks.js';
import { ActivityMock } from './activity-mock.js';
import { ChildWorkflowMock } from './child-workflow-mock.js';
import { mockedActivities } from './mocked-activities.js';
import { MockingExecutor } from './mocking-executor.js';

export interface MocksOptions {
  /** A workflow task that failed so often in a row fails its run. Default: never, as in production. */
  readonly failAfterTaskFailures?: number;
  /** An activity that did not succeed in so many attempts is not tried again. Default: as its retry policy says. */
  readonly failAfterActivityAttempts?: number;
  /** @internal Told of activities that somebody else is to complete. */
  readonly onLeftOpen?: (activity: Info) => void;
}

/**
 * @example
 * const mocks = new Mocks();
 * mocks.activity(activities.charge).returns('receipt-1');
 * const worker = await Worker.create({ taskQueue, workflowsPath, mocks }); // on any server
 */
export class Mocks implements WorkerMocks {
  readonly #options: MocksOptions;
  readonly #activities = new Map<string, ActivityMock>();
  readonly #childWorkflows = new Map<string, ChildWorkflowMock>();

  /**
   * Mocks an activity, given by its function, or by its name with the function's type. The types of arguments and result are the
   * function's. A second mock of the same name takes the first one's place.
   *
   * @example env.mock.activity<typeof activities.charge>('charge').returns('receipt-1');
   */
  activity<A extends (...args: never[]) => unknown = ActivityFunction>(activity: A | string): ActivityMock<Parameters<A>, Awaited<ReturnType<A>>> {
    const mock = new ActivityMock<Parameters<A>, Awaited<ReturnType<A>>>(nameOf(activity, 'activity'));
    this.#activities.set(mock.activityType, mock as unknown as ActivityMock);
    return mock;
  }

  /** Mocks a workflow wherever another workflow starts it as its child. See {@link activity}. */
  childWorkflow<W extends Workflow = Workflow>(workflow: W | string): ChildWorkflowMock<Parameters<W>, WorkflowResultType<W>> {
    const mock = new ChildWorkflowMock<Parameters<W>, WorkflowResultType<W>>(nameOf(workflow, 'workflow'));
    this.#childWorkflows.set(mock.workflowType, mock as unknown as ChildWorkflowMock);
    return mock;
  }

  constructor(options: MocksOptions = {}) {
    this.#options = options;
  }

  /** Takes all mocks away. */
  restore(): void {
    this.#activities.clear();
    this.#childWorkflows.clear();
  }

  /** @internal Called by workers. */
  activities(registered: object | undefined): object {
    const { failAfterActivityAttempts: mostAttempts = Infinity, onLeftOpen } = this.#options;
    return mockedActivities(registered, this, { mostAttempts, onLeftOpen });
  }

  /** @internal Called by workers. */
  executor(inner: WorkflowExecutor | undefined, dataConverter: LoadedDataConverter, namespace: string): WorkflowExecutor {
    return new MockingExecutor(inner, { mocks: this, dataConverter, namespace, failAfterAttempts: this.#options.failAfterTaskFailures ?? Infinity });
  }

  /** @internal */
  activityNamed(name: string): ActivityMock | undefined {
    return this.#activities.get(name);
  }

  /** @internal */
  childWorkflowNamed(name: string): ChildWorkflowMock | undefined {
    return this.#childWorkflows.get(name);
  }

  /** @internal For messages. */
  get mockedActivities(): readonly string[] {
    return [...this.#activities.keys()];
  }

  /** @internal For messages. */
  get mockedWorkflows(): readonly string[] {
    return [...this.#childWorkflows.keys()];
  }
}

function nameOf(given: { readonly name: string } | string, what: string): string {
  const name = typeof given === 'string' ? given : given.name;
  if (name === '') throw new TypeError(`The ${what} function has no name: give the name under which it is registered.`);
  return name;
}
