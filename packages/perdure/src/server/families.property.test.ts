/**
 * The whole server, on a store that fails and a process that dies at random commits, under random starts, signals, resets and deletions of
 * families of workflows. In the end everything that was asked for has happened once. `PERDURE_SEED` repeats one run, `PERDURE_FAMILIES` plays more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, EventType, RpcError, type HistoryEvent } from '../protocol/index.js';
import { RandomFamilies, TARGET, settledChildren } from './testing/random-families.js';

const RUNS = Number(process.env['PERDURE_FAMILIES'] ?? 40);

async function check(families: RandomFamilies): Promise<void> {
  assert.deepEqual(families.problems, []);
  for (const workflowId of families.parents) await checkParent(families, workflowId);
  await checkTarget(families);
  for (const workflowId of families.victims) {
    const exists = await families.events(workflowId).then(
      () => true,
      (error: unknown) => !(error instanceof RpcError && error.code === Code.NOT_FOUND),
    );
    assert.equal(exists, !families.deleted.has(workflowId), workflowId);
  }
}

/** Its latest run has come to its end, with all that its program asks for. */
async function checkParent(families: RandomFamilies, workflowId: string): Promise<void> {
  const events = await families.events(workflowId);
  checkIds(workflowId, events);
  assert.equal(events.at(-1)?.eventType, EventType.WORKFLOW_EXECUTION_COMPLETED, `${workflowId} is at its end`);
  const initiated = events.filter(({ eventType }) => eventType === EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED).map(({ eventId }) => eventId);
  assert.equal(initiated.length, 3);
  const settled = settledChildren(events);
  for (const eventId of initiated.slice(0, 2)) assert.ok(settled.has(eventId), `${workflowId} knows the end of its child ${eventId}`);
  for (let child = 0; child < 2; child++) {
    const last = await families.events(`${workflowId}/child-${child}`);
    checkIds(`${workflowId}/child-${child}`, last);
    assert.equal(last.at(-1)?.eventType, EventType.WORKFLOW_EXECUTION_COMPLETED);
  }
}

/** Each signal of a client is there once, however often it was sent and the target was reset. */
async function checkTarget(families: RandomFamilies): Promise<void> {
  const events = await families.events(TARGET);
  checkIds(TARGET, events);
  const came = events.flatMap(({ workflowExecutionSignaledEventAttributes: signaled }) => (signaled?.signalName === 'say' ? [signaled.requestId] : []));
  assert.deepEqual(came.toSorted(), families.signals.toSorted());
  const fromParents = events.flatMap(({ workflowExecutionSignaledEventAttributes: signaled }) => (signaled?.signalName === 'go' ? [signaled.requestId] : []));
  assert.equal(new Set(fromParents).size, fromParents.length, 'a signal of another workflow comes once');
}

function checkIds(workflowId: string, events: readonly HistoryEvent[]): void {
  assert.deepEqual(events.map(({ eventId }) => eventId), events.map((_, index) => index + 1), `${workflowId}: ids without gaps`);
}

test(`${RUNS} random lives of families keep every promise`, async () => {
  const given = process.env['PERDURE_SEED'];
  const seeds = given === undefined ? Array.from({ length: RUNS }, (_, index) => index + 1) : [Number(given)];
  let crashes = 0;
  for (const seed of seeds) {
    const families = new RandomFamilies(seed);
    try {
      await families.play();
      await check(families);
      await families.engine.close();
    } catch (error) {
      throw new Error(`Seed ${seed} (repeat it with PERDURE_SEED=${seed}): ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    crashes += families.crashes;
  }
  assert.ok(given !== undefined || crashes > RUNS / 4, `the store died in ${crashes} commits`);
});
