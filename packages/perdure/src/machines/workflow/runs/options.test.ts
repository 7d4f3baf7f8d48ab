/** What starts leave on an existing run, and what operators change about it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Callback, Code, Link, Priority, RpcError, VersioningBehavior, WorkerVersioningMode, WorkflowExecutionOptions, WorkflowIdConflictPolicy } from '../../../protocol/index.js';
import type { Init, StartWorkflowExecutionRequest } from '../../../protocol/index.js';
import { describe, type OptionsReply, type StartReply, type UpdateOptionsInput } from '../index.js';
import { command, E, startedWorkflow, type TestWorkflow } from '../testing/test-run.js';

const callback = (url: string) => Callback.encode({ nexus: { url, header: new Map() } });
const link = Link.encode({ workflowEvent: { namespace: 'n', workflowId: 'w', runId: 'r' } });
const ALL = { attachRequestId: true, attachCompletionCallbacks: true, attachLinks: true };

function again(workflow: TestWorkflow, request: Init<StartWorkflowExecutionRequest>): StartReply {
  const reply = workflow.start({ workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING, ...request });
  assert.ok(!(reply instanceof RpcError) && reply.kind === 'started');
  return reply;
}

const requestIds = (workflow: TestWorkflow) => Object.fromEntries(describe(workflow.run.live).workflowExtendedInfo?.requestIdInfos ?? []) as Record<string, { eventId: number; buffered?: boolean }>;

test('a start that uses the run leaves its request id, callbacks and links on it, once', () => {
  const workflow = startedWorkflow({ requestId: 'first' });
  for (let n = 0; n < 2; n++) {
    const reply = again(workflow, { requestId: 'second', onConflictOptions: ALL, completionCallbacks: [callback('http://a')], links: [link] });
    assert.deepEqual([reply.started, reply.runId, reply.attachedRequestId], [false, workflow.run.runId, 'second']);
  }
  assert.equal(workflow.run.events().length, 3);
  const event = workflow.run.event(3);
  const attributes = event.workflowExecutionOptionsUpdatedEventAttributes;
  assert.deepEqual([attributes?.attachedRequestId, attributes?.attachedCompletionCallbacks.length, attributes?.unsetVersioningOverride], ['second', 1, false]);
  assert.deepEqual([event.links.length, event.workerMayIgnore], [1, true]);
  assert.equal(describe(workflow.run.live).callbacks?.length, 1);
  assert.deepEqual([requestIds(workflow)['first']?.eventId, requestIds(workflow)['second']?.eventId], [1, 3]);
  // The same request is the same start, whatever its policy says.
  assert.equal(again(workflow, { requestId: 'second', workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL }).attachedRequestId, 'second');
});

test('without options, and with parts of them, no more is left than was asked for', () => {
  const workflow = startedWorkflow();
  again(workflow, { requestId: 'a', links: [link] });
  assert.equal(workflow.run.events().length, 2);
  again(workflow, { requestId: 'b', links: [link], onConflictOptions: { attachLinks: true } });
  assert.equal(workflow.run.event(3).workflowExecutionOptionsUpdatedEventAttributes?.attachedRequestId, '');
  const refused = workflow.start({ workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING, onConflictOptions: { attachCompletionCallbacks: true } });
  assert.ok(refused instanceof RpcError && refused.code === Code.INVALID_ARGUMENT);
});

test('while a worker holds a task the event waits, and the request id holds', () => {
  const workflow = startedWorkflow();
  const task = workflow.pollWorkflowTask();
  again(workflow, { requestId: 'b', onConflictOptions: ALL, completionCallbacks: [callback('http://b')] });
  again(workflow, { requestId: 'b', onConflictOptions: ALL, completionCallbacks: [callback('http://b')] });
  assert.deepEqual([requestIds(workflow)['b']?.eventId, requestIds(workflow)['b']?.buffered], [0, true]);
  workflow.complete(task, []);
  assert.deepEqual(workflow.run.eventNames().slice(3), [E.WORKFLOW_TASK_COMPLETED, E.WORKFLOW_EXECUTION_OPTIONS_UPDATED, E.WORKFLOW_TASK_SCHEDULED]);
  assert.deepEqual([requestIds(workflow)['b']?.eventId, requestIds(workflow)['b']?.buffered], [5, false]);
});

test('a run has only so many callbacks, those that wait in the buffer included', () => {
  const workflow = startedWorkflow({}, { callbacksPerRun: 2 });
  workflow.pollWorkflowTask();
  for (const id of ['a', 'b']) again(workflow, { requestId: id, onConflictOptions: ALL, completionCallbacks: [callback('http://c')] });
  const refused = workflow.start({ workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING, onConflictOptions: ALL, completionCallbacks: [callback('http://c')] });
  assert.ok(refused instanceof RpcError && refused.code === Code.FAILED_PRECONDITION);
});

const update = (paths: readonly string[], options: Init<WorkflowExecutionOptions>): UpdateOptionsInput => ({ type: 'update-options', paths, options: WorkflowExecutionOptions.create(options), identity: 'operator' });
const priority = (fields: Init<Priority>) => Priority.encode(Priority.create(fields));
const seen = ({ priority: encoded, versioningOverride }: OptionsReply) => ({ priority: encoded && Priority.decode(encoded), autoUpgrade: versioningOverride?.autoUpgrade });

test('options are changed by their mask; the event holds them all; what changes nothing writes nothing', () => {
  const workflow = startedWorkflow({ priority: priority({ priorityKey: 2, fairnessKey: 'k' }) });
  const level = workflow.expect('options', update(['priority.priority_key'], { priority: priority({ priorityKey: 1 }) }));
  assert.deepEqual(seen(level), { priority: { priorityKey: 1, fairnessKey: 'k', fairnessWeight: 0 }, autoUpgrade: undefined });
  assert.equal(workflow.run.event(3).workflowExecutionOptionsUpdatedEventAttributes?.unsetVersioningOverride, true);
  workflow.expect('options', update(['priority.priority_key'], { priority: priority({ priorityKey: 1 }) }));
  workflow.expect('options', update([], {}));
  assert.equal(workflow.run.events().length, 3);

  const both = workflow.expect('options', update(['priority', 'versioning_override'], { versioningOverride: { autoUpgrade: true } }));
  assert.deepEqual(seen(both), { priority: undefined, autoUpgrade: true });
  const { workflowExecutionInfo } = describe(workflow.run.live);
  assert.equal(workflowExecutionInfo?.priority, undefined, 'a cleared priority is gone');
  assert.equal(workflowExecutionInfo?.versioningInfo?.versioningOverride?.behavior, VersioningBehavior.AUTO_UPGRADE);
  workflow.expect('options', update(['versioning_override'], {}));
  assert.equal(describe(workflow.run.live).workflowExecutionInfo?.versioningInfo, undefined);
});

test('a wrong mask or override is refused; a closed run has no options to change', () => {
  const workflow = startedWorkflow();
  for (const [paths, options] of [
    [['nope'], {}],
    [['versioning_override.behavior'], {}],
    [['versioning_override'], { versioningOverride: {} }],
    [['versioning_override'], { versioningOverride: { pinned: {} } }],
  ] as const) {
    assert.equal(workflow.refused(update(paths, options)).code, Code.INVALID_ARGUMENT);
  }
  assert.equal(workflow.run.events().length, 2);
  workflow.step([command.complete()]);
  assert.equal(workflow.refused(update(['priority'], {})).code, Code.NOT_FOUND);
});

test('describe says how the worker that completed the latest task is versioned', () => {
  const workflow = startedWorkflow();
  workflow.step([command.timer('t', 1000)], {
    deploymentOptions: { deploymentName: 'orders', buildId: '7', workerVersioningMode: WorkerVersioningMode.VERSIONED },
    versioningBehavior: VersioningBehavior.PINNED,
  });
  const { versioningInfo } = describe(workflow.run.live).workflowExecutionInfo ?? {};
  assert.deepEqual([versioningInfo?.behavior, versioningInfo?.version], [VersioningBehavior.PINNED, 'orders.7']);
});

test('runs that follow have what was changed', () => {
  const workflow = startedWorkflow({ retryPolicy: {} });
  workflow.expect('options', update(['priority', 'versioning_override'], { priority: priority({ fairnessKey: 'late' }), versioningOverride: { autoUpgrade: true } }));
  workflow.step([command.fail()]);
  const attributes = workflow.run.event(1).workflowExecutionStartedEventAttributes;
  assert.deepEqual([attributes?.versioningOverride?.autoUpgrade, Priority.decode(attributes?.priority ?? new Uint8Array(0)).fairnessKey], [true, 'late']);
});
