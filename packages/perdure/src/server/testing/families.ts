/**
 * A family of workflows that is driven by hand to its end, whatever happens to the server meanwhile.
 *
 * The worker decides from the history alone, as a real one does: what it answers to a task depends on nothing else, so a task that comes
 * again after a crash gets the same answer. `parent` starts three children and signals `target`, and completes once two of them and the
 * signal are done: `child-0` completes, `child-1` continues as new first, `child-2` waits until its parent's close ends it; `target` waits.
 */
import { CommandType, EventType, WorkflowService, type Command, type HistoryEvent, type Init, type PollWorkflowTaskQueueResponse } from '../../protocol/index.js';
import type { VirtualClock } from '../../ports/index.js';
import type { Engine } from '../engine.js';
import { completeWorkflow, eventsOf, NAMESPACE, QUEUE, startRequest } from './stage.js';

const CHILDREN = ['child-0', 'child-1', 'child-2'] as const;

/** What a worker that runs this code answers to a task with this history. */
export function decide(workflowId: string, events: readonly HistoryEvent[]): Init<Command>[] {
  const count = (type: EventType): number => events.filter(({ eventType }) => eventType === type).length;
  if (workflowId === 'target' || workflowId === 'child-2') return [];
  if (workflowId === 'child-1' && events[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId === '') {
    return [{ commandType: CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION, continueAsNewWorkflowExecutionCommandAttributes: {} }];
  }
  if (workflowId !== 'parent') return [completeWorkflow(workflowId)];
  if (count(EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED) === 0) return parentCommands();
  const isDone = count(EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED) === 2 && count(EventType.EXTERNAL_WORKFLOW_EXECUTION_SIGNALED) === 1;
  return isDone ? [completeWorkflow()] : [];
}

function parentCommands(): Init<Command>[] {
  const children = CHILDREN.map((workflowId) => ({
    commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION,
    startChildWorkflowExecutionCommandAttributes: { workflowId, workflowType: { name: 'child' } },
  }));
  const signal = {
    commandType: CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
    signalExternalWorkflowExecutionCommandAttributes: { execution: { workflowId: 'target' }, signalName: 'go' },
  };
  return [...children, signal];
}

/** Starts `target` and `parent` (again, if it happened before), and works until nothing is left to do or the server is gone. */
export async function live(engine: Engine, clock: VirtualClock, isGone: () => boolean): Promise<void> {
  const { transport } = engine;
  for (const workflowId of ['target', 'parent']) {
    if (!(await settled(clock, transport.call(WorkflowService.StartWorkflowExecution, startRequest(workflowId)), isGone))) return;
  }
  for (let idle = 0; idle < 3 && !isGone(); ) {
    const hangUp = new AbortController();
    const poll = transport.call(WorkflowService.PollWorkflowTaskQueue, { namespace: NAMESPACE, taskQueue: { name: QUEUE }, identity: 'worker' }, { signal: hangUp.signal });
    const task = await within(clock, poll, 11_000);
    hangUp.abort();
    if (task === undefined || task.taskToken.byteLength === 0) {
      idle += 1;
      continue;
    }
    idle = 0;
    await settled(clock, answer(engine, task), isGone);
  }
}

function answer(engine: Engine, task: PollWorkflowTaskQueueResponse): Promise<unknown> {
  const commands = decide(task.workflowExecution?.workflowId ?? '', eventsOf(task));
  // What the server refuses comes again as another task.
  return engine.transport.call(WorkflowService.RespondWorkflowTaskCompleted, { taskToken: task.taskToken, commands, identity: 'worker' }).catch(() => undefined);
}

/** Lets time pass until the promise has settled: its value, or `undefined` if it did not within this time, or failed. */
export async function within<T>(clock: VirtualClock, promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  const outcomes: (T | undefined)[] = [];
  promise.then(
    (reply) => outcomes.push(reply),
    () => outcomes.push(undefined),
  );
  await clock.settle();
  for (let passed = 0; outcomes.length === 0 && passed < timeoutMs; passed += 1_000) await clock.advance(1_000);
  return outcomes[0];
}

export async function settled<T>(clock: VirtualClock, promise: Promise<T>, isGone: () => boolean): Promise<boolean> {
  const reply = await within(clock, promise.then(() => true), 5_000);
  return reply === true && !isGone();
}
