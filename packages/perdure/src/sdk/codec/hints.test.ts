/**
 * Hints of types: what definitions, functions and calls say of their values brings classes through the default converter, and picks the
 * converter that knows them, on every way there is. Both sides say it; a side that does not gets plain data or an error that says so.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '../../testing/index.js';
import { activityInfo, CompleteAsyncError, setActivityOptions } from '../activity/index.js';
import { defaultPayloadConverter, fromPayloadWithTypeInfo, RawValue, rawValueTypeInfo, toPayloadWithTypeInfo, type DataConverter } from '../common/index.js';
import { Worker } from '../worker/index.js';
import { Money, money, payloadConverter, turned } from './testing-hints.js';
import { account, balance, deposit, parent, spend } from './testing-hints-workflows.js';

const dataConverter: DataConverter = { payloadConverterPath: fileURLToPath(new URL('./testing-hints.js', import.meta.url)) };
const workflowsPath = fileURLToPath(new URL('./testing-hints-workflows.js', import.meta.url));

async function double(amount: Money, by: string): Promise<Money> {
  assert.equal(by, 'two');
  return amount.plus(amount);
}
setActivityOptions({ typeInfo: { inputTypes: [money, turned], outputType: money } }, double);

const cents = (amount: unknown): bigint => {
  assert.ok(amount instanceof Money, `not Money but ${typeof amount}`);
  return amount.cents;
};

async function environment() {
  const env = await TestWorkflowEnvironment.create({ dataConverter });
  const leftOpen = async () => {
    const { activityId } = activityInfo();
    setImmediate(() => void env.client.activity.complete({ activityId }, new Money(9n), { typeInfo: { outputType: money } }));
    throw new CompleteAsyncError();
  };
  const worker = await Worker.create({ connection: env.nativeConnection, taskQueue: 'q', workflowsPath, activities: { double, leftOpen }, dataConverter });
  return { env, worker, [Symbol.asyncDispose]: () => env[Symbol.asyncDispose]() };
}

test('by definitions: arguments, results, signals, queries, updates, activities, local activities, continue-as-new', { timeout: 60_000 }, async () => {
  await using t = await environment();
  const { client } = t.env;
  await t.worker.runUntil(async () => {
    const handle = await client.workflow.start(account, { args: [new Money(100n), 1], taskQueue: 'q', workflowId: 'w' });
    assert.equal(cents(await handle.executeUpdate(spend, { args: [new Money(1n)] })), 99n);
    const latest = client.workflow.getHandle<typeof account>('w', undefined, { typeInfo: { outputType: money } });
    assert.equal(cents(await latest.query(balance, new Money(3n))), 102n);
    await latest.signal(deposit, new Money(2n), 'Ada');
    assert.equal(cents(await handle.result()), 404n);
    assert.equal(cents(await latest.result()), 404n);
    const { events } = await latest.fetchHistory();
    const signal = events.find((event) => event.workflowExecutionSignaledEventAttributes)?.workflowExecutionSignaledEventAttributes?.input;
    assert.ok(Buffer.from(signal!).includes('text/turned') && Buffer.from(signal!).includes('adA'), 'the converter of the hint was not used');
  });
});

test('by calls: workflows, signals, queries and updates that are named by text', { timeout: 60_000 }, async () => {
  await using t = await environment();
  const { client } = t.env;
  await t.worker.runUntil(async () => {
    const typeInfo = { inputTypes: [money], outputType: money };
    const signalTypeInfo = { inputTypes: [money, turned] };
    const handle = await client.workflow.signalWithStart('account', { args: [new Money(1n), 0], taskQueue: 'q', workflowId: 'w', typeInfo, signal: 'deposit', signalArgs: [new Money(1n), 'nobody'], signalTypeInfo });
    assert.equal(cents(await handle.executeUpdate('spend', { args: [new Money(1n)], typeInfo })), 1n);
    const update = await handle.startUpdate('spend', { args: [new Money(0n)], typeInfo, waitForStage: 'ACCEPTED' });
    assert.equal(cents(await handle.getUpdateHandle(update.updateId, { typeInfo }).result()), 1n);
    assert.equal(cents(await handle.queryWithOptions('balance', { args: [new Money(1n)], typeInfo })), 2n);
    await handle.signalWithOptions('deposit', { args: [new Money(1n), 'Ada'], typeInfo: signalTypeInfo });
    assert.equal(cents(await handle.result()), 8n);
    // Who names no type gets what travels.
    assert.equal(await client.workflow.getHandle('w').result(), '8');
  });
});

test('between workflows, and activities without one', { timeout: 60_000 }, async () => {
  await using t = await environment();
  const { client } = t.env;
  await t.worker.runUntil(async () => {
    assert.deepEqual(await client.workflow.execute(parent, { taskQueue: 'q', workflowId: 'p' }), ['12', '60']);
    const options = { taskQueue: 'q', startToCloseTimeout: '1 minute' } as const;
    assert.equal(cents(await client.activity.execute(double, { ...options, id: 'a', args: [new Money(4n), 'two'] })), 8n);
    assert.equal(cents(await client.activity.execute('leftOpen', { ...options, id: 'o', typeInfo: { outputType: money } })), 9n);
    assert.equal(cents(await client.activity.getHandleWithOptions('o', { typeInfo: { outputType: money } }).result()), 9n);
  });
});

test('hints beside a definition that has its own are refused', async () => {
  await using env = await TestWorkflowEnvironment.create();
  const typeInfo = { inputTypes: [money] };
  const start = { args: [new Money(1n), 0] as [Money, number], taskQueue: 'q', workflowId: 'w' };
  await assert.rejects(env.client.workflow.start(account, { ...start, typeInfo }), /defineWorkflowOptions\(account/);
  const handle = env.client.workflow.getHandle('w');
  await assert.rejects(handle.executeUpdate(spend, { args: [new Money(1n)], typeInfo }), /type hints of 'spend' with its definition/);
  await assert.rejects(env.client.workflow.signalWithStart(account, { ...start, signal: deposit, signalArgs: [new Money(1n), 'x'], signalTypeInfo: typeInfo }), /type hints of 'deposit'/);
});

test('a converter that does not know a hint refuses the value and the payload', () => {
  assert.throws(() => toPayloadWithTypeInfo(defaultPayloadConverter, 'text', undefined, turned), /No payload converter takes a value with the hint 'turned'/);
  assert.throws(() => fromPayloadWithTypeInfo(payloadConverter, payloadConverter.toPayload('plain'), undefined, turned), /encoding 'json\/plain' does not know the hint 'turned'/);
  const payload = toPayloadWithTypeInfo(payloadConverter, 'text', undefined, turned);
  assert.equal(fromPayloadWithTypeInfo(payloadConverter, payload, undefined, turned), 'text');
  assert.throws(() => toPayloadWithTypeInfo(defaultPayloadConverter, 5 as never, undefined, money), /not Money/);
});

test('raw values pass converters by', () => {
  const raw = new RawValue({ any: 'thing' });
  const refusing = { toPayload: () => assert.fail('converted'), fromPayload: () => assert.fail('converted') };
  const payload = toPayloadWithTypeInfo(refusing, raw, undefined, rawValueTypeInfo);
  assert.deepEqual(fromPayloadWithTypeInfo(refusing, payload, undefined, rawValueTypeInfo).payload, raw.payload);
  assert.throws(() => toPayloadWithTypeInfo(refusing, 'text' as never, undefined, rawValueTypeInfo), /must be a RawValue/);
});
