/** Histories as text: readable, and as a snapshot the same for every run of the same code. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure } from '../sdk/common/index.js';
import { historySnapshot, printHistory, TestEnvironment } from './index.js';
import * as activities from './test-activities.js';
import { approval, approve, order, parcel, parent, pays } from './test-workflows.js';

const workflowsPath = fileURLToPath(new URL('./test-workflows.js', import.meta.url));

async function open(startTime: number): Promise<TestEnvironment> {
  const env = await TestEnvironment.create({ startTime, seed: startTime });
  await env.worker({ workflowsPath, activities });
  return env;
}

test('a snapshot shows what the workflow did, and is the same in each run', async () => {
  const snapshots: string[] = [];
  for (const startTime of [0, 1_900_000_000_000]) {
    await using env = await open(startTime);
    const handle = await env.start(approval, { args: ['o-1'], workflowId: `w-${startTime}` });
    await env.sleep('1 hour');
    await handle.signal(approve, 'Ada');
    await handle.result();
    snapshots.push(historySnapshot(await handle.fetchHistory()));
  }
  assert.equal(
    snapshots[0],
    [
      'WorkflowExecutionStarted approval("o-1")',
      'TimerStarted 1d',
      'WorkflowExecutionSignaled approve("Ada")',
      'TimerCanceled 1d',
      'WorkflowExecutionCompleted → "o-1 approved by Ada"',
      '',
    ].join('\n'),
  );
  assert.equal(snapshots[1], snapshots[0]);
});

test('activities, failures, timers and children are named where they end', async () => {
  await using env = await open(0);
  const shot = async (run: Promise<unknown>, workflowId: string): Promise<string> => {
    await run.catch(() => {});
    return historySnapshot(await env.client.workflow.getHandle(workflowId).fetchHistory());
  };
  env.mock.activity(activities.charge).throws(ApplicationFailure.nonRetryable('no money', 'Declined'));
  assert.equal(
    await shot(env.run(pays, { args: ['o-1'], workflowId: 'w' }), 'w'),
    [
      'WorkflowExecutionStarted pays("o-1")',
      'ActivityTaskScheduled charge("o-1", 10)',
      'ActivityTaskStarted charge',
      'ActivityTaskFailed charge ✗ Declined: no money',
      'WorkflowExecutionFailed ✗ Activity task failed: Declined: no money',
      '',
    ].join('\n'),
  );
  assert.match(await shot(env.run(parent, { args: ['o-2'], workflowId: 'p' }), 'p'), /StartChildWorkflowExecutionInitiated parcel\("o-2"\)\n[^]*ChildWorkflowExecutionCompleted parcel → "parcel of o-2"/);
  assert.match(await shot(env.run(parcel, { args: ['o-3'], workflowId: 'c' }), 'c'), /TimerStarted 1m\nTimerFired 1m\n/);
});

test('a printed history has ids and the time since the start', async () => {
  await using env = await open(0);
  const handle = await env.start(parcel, { args: ['o-1'] });
  await handle.result();
  const lines = printHistory(await handle.fetchHistory()).split('\n');
  assert.match(lines[0] ?? '', /^ 1 {2}\+0ms {8}WorkflowExecutionStarted +parcel\("o-1"\)$/);
  assert.match(lines.find((line) => line.includes('TimerFired')) ?? '', /^ 6 {2}\+1m {9}TimerFired +1m$/);
  const other = await env.start(order, { args: ['o-2'] });
  await other.result();
  assert.match(printHistory(await other.fetchHistory()), /ActivityTaskCompleted +charge → "receipt of o-2: 10"/);
});
