/** Histories leave a server as JSON, one by one or all that a query finds, and replay from there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startServer } from '../server/index.js';
import { Client, Connection, type ListedHistory } from '../sdk/client/index.js';
import { Worker } from '../sdk/worker/index.js';
import { historyFromJson, historyToJson, readHistoryFile, Replayer, TestEnvironment } from './index.js';
import * as activities from './test-activities.js';
import { order } from './test-workflows.js';

const run = promisify(execFile);
const workflowsPath = fileURLToPath(new URL('./test-workflows.js', import.meta.url));
const cli = fileURLToPath(new URL('../../bin/perdure.js', import.meta.url));

test('the histories that a query finds come in the order of the list, and replay after a way through JSON', async () => {
  await using env = await TestEnvironment.create({ startTime: 0 });
  await env.worker({ workflowsPath, activities });
  const ids = ['a', 'b/c', 'ü?', 'd', 'e', 'f', 'g'];
  for (const workflowId of ids) await env.run(order, { args: [workflowId], workflowId });
  const listed: string[] = [];
  for await (const { workflowId } of env.client.workflow.list()) listed.push(workflowId);
  const found: ListedHistory[] = [];
  for await (const history of env.client.workflow.list({ pageSize: 3 }).intoHistories({ concurrency: 2, bufferLimit: 4 })) found.push(history);
  assert.deepEqual(found.map(({ workflowId }) => workflowId), listed);
  assert.equal(listed.length, ids.length);
  const copies = found.map(({ workflowId, history }) => ({ workflowId, history: historyFromJson(historyToJson(history)) }));
  assert.deepEqual(copies.map(({ history }) => historyToJson(history)), found.map(({ history }) => historyToJson(history)), 'nothing is lost on the way');
  await using replayer = await Replayer.create({ workflowsPath });
  assert.deepEqual((await replayer.replayAll(copies)).map(({ outcome }) => outcome), ids.map(() => 'replayed'));
});

test('options that make no sense are refused, and a consumer that stops ends it', async () => {
  await using env = await TestEnvironment.create({ startTime: 0 });
  await env.worker({ workflowsPath, activities });
  for (const workflowId of ['a', 'b', 'c']) await env.run(order, { args: [workflowId], workflowId });
  const first = env.client.workflow.list().intoHistories({ concurrency: 0 })[Symbol.asyncIterator]();
  await assert.rejects(first.next(), RangeError);
  const seen: string[] = [];
  for await (const { workflowId } of env.client.workflow.list().intoHistories({ concurrency: 1 })) {
    seen.push(workflowId);
    break;
  }
  assert.equal(seen.length, 1);
});

test('the command line writes a file for each run, which it can replay', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'perdure-export-'));
  try {
    await using server = await startServer({ ephemeral: true, port: 0 });
    const connection = await Connection.connect({ address: server.address });
    const client = new Client({ connection });
    const worker = await Worker.create({ connection, workflowsPath, activities, taskQueue: 'q' });
    await worker.runUntil(async () => {
      for (const workflowId of ['first', 'second/part']) await client.workflow.execute(order, { args: [workflowId], workflowId, taskQueue: 'q' });
    });
    await connection.close();
    const files = path.join(folder, 'out');
    const { stdout } = await run(process.execPath, [cli, 'workflow', 'export', '--address', server.address, '--query', "WorkflowType = 'order'", '--output-dir', files]);
    assert.match(stdout, /^2 histories in /);
    const written = readdirSync(files).map((name) => readHistoryFile(path.join(files, name)).history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId);
    assert.deepEqual(written.sort(), ['first', 'second/part']);
    const replayed = await run(process.execPath, [cli, 'replay', '--workflows-path', workflowsPath, '--history', files]);
    assert.match(replayed.stdout, /2 histories: 2 replayed, 0 not/);
    const one = await run(process.execPath, [cli, 'workflow', 'export', '--address', server.address, '-w', 'first', '--output-dir', path.join(folder, 'one')]);
    assert.match(one.stdout, /^1 history in /);
    const none = run(process.execPath, [cli, 'workflow', 'export', '--address', server.address, '-q', "WorkflowType = 'none'", '--output-dir', path.join(folder, 'none')]);
    await assert.rejects(none, (error: { code?: number }) => error.code === 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
