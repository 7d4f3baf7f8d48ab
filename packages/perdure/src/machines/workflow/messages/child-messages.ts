/**
 * The messages that a run owes to its children: the start of each that was initiated, until it was answered.
 *
 * A leaf: the debts of a run are needed by everything that writes events. What the answers lead to is in `children.ts`.
 */
import { Priority, StartChildWorkflowExecutionInitiatedEventAttributes, StartWorkflowExecutionRequest } from '../../../protocol/index.js';
import type { ChildState, Encoded } from '../../../protocol/index.js';
import type { Debt, DebtKey, MachineKey } from '../../machine.js';
import { WORKFLOW_KIND } from '../inputs.js';
import type { StartInput } from '../inputs.js';
import { inheritedVersion } from '../runs/version-binding.js';
import type { Correspondence } from './messages.js';
import { senderOf } from './sender.js';
import type { WorkflowState } from '../state.js';

const START = 'message:start-child:';

export function startChildKey(initiatedEventId: number): DebtKey {
  return `${START}${initiatedEventId}`;
}

/** The execution that heads the family of a run: itself, unless it is a child. */
function rootOf({ run }: WorkflowState): { workflowId: string; runId: string } {
  return run.root ?? { workflowId: run.workflowId, runId: run.runId };
}

/** The starts that a run owes while it is open. */
export const childStarts: Correspondence = {
  owes: (state) => state.isOpen && state.children.size > 0,
  *keys(state) {
    for (const child of state.children.values()) if (isStarting(child)) yield startChildKey(child.initiatedEventId);
  },
  debt(state, key): Debt | undefined {
    const child = childOf(state, key);
    if (!state.isOpen || child === undefined || !isStarting(child)) return undefined;
    return { message: { to: childAddress(child), input: startInput(state, child) } };
  },
};

export function childAddress(child: ChildState): MachineKey {
  return { kind: WORKFLOW_KIND, namespace: child.namespaceId, key: child.workflowId };
}

/** Its start is not answered. */
export function isStarting(child: ChildState): boolean {
  return child.runId === '' && !child.closing;
}

/** The child that a key is about. */
export function childOf(state: WorkflowState, key: DebtKey): ChildState | undefined {
  return key.startsWith(START) ? state.children.get(Number(key.slice(START.length))) : undefined;
}

function startInput(state: WorkflowState, child: ChildState): StartInput {
  const { run } = state;
  const initiated = StartChildWorkflowExecutionInitiatedEventAttributes.decode(child.initiated);
  const { initiatedEventId } = child;
  // Workers of the parent's version poll the child's queue as well.
  const inherits = child.namespaceId === run.namespaceId && (child.inheritsVersion || initiated.taskQueue?.name === run.taskQueue);
  return {
    type: 'start',
    namespace: child.namespace,
    request: StartWorkflowExecutionRequest.create({
      namespace: child.namespace,
      workflowId: child.workflowId,
      workflowType: initiated.workflowType,
      taskQueue: initiated.taskQueue,
      input: initiated.input,
      header: initiated.header,
      workflowExecutionTimeout: initiated.workflowExecutionTimeout,
      workflowRunTimeout: initiated.workflowRunTimeout,
      workflowTaskTimeout: initiated.workflowTaskTimeout,
      requestId: `${run.runId}:${initiatedEventId}`,
      workflowIdReusePolicy: initiated.workflowIdReusePolicy,
      retryPolicy: initiated.retryPolicy,
      cronSchedule: initiated.cronSchedule,
      memo: initiated.memo,
      searchAttributes: initiated.searchAttributes,
      userMetadata: child.userMetadata,
      versioningOverride: initiated.versioningOverride ?? (inherits && run.versioningOverride?.pinned !== undefined ? run.versioningOverride : undefined),
      priority: inheritedPriority(run.priority, initiated.priority),
    }),
    parent: {
      ...senderOf(state, initiatedEventId),
      // What an earlier run of this chain started behind the reset point is none of this run's children.
      ...(child.inherited ? {} : { originalRunId: undefined }),
      namespace: run.namespace,
      root: rootOf(state),
      version: inherits ? inheritedVersion(run) : undefined,
    },
  };
}

/** A child has the priority of its parent where it does not say otherwise. Encoded messages merge by concatenation. */
function inheritedPriority(parent: Encoded<Priority> | undefined, child: Encoded<Priority> | undefined): Encoded<Priority> | undefined {
  if (parent === undefined || child === undefined) return child ?? parent;
  return Priority.encode(Priority.decode(Buffer.concat([parent, child])));
}
