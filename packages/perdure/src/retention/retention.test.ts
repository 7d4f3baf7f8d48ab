/** Closed runs are forgotten when the retention of their namespace is over, and nothing else is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, CommandType, RpcError, WorkflowService } from '../protocol/index.js';
import { completeWorkflow, NAMESPACE, Stage, startRequest, startTimer } from '../server/testing/stage.js';

const HOUR_MS = 3_600_000;
const RETENTION_MS = 72 * HOUR_MS;
/** Runs that expire one after the other go together, within this. */
const GAP_MS = 60_000;

/** Starts a run and completes it. */
async function complete(stage: Stage, workflowId: string): Promise<string> {
  const runId = await stage.start(workflowId);
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  return runId;
}

async function list(stage: Stage, query = ''): Promise<string[]> {
  const { executions } = await stage.call(WorkflowService.ListWorkflowExecutions, { namespace: NAMESPACE, query });
  return executions.map(({ execution }) => execution?.workflowId ?? '').sort();
}

async function isGone(stage: Stage, workflowId: string, runId = ''): Promise<boolean> {
  const execution = { workflowId, runId };
  const ask = async (method: () => Promise<unknown>): Promise<boolean> =>
    method().then(
      () => false,
      (error: unknown) => error instanceof RpcError && error.code === Code.NOT_FOUND,
    );
  const results = await Promise.all([
    ask(() => stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution })),
    ask(() => stage.call(WorkflowService.GetWorkflowExecutionHistory, { namespace: NAMESPACE, execution })),
  ]);
  assert.equal(new Set(results).size, 1, 'description and history agree');
  return results[0] === true;
}

const setRetention = (stage: Stage, retentionMs: number) =>
  stage.call(WorkflowService.UpdateNamespace, { namespace: NAMESPACE, config: { workflowExecutionRetentionTtl: retentionMs } });

test('a closed run is gone after the retention, and not before; a run that is open stays', async () => {
  await using stage = await Stage.open();
  await stage.start('open');
  await stage.complete(await stage.pollWorkflow(), [startTimer('t', 10 * RETENTION_MS)]);
  await complete(stage, 'closed');
  await stage.clock.advance(RETENTION_MS - 1);
  assert.deepEqual(await list(stage), ['closed', 'open']);
  assert.equal(await isGone(stage, 'closed'), false);
  await stage.clock.advance(1);
  assert.deepEqual(await list(stage), ['open']);
  assert.equal(await isGone(stage, 'closed'), true);
  await stage.clock.advance(RETENTION_MS);
  assert.deepEqual(await list(stage), ['open']);
});

test('each run goes at its own time, within the gap between two sweeps', async () => {
  await using stage = await Stage.open();
  for (let n = 0; n < 4; n++) {
    await complete(stage, `w${n}`);
    await stage.clock.advance(HOUR_MS);
  }
  await stage.clock.advance(RETENTION_MS - 4 * HOUR_MS);
  for (let n = 0; n < 4; n++) {
    assert.deepEqual(await list(stage), Array.from({ length: 3 - n }, (_, i) => `w${n + 1 + i}`));
    await stage.clock.advance(HOUR_MS - 1);
    assert.equal(await isGone(stage, `w${n + 1}`), n === 3, 'not before its time');
    await stage.clock.advance(1);
  }
});

test('what expired while the server was down goes at its start; the rest at its time', async () => {
  await using stage = await Stage.open();
  await complete(stage, 'early');
  await stage.clock.advance(HOUR_MS);
  await complete(stage, 'late');
  await stage.restart(RETENTION_MS - HOUR_MS);
  await stage.clock.settle();
  assert.deepEqual(await list(stage), ['late']);
  await stage.clock.advance(HOUR_MS + GAP_MS);
  assert.deepEqual(await list(stage), []);
});

test('a change of the retention holds for runs that have closed already', async () => {
  await using stage = await Stage.open();
  await complete(stage, 'w');
  await stage.clock.advance(HOUR_MS);
  await setRetention(stage, 2 * RETENTION_MS);
  await stage.clock.advance(RETENTION_MS);
  assert.deepEqual(await list(stage), ['w'], 'longer');
  await setRetention(stage, HOUR_MS);
  await stage.clock.settle();
  assert.deepEqual(await list(stage), [], 'shorter');
});

test('of a chain of runs only those that expired go, and the workflow id leads to the current one', async () => {
  await using stage = await Stage.open();
  const first = await stage.start('w');
  const continued = { commandType: CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION, continueAsNewWorkflowExecutionCommandAttributes: {} };
  await stage.complete(await stage.pollWorkflow(), [continued]);
  await stage.clock.advance(HOUR_MS);
  const second = await stage.pollWorkflow();
  await stage.complete(second, [completeWorkflow()]);
  await stage.clock.advance(RETENTION_MS - HOUR_MS);
  assert.equal(await isGone(stage, 'w', first), true);
  assert.equal(await isGone(stage, 'w'), false);
  const { workflowExecutionInfo } = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId: 'w' } });
  assert.equal(workflowExecutionInfo?.execution?.runId, second.workflowExecution?.runId);
  await stage.clock.advance(HOUR_MS);
  assert.equal(await isGone(stage, 'w'), true);
  await stage.start('w');
  assert.equal(await isGone(stage, 'w'), false, 'the id is free');
});

test('hundreds of runs go page by page, in memory or not, while requests go on', async () => {
  await using stage = await Stage.open({ limits: { cachedMachines: 20 } });
  const ids = Array.from({ length: 350 }, (_, n) => `w${String(n).padStart(3, '0')}`);
  for (const id of ids) await complete(stage, id);
  await stage.clock.advance(RETENTION_MS - 1);
  assert.equal((await stage.call(WorkflowService.CountWorkflowExecutions, { namespace: NAMESPACE })).count, 350);
  await stage.start('meanwhile');
  await stage.clock.advance(GAP_MS);
  assert.deepEqual(await list(stage), ['meanwhile']);
  for (const id of [ids[0], ids[349]]) assert.equal(await isGone(stage, id ?? ''), true);
});

test('a namespace without closed runs has no timer, and one that is empty again has none', async () => {
  await using stage = await Stage.open();
  await stage.clock.settle();
  assert.equal(stage.clock.nextTimerAt, undefined);
  await stage.call(WorkflowService.StartWorkflowExecution, startRequest('w'));
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  await stage.clock.advance(RETENTION_MS + GAP_MS);
  assert.deepEqual(await list(stage), []);
  assert.equal(stage.clock.nextTimerAt, undefined);
});
