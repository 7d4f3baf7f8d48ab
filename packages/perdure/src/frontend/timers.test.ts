/** Timers through the whole engine: many at once do not keep others waiting, and none is lost to a restart or to a clock that steps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkflowService } from '../protocol/index.js';
import { NAMESPACE, Stage, startTimer } from '../server/testing/stage.js';

const HOUR = 3_600_000;
const fired = async (stage: Stage, workflowId: string): Promise<string[]> =>
  (await stage.events(workflowId)).flatMap((event) => event.timerFiredEventAttributes?.timerId ?? []);

/** Starts a workflow that waits for these timers. */
async function waiting(stage: Stage, workflowId: string, timers: readonly (readonly [id: string, afterMs: number])[]): Promise<void> {
  await stage.start(workflowId);
  await stage.complete(await stage.pollWorkflow(), timers.map(([id, afterMs]) => startTimer(id, afterMs)));
}

async function historyLength(stage: Stage, workflowId: string): Promise<number> {
  const { workflowExecutionInfo } = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId } });
  return workflowExecutionInfo?.historyLength ?? 0;
}

test('a workflow with a thousand timers that are due does not keep another one waiting for its one', async () => {
  // The worker below holds its tasks: with a small buffer the firings are written all the same.
  await using stage = await Stage.open({ limits: { bufferedEvents: 100 } });
  await waiting(stage, 'many', Array.from({ length: 1000 }, (_, index) => [`${index}`, HOUR] as const));
  await waiting(stage, 'one', [['t', HOUR]]);
  let firedBefore = Infinity;
  const taken = (async () => {
    for (;;) {
      const { workflowExecution } = await stage.pollWorkflow();
      if (workflowExecution?.workflowId !== 'one') continue;
      firedBefore = (await historyLength(stage, 'many')) - 1004;
      return;
    }
  })();
  await stage.clock.advance(HOUR);
  await taken;
  assert.ok(firedBefore < 1000, `${firedBefore} timers of the other one had fired`);
  assert.equal((await fired(stage, 'many')).length, 1000);
});

test('timers that became due while the server was down fire when it is back, in their order', async () => {
  await using stage = await Stage.open();
  await waiting(stage, 'w', [['late', 2 * HOUR], ['b', 2000], ['a', 1000], ['later', 3 * HOUR]]);
  await stage.restart(2 * HOUR);
  await stage.clock.advance(0);
  assert.deepEqual(await fired(stage, 'w'), ['a', 'b', 'late']);
  await stage.clock.advance(HOUR);
  assert.deepEqual(await fired(stage, 'w'), ['a', 'b', 'late', 'later']);
});

test('a timer fires at its millisecond, not before', async () => {
  await using stage = await Stage.open();
  await waiting(stage, 'w', [['t', 1]]);
  await stage.clock.settle();
  assert.deepEqual(await fired(stage, 'w'), []);
  await stage.clock.advance(1);
  assert.deepEqual(await fired(stage, 'w'), ['t']);
});
