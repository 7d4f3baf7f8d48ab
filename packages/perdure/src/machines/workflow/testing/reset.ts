/** Resets for machine tests: does by hand what the frontend does, on the runs of a `TestWorkflow`. */
import assert from 'node:assert/strict';
import { EventType, History, ResetWorkflowExecutionRequest } from '../../../protocol/index.js';
import type { Init } from '../../../protocol/index.js';
import { HistoryFork, ReapplyCollector, reapplyKinds } from '../index.js';
import type { ForkedRun, ResetInput } from '../index.js';
import { NAMESPACE_ID, WORKFLOW_ID } from './test-run.js';
import type { TestRun, TestWorkflow } from './test-run.js';

/** The events before `finish` as the beginning of a new run; `undefined` if no workflow task is pending there. */
export function forkOf(workflow: TestWorkflow, base: TestRun, finish: number, pageEvents = 3): ForkedRun | undefined {
  const created = { namespaceId: NAMESPACE_ID, namespace: 'default', workflowId: WORKFLOW_ID, runId: workflow.newId(), requestId: base.live.run.createRequestId };
  const fork = new HistoryFork(created, workflow.now);
  while (fork.nextEventId < finish) {
    const events = base.events().slice(fork.nextEventId - 1, Math.min(fork.nextEventId - 1 + pageEvents, finish - 1));
    fork.add(History.encode({ events }), fork.nextEventId + events.length - 1);
  }
  return fork.end();
}

export interface ResetOptions {
  /** Default: the current run. */
  readonly base?: TestRun;
  /** The base and the runs that followed it. Default: the base alone. */
  readonly chain?: readonly TestRun[];
  readonly requestId?: string;
  readonly request?: Init<ResetWorkflowExecutionRequest>;
}

/** Copies, and collects what is to be told again. */
export function resetInput(workflow: TestWorkflow, finish: number, { base = workflow.run, chain = [base], requestId = workflow.newId(), request = {} }: ResetOptions = {}): ResetInput {
  const fork = forkOf(workflow, base, finish);
  assert.ok(fork, 'the event ends a workflow task');
  const { postResetOperations: operations, ...full } = ResetWorkflowExecutionRequest.create(request);
  const collector = new ReapplyCollector(reapplyKinds({ ...full, postResetOperations: operations }));
  for (const run of chain) collector.add(History.encode({ events: run.events().slice(run === base ? finish - 1 : 0) }), run === base);
  const ownKinds = chain.includes(workflow.run) ? collector.kinds : undefined;
  return { type: 'reset', requestId, reason: 'bad deploy', identity: 'operator', operations, baseRunId: base.runId, fork, reapply: collector.events, ownKinds };
}

/** Every event id that the run can be reset to. */
export function resetPointsOf(run: TestRun): number[] {
  let pending = false;
  return run.events().flatMap(({ eventType, eventId }) => {
    const wasPending = pending;
    if (eventType === EventType.WORKFLOW_TASK_SCHEDULED) pending = true;
    else if (ENDS.has(eventType)) pending = false;
    return wasPending ? [eventId] : [];
  });
}

const ENDS = new Set<EventType>([EventType.WORKFLOW_TASK_COMPLETED, EventType.WORKFLOW_TASK_FAILED, EventType.WORKFLOW_TASK_TIMED_OUT]);
