/** Limits can be set at the start and for one namespace, by name and by key, and a mistake is told. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Code, RpcError, WorkflowService } from '../protocol/index.js';
import { silentLogger } from '../ports/index.js';
import { SimulatedDisk } from '../store/simulated/simulated-disk.js';
import { SimulatedStore } from '../store/simulated/simulated-store.js';
import { openEngine } from './engine.js';
import { LIMIT_SECTIONS, readLimitSettings } from './limits.js';

const rows = LIMIT_SECTIONS.flatMap((section) => Object.entries(section.table));

async function code(call: Promise<unknown>): Promise<string> {
  const error = await call.then(() => undefined, (reason: unknown) => reason);
  if (error === undefined) return 'OK';
  assert.ok(error instanceof RpcError, String(error));
  return `${Object.entries(Code).find(([, value]) => value === error.code)?.[0]}: ${error.message}`;
}

test('names and keys are unique over all rooms, so that a setting means one thing', () => {
  const names = rows.map(([name]) => name);
  const keys = rows.map(([, limit]) => limit.key.toLowerCase());
  assert.equal(new Set(names).size, names.length);
  assert.equal(new Set(keys).size, keys.length);
  for (const [name, limit] of rows) {
    assert.ok(limit.default >= (limit.least ?? 0) && limit.default <= (limit.most ?? Infinity), name);
    if (limit.unit === 'ms') assert.match(name, /Ms$/);
    if (limit.unit === 'bytes') assert.match(name, /Bytes$/);
  }
});

test('every limit is read by the code: what is documented is enforced', () => {
  const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
  const code = ['machines', 'host', 'matching', 'frontend', 'http', 'server'].flatMap((room) =>
    fs
      .readdirSync(path.join(dist, room), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.js') && !/test|limits\.js$/.test(file))
      .map((file) => fs.readFileSync(path.join(dist, room, file), 'utf8')),
  );
  const unread = rows.map(([name]) => name).filter((name) => !code.some((text) => new RegExp(`\\b${name}\\b`).test(text)));
  assert.deepEqual(unread, []);
});

test('settings are read by the keys of the real server; durations as texts or seconds', () => {
  const { limits, unknown } = readLimitSettings([
    ['limit.blobSize.error', 1000],
    ['LIMIT.MAXIDLENGTH', 20],
    ['history.defaultWorkflowTaskTimeout', '1m30s'],
    ['history.longPollExpirationInterval', 5],
    ['limit.blobsize.eror', 1],
    ['frontend.workerVersioningWorkflowAPIs', true],
  ]);
  assert.deepEqual(limits, { blobSizeBytes: 1000, idLengthBytes: 20, defaultWorkflowTaskTimeoutMs: 90_000, historyLongPollMs: 5000 });
  assert.equal(unknown.length, 2);
  assert.match(unknown[0] ?? '', /"limit\.blobsize\.eror".*limit\.blobSize\.error/);
});

test('a value out of range is told with what is accepted', () => {
  assert.throws(() => readLimitSettings([['limit.maxIDLength', 0]]), /limit\.maxIDLength takes a whole number, of at least 1: 0 is none/);
  assert.throws(() => readLimitSettings([['limit.maxIDLength', 1.5]]), TypeError);
  assert.throws(() => readLimitSettings([['history.defaultWorkflowTaskTimeout', 'soon']]), /a duration, for example 10s/);
});

test('a server keeps to the limits that it was started with, and tells them', async () => {
  await using engine = await openEngine({ ephemeral: true, logger: silentLogger, limits: { blobSizeBytes: 1000, idLengthBytes: 20, memoSizeBytes: 500 } });
  const { transport } = engine;
  const start = { namespace: 'default', workflowId: 'w', workflowType: { name: 't' }, taskQueue: { name: 'q' } };
  assert.match(await code(transport.call(WorkflowService.StartWorkflowExecution, { ...start, workflowId: 'x'.repeat(21) })), /INVALID_ARGUMENT: WorkflowId exceeds length limit.*at most 20/);
  assert.match(await code(transport.call(WorkflowService.StartWorkflowExecution, { ...start, input: new Uint8Array(1001) })), /INVALID_ARGUMENT: Input exceeds size limit/);
  assert.equal(await code(transport.call(WorkflowService.StartWorkflowExecution, start)), 'OK');
  const { namespaceInfo } = await transport.call(WorkflowService.DescribeNamespace, { namespace: 'default' });
  assert.deepEqual({ ...namespaceInfo?.limits }, { ...namespaceInfo?.limits, blobSizeLimitError: 1000, memoSizeLimitError: 500 });
});

test('a namespace sets its own limits in its data, at once, and can take them back', async () => {
  await using engine = await openEngine({ ephemeral: true, logger: silentLogger, namespaces: ['other'] });
  const { transport } = engine;
  const start = (namespace: string, workflowId: string) =>
    code(transport.call(WorkflowService.StartWorkflowExecution, { namespace, workflowId, workflowType: { name: 't' }, taskQueue: { name: 'q' } }));
  const update = (data: Record<string, string>) =>
    code(transport.call(WorkflowService.UpdateNamespace, { namespace: 'other', updateInfo: { data: new Map(Object.entries(data)) } }));

  assert.equal(await update({ 'limit.maxIDLength': '5', 'history.maximumSignalsPerExecution': '1' }), 'OK');
  assert.match(await start('other', 'order-17'), /WorkflowId exceeds length limit/);
  assert.equal(await start('default', 'order-17'), 'OK', 'other namespaces are as before');
  assert.equal(await start('other', 'o-17'), 'OK');
  // A limit that the machine enforces.
  const signal = () =>
    code(transport.call(WorkflowService.SignalWorkflowExecution, { namespace: 'other', workflowExecution: { workflowId: 'o-17' }, signalName: 's' }));
  assert.equal(await signal(), 'OK');
  assert.match(await signal(), /INVALID_ARGUMENT: exceeded workflow execution limit for signal events/);

  assert.match(await update({ 'limit.maxIdLenght': '5' }), /INVALID_ARGUMENT: Namespace data: There is no setting "limit.maxIdLenght". Near ones: limit.maxIDLength/);
  assert.match(await update({ 'limit.maxIDLength': 'five' }), /takes a whole number/);
  assert.match(await update({ 'matching.waitingPolls': '5' }), /There is no setting/, 'what holds for the server cannot be set for a namespace');
  assert.equal(await update({ team: 'limit.maxIDLength' }), 'OK', 'other data is the user\'s own');
  assert.equal(await update({ 'limit.maxIDLength': '', 'history.maximumSignalsPerExecution': '' }), 'OK');
  assert.equal(await start('other', 'order-17'), 'OK');
  assert.equal(await signal(), 'OK');
});

test('what a namespace says holds after a restart', async () => {
  const disk = new SimulatedDisk();
  {
    await using engine = await openEngine({ store: new SimulatedStore({ disk }), logger: silentLogger });
    await engine.transport.call(WorkflowService.UpdateNamespace, { namespace: 'default', updateInfo: { data: new Map([['limit.maxIDLength', '5']]) } });
  }
  await using engine = await openEngine({ store: new SimulatedStore({ disk }), logger: silentLogger });
  const call = engine.transport.call(WorkflowService.StartWorkflowExecution, { namespace: 'default', workflowId: 'order-17', workflowType: { name: 't' }, taskQueue: { name: 'q' } });
  assert.match(await code(call), /WorkflowId exceeds length limit/);
});

test('a wrong name or value in the options is told before anything is opened', async () => {
  await assert.rejects(openEngine({ ephemeral: true, logger: silentLogger, limits: { ...JSON.parse('{"blobSize": 1}') } }), /There is no limit "blobSize"/);
  await assert.rejects(openEngine({ ephemeral: true, logger: silentLogger, limits: { idLengthBytes: 0 } }), /at least 1/);
});
