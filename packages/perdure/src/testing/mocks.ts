/** All mocks of one environment, by name: `env.mock`. Workers ask at each call, so a mock may come and go while they run. */
import type { ActivityFunction, Workflow, WorkflowResultType } from '../sdk/common/index.js';
import { ActivityMock } from './activity-mock.js';
import { ChildWorkflowMock } from './child-workflow-mock.js';

export class Mocks {
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

  /** Takes all mocks away. */
  restore(): void {
    this.#activities.clear();
    this.#childWorkflows.clear();
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
