import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestEnvironment } from 'perdure/testing';
import * as activities from './activities.js';
import { approval, vote, votes, type Expense } from './workflows.js';

const workflowsPath = fileURLToPath(new URL('./workflows.js', import.meta.url));
const expense: Expense = { purpose: 'laptops', cents: 900_000, approvers: ['ada', 'bob', 'cleo'], needed: 2, boss: 'dora' };

async function open() {
  const env = await TestEnvironment.create();
  await env.worker({ workflowsPath });
  const told = env.mock.activity(activities.notify).returns(undefined);
  return { env, handle: await env.start(approval, { args: [expense] }), told: () => told.calls.map(({ args }) => args[0]) };
}

test('two of three suffice; votes of strangers and second votes do not count', async () => {
  const { env, handle } = await open();
  await using _ = env;
  await handle.signal(vote, { by: 'ada', approves: true });
  await handle.signal(vote, { by: 'ada', approves: false });
  await handle.signal(vote, { by: 'eve', approves: true });
  assert.deepEqual(await handle.query(votes), [{ by: 'ada', approves: true }]);
  await handle.signal(vote, { by: 'cleo', approves: true });
  assert.equal((await handle.result()).outcome, 'approved');
});

test('one no ends it', async () => {
  const { env, handle } = await open();
  await using _ = env;
  await handle.signal(vote, { by: 'bob', approves: false });
  assert.deepEqual(await handle.result(), { outcome: 'rejected', votes: [{ by: 'bob', approves: false }] });
});

test('after a day those who are silent are reminded, after two the boss decides', async () => {
  const { env, handle, told } = await open();
  await using _ = env;
  await handle.signal(vote, { by: 'ada', approves: true });
  await handle.signal(vote, { by: 'dora', approves: true }); // too early: the boss has no say yet
  await env.sleep('25 hours');
  assert.deepEqual(told(), ['ada', 'bob', 'cleo', 'bob', 'cleo']);
  await env.sleep('24 hours');
  assert.deepEqual(told().slice(5), ['dora']);
  await handle.signal(vote, { by: 'dora', approves: true });
  assert.equal((await handle.result()).outcome, 'approved');
});

test('without any answer it expires after five days', async () => {
  const { env, handle } = await open();
  await using _ = env;
  const before = env.currentTime().getTime();
  assert.deepEqual(await handle.result(), { outcome: 'expired', votes: [] });
  assert.equal(env.currentTime().getTime() - before, 5 * 24 * 3_600_000);
});
