/** Mocks in the place of activities and child workflows: every way to answer, their log, and what nobody answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WorkflowFailedError } from '../sdk/client/index.js';
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '../sdk/common/index.js';
import { TestEnvironment, type TestEnvironmentOptions } from './index.js';
import * as activities from './test-activities.js';
import { broken, callsSomethingUnknown, cancellableParent, order, parcel, parent, parentOfUnknown, pays, paysLocally, paysQuickly, paysWithinHalfADay, unregistered } from './test-workflows.js';

const workflowsPath = fileURLToPath(new URL('./test-workflows.js', import.meta.url));

async function open(options: TestEnvironmentOptions = {}, registered: object = activities): Promise<TestEnvironment> {
  const env = await TestEnvironment.create({ startTime: 0, ...options });
  await env.worker({ workflowsPath, activities: registered });
  return env;
}

/** The innermost reason why a workflow failed. */
async function reasonOf(run: Promise<unknown>): Promise<Error> {
  const error: unknown = await run.then(
    () => assert.fail('the workflow completed'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof WorkflowFailedError, String(error));
  let reason: Error = error;
  while (reason.cause instanceof Error) reason = reason.cause;
  return reason;
}

test('an activity is mocked by its function or its name; others run as registered', async () => {
  await using env = await open();
  const charge = env.mock.activity(activities.charge).returns('receipt-1');
  const ship = env.mock.activity<typeof activities.ship>('ship').does(async (orderId) => `mocked ${orderId}`);
  assert.equal(await env.run(order, { args: ['o-1'] }), 'receipt-1 mocked o-1');
  assert.deepEqual(charge.calls.map(({ args, attempt, outcome, result }) => [args, attempt, outcome, result]), [[['o-1', 10], 1, 'returned', 'receipt-1']]);
  assert.equal(ship.calls[0]?.workflowId, 'order-1');
});

test('a worker needs no activities when all are mocked', async () => {
  await using env = await open({}, {});
  env.mock.activity(activities.charge).returns('receipt-1');
  assert.equal(await env.run(pays, { args: ['o-1'] }), 'receipt-1');
});

test('a sequence of answers shows retries, each with its attempt', async () => {
  await using env = await open();
  const charge = env.mock.activity(activities.charge).throwsOnce(new Error('busy')).throwsOnce(new Error('still busy')).returnsOnce('receipt-3');
  assert.equal(await env.run(pays, { args: ['o-1'] }), 'receipt-3');
  assert.deepEqual(charge.calls.map(({ attempt, outcome }) => [attempt, outcome]), [
    [1, 'threw'],
    [2, 'threw'],
    [3, 'returned'],
  ]);
  assert.equal(env.currentTime().getTime(), 3_000, 'the retries waited one second and two');
});

test('a sequence that is used up says so', async () => {
  await using env = await open();
  env.mock.activity(activities.charge).returnsOnce('receipt-1');
  await env.run(pays, { args: ['o-1'] });
  assert.match((await reasonOf(env.run(pays, { args: ['o-2'] }))).message, /The mock of activity 'charge' has no answer for call 2/);
});

test('a failure that is not to be retried fails the workflow', async () => {
  await using env = await open();
  env.mock.activity(activities.charge).throws(ApplicationFailure.nonRetryable('no money', 'Declined'));
  const reason = await reasonOf(env.run(pays, { args: ['o-1'] }));
  assert.ok(reason instanceof ApplicationFailure);
  assert.deepEqual([reason.message, reason.type], ['no money', 'Declined']);
});

test('an answer can take virtual time', async () => {
  await using env = await open();
  env.mock.activity(activities.charge).returns('late', { after: '29 seconds' });
  assert.equal(await env.run(pays, { args: ['o-1'] }), 'late');
  assert.equal(env.currentTime().getTime(), 29_000);
});

test('an activity times out, attempt after attempt', async () => {
  await using env = await open();
  const charge = env.mock.activity(activities.charge).timesOut();
  const reason = await reasonOf(env.run(paysQuickly, { args: ['o-1'] }));
  assert.ok(reason instanceof TimeoutFailure, String(reason));
  assert.equal(reason.timeoutType, 'START_TO_CLOSE');
  assert.deepEqual(charge.calls.map(({ attempt, outcome }) => [attempt, outcome]), [
    [1, 'open'],
    [2, 'open'],
  ]);
  assert.throws(() => charge.failsSometimes({ rate: 20 }), RangeError);
});

test('an activity that dies leaves its heartbeat details to the next attempt', async () => {
  await using env = await open();
  const charge = env.mock.activity(activities.charge).diesOnce('row 1', 'row 2').returns('receipt-2');
  assert.equal(await env.run(pays, { args: ['o-1'] }), 'receipt-2');
  assert.deepEqual(charge.calls.map(({ attempt, heartbeatDetails }) => [attempt, heartbeatDetails]), [
    [1, undefined],
    [2, 'row 2'],
  ]);
  assert.ok(env.currentTime().getTime() < 120_000, 'the heartbeat timeout ended it, not start-to-close');
});

test('planned failures strike the same calls for the same seed', async () => {
  const outcomes: unknown[] = [];
  for (let round = 0; round < 2; round++) {
    await using env = await open();
    const charge = env.mock.activity(activities.charge).failsSometimes({ rate: 0.5, seed: 7 }).returns('ok');
    for (let run = 0; run < 5; run++) assert.equal(await env.run(pays, { args: [`o-${run}`] }), 'ok');
    outcomes.push(charge.calls.map(({ outcome }) => outcome));
  }
  assert.deepEqual(outcomes[1], outcomes[0]);
  assert.ok((outcomes[0] as string[]).includes('threw'));
});

test('a local activity is mocked as well, and its retries take virtual time', async () => {
  await using env = await open();
  const charge = env.mock.activity(activities.charge).throwsOnce(new Error('busy')).returns('receipt-2', { after: '1 minute' });
  assert.equal(await env.run(paysLocally, { args: ['o-1'] }), 'receipt-2');
  assert.equal(charge.calls.length, 2);
  assert.equal(env.currentTime().getTime(), 61_000);
});

test('mocks are taken away again', async () => {
  await using env = await open();
  env.mock.activity(activities.charge).returns('mocked');
  env.mock.restore();
  assert.equal(await env.run(pays, { args: ['o-1'] }), 'receipt of o-1: 10');
});

test('an activity that is neither registered nor mocked fails at once and is named', async () => {
  await using env = await open();
  env.mock.activity(activities.charge);
  const reason = await reasonOf(env.run(callsSomethingUnknown, {}));
  assert.match(reason.message, /^Activity 'frobnicate' is neither registered nor mocked: .*Registered: charge, copyRows, .*Mocked: charge\.$/);
});

test('a child workflow is mocked: result, delay and log', async () => {
  await using env = await open();
  const child = env.mock.childWorkflow(parcel).returns('mocked parcel', { after: '3 days' });
  assert.equal(await env.run(parent, { args: ['o-1'] }), 'mocked parcel');
  assert.equal(env.currentTime().getTime(), 3 * 86_400_000);
  assert.deepEqual(child.calls.map(({ args, parent: of }) => [args, of?.workflowId]), [[['o-1'], 'parent-1']]);
  // Started by a client it is itself.
  assert.equal(await env.run(parcel, { args: ['o-2'] }), 'parcel of o-2');
});

test('a mocked child workflow fails, or is cancelled while it never ends', async () => {
  await using env = await open();
  env.mock.childWorkflow(parcel).throws(ApplicationFailure.nonRetryable('lost')).timesOutOnce();
  assert.equal(await env.run(cancellableParent, {}), 'cancelled');
  assert.equal((await reasonOf(env.run(parent, { args: ['o-1'] }))).message, 'lost');
});

test('a workflow that is neither exported nor mocked fails at once and is named', async () => {
  await using env = await open();
  const reason = await reasonOf(env.run(parentOfUnknown, {}));
  assert.match(reason.message, /^Workflow 'nowhere' is neither exported nor mocked: .*Exported: .*approval, .*Mocked: none\.$/);
});

test('a worker of mocked workflows serves children on other task queues', async () => {
  await using env = await TestEnvironment.create();
  env.mock.childWorkflow('elsewhere').returns(42);
  await env.worker({ servesMockedWorkflows: true });
  assert.equal(await env.run('elsewhere', {}), 42);
});

test('code that fails its workflow task over and over fails the run, with the reason', async () => {
  await using env = await open();
  const failed: unknown = await env.run(broken, {}).catch((error: unknown) => error);
  assert.ok(failed instanceof WorkflowFailedError && failed.cause instanceof ApplicationFailure);
  assert.equal(failed.cause.type, 'WorkflowTaskFailedError');
  assert.match(failed.cause.message, /The workflow task failed 3 times in a row, the last time with: .*explode.* \(at .*test-workflows/);
  assert.match(failed.cause.cause?.stack ?? '', /test-workflows/);
});

test('code that keeps deciding what the server refuses fails the run, with the reason', async () => {
  await using env = await open();
  const failed: unknown = await env.run(unregistered, {}).catch((error: unknown) => error);
  assert.ok(failed instanceof WorkflowFailedError && failed.cause instanceof ApplicationFailure);
  assert.match(failed.cause.message, /The workflow task failed 3 times in a row, the last time with: .*NobodyKnows/);
});

test('an activity that fails for ever is given up, with its last error', async () => {
  await using env = await open();
  const charge = env.mock.activity(activities.charge).throws(new Error('always busy'));
  const failed: unknown = await env.run(pays, { args: ['o-1'] }).catch((error: unknown) => error);
  assert.ok(failed instanceof WorkflowFailedError && failed.cause instanceof ActivityFailure && failed.cause.cause instanceof ApplicationFailure);
  assert.match(failed.cause.cause.message, /^Activity 'charge' did not succeed in 100 attempts, the last error is: always busy\./);
  assert.equal(charge.calls.length, 100);
});

test('an activity that its own timeout ends is tried until then', async () => {
  await using env = await open();
  const charge = env.mock.activity(activities.charge).throws(new Error('always busy'));
  await reasonOf(env.run(paysWithinHalfADay, { args: ['o-1'] }));
  assert.ok(charge.calls.length > 400, `${charge.calls.length} attempts, up to 100 seconds apart`);
  assert.ok(env.currentTime().getTime() > 11.9 * 3_600_000, env.currentTime().toISOString());
});

test('an activity failure is what production gives', async () => {
  await using env = await open();
  env.mock.activity(activities.charge).throws(ApplicationFailure.nonRetryable('no'));
  const failed: unknown = await env.run(pays, { args: ['o-1'] }).catch((error: unknown) => error);
  assert.ok(failed instanceof WorkflowFailedError && failed.cause instanceof ActivityFailure);
  assert.equal(failed.cause.activityType, 'charge');
});
