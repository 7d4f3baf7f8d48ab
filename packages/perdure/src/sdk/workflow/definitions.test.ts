/**
 * Definitions with schemas, from the client to the handler and back. What does not fit is refused where it enters, with the name of the
 * field, and never gets into the state of a workflow; what fits arrives as the schema made it, transformed once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Failure } from '../../protocol/index.js';
import { TestEnvironment } from '../../testing/index.js';
import { WorkflowFailedError, WorkflowUpdateFailedError } from '../client/index.js';
import { DefaultLogger, type LogEntry } from '../common/logger.js';
import { ApplicationFailure, defineActivity, defineSignal, defineUpdate, SchemaValidationError, type StandardSchema } from '../common/index.js';
import * as activities from './test-definition-activities.js';
import { addItem, broken, caller, close, order, paid, pay, slow } from './test-definitions.js';

const entries: LogEntry[] = [];
const workerLogger = new DefaultLogger('WARN', (entry) => void entries.push(entry));

async function environment(): Promise<TestEnvironment> {
  const env = await TestEnvironment.create({ workerLogger });
  await env.worker({ workflowsPath: fileURLToPath(new URL('./test-definitions.js', import.meta.url)), activities });
  return env;
}

const good = { id: 'o-1', note: 'gift', items: [{ sku: 'a', quantity: 1 }] };

test('what fits arrives as the schema made it, transformed once', async () => {
  await using env = await environment();
  const handle = await env.start(order, { args: [good] });
  await handle.signal(pay, { amount: '250' });
  assert.equal(await handle.executeUpdate(addItem, { args: [{ sku: 'b' }] }), 1, 'the default of the schema fits');
  assert.equal(await handle.query(paid, { unit: 'euros' }), '2');
  await handle.signal(close);
  assert.deepEqual(await handle.result(), { summary: 'o-1, <gift>, 1 items, 250 cents, 1 b' });
});

test('the client refuses what does not fit, names the fields and sends nothing', async () => {
  await using env = await environment();
  const bad = { id: 'o-2', items: [{ sku: 'a', quantity: 0 }, { sku: 7, quantity: 1 }] };
  const refused = (error: unknown): boolean => {
    assert.ok(error instanceof SchemaValidationError);
    assert.match(error.message, /^The input of workflow 'order' does not fit its schema: items\[0\]\.quantity: .*; items\[1\]\.sku: /);
    assert.deepEqual(error.issues.map(({ path }) => path), ['items[0].quantity', 'items[1].sku']);
    return true;
  };
  await assert.rejects(env.start(order, { args: [bad as never], workflowId: 'bad' }), refused);
  await assert.rejects(env.client.workflow.getHandle('bad').describe(), /not found/i);

  const handle = await env.start(order, { args: [good] });
  await assert.rejects(handle.signal(pay, { amount: 'much' }), /signal 'pay' .*amount/);
  await assert.rejects(handle.query(paid, { unit: 'dollars' as never }), /query 'paid' .*unit/);
  await assert.rejects(handle.executeUpdate(addItem, { args: [{ sku: 'b', quantity: 1.5 }] }), /update 'addItem' .*quantity/);
  const { events } = await handle.fetchHistory();
  assert.ok(!events.some(({ workflowExecutionSignaledEventAttributes: signal }) => signal !== undefined));
});

test('from a caller that does not know the schema: a start fails, an update is rejected, a signal is dropped and logged', async () => {
  await using env = await environment();
  const failed = await env.start('order', { args: [{ id: 7 }] }).then((started) => started.result()).catch((error: unknown) => error);
  assert.ok(failed instanceof WorkflowFailedError && failed.cause instanceof ApplicationFailure);
  assert.equal(failed.cause.type, 'SchemaValidationError');
  assert.equal(failed.cause.nonRetryable, true);
  assert.match(failed.cause.message, /id: .*items: /);
  const [issues] = failed.cause.details ?? [];
  assert.deepEqual((issues as { path: string }[]).map(({ path }) => path), ['id', 'items']);

  const handle = await env.start(order, { args: [good] });
  await handle.signal('pay', { amount: 'much' });
  await handle.signal('pay', { amount: 5 });
  assert.equal(await handle.query('paid', { unit: 'cents' }), '5', 'the bad signal changed nothing, the good one counts');
  assert.equal(entries.filter(({ message }) => /signal was dropped.*'pay'.*amount/.test(message)).length, 1);
  await assert.rejects(handle.query('paid', { unit: 1 }), /unit/);
  const rejected = await handle.executeUpdate('addItem', { args: [{ sku: 7 }] }).catch((error: unknown) => error);
  assert.ok(rejected instanceof WorkflowUpdateFailedError);
  assert.match(String(rejected.cause?.message), /update 'addItem' .*sku/);
  await assert.rejects(handle.executeUpdate(addItem, { args: [{ sku: 'b', quantity: 11 }] }), (error: unknown) => {
    assert.match(String((error as Error).cause), /at most 10/, "the user's validator comes after the schema");
    return true;
  });
  const { events } = await handle.fetchHistory();
  assert.ok(!events.some(({ workflowExecutionUpdateAcceptedEventAttributes: accepted }) => accepted !== undefined));
});

test('an asynchronous schema is refused in workflow code, and nothing is lost', async () => {
  await using env = await environment();
  const handle = await env.start(order, { args: [good] });
  await assert.rejects(handle.executeUpdate(slow, { args: ['x'] }), (error: unknown) => {
    assert.match(String((error as Error).cause), /update 'slow' has an asynchronous schema \(zod\)/);
    return true;
  });
});

test('a result that does not fit is a bug in the code: the workflow task fails, not the workflow', async () => {
  await using env = await environment();
  const handle = await env.start(order, { args: [good] });
  void handle.executeUpdate(broken).catch(() => undefined);
  const taskFailure = async (): Promise<string | undefined> => {
    const { events } = await handle.fetchHistory();
    const failure = events.map(({ workflowTaskFailedEventAttributes: failed }) => failed?.failure).find((failed) => failed !== undefined);
    return failure && Failure.decode(failure).message;
  };
  let message: string | undefined;
  while ((message = await taskFailure()) === undefined) await env.sleep(100);
  assert.match(message, /The output of update 'broken' does not fit its schema/);
  assert.equal((await handle.describe()).status.name, 'RUNNING');
  await handle.terminate();
});

test('children and activities are checked too', async () => {
  await using env = await environment();
  const [child, input, output, fine] = await env.run(caller, {});
  assert.match(child ?? '', /^SchemaValidationError true The input of workflow 'order' .*items: /);
  assert.match(input ?? '', /^SchemaValidationError true The input of activity 'price' .*sku: /);
  assert.match(output ?? '', /^SchemaValidationError false The output of activity 'breaks' .*price: /);
  assert.equal(fine, 'x 7 EUR');
});

test('any library that follows Standard Schema will do', () => {
  const even: StandardSchema<number, string> = {
    '~standard': {
      version: 1,
      vendor: 'handmade',
      validate: (value) => (Number(value) % 2 === 0 ? { value: String(value) } : { issues: [{ message: 'must be even', path: [{ key: 'n' }, 0] }] }),
    },
  };
  const signal = defineSignal({ name: 'even', input: even });
  assert.equal(signal.name, 'even');
  assert.throws(() => defineUpdate({ name: '', input: even }), /needs a name/);
  assert.throws(() => defineActivity({ input: z.string() }, async () => 1), /has no name/);
});
