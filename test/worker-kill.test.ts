/** SIGKILL of a worker: in the middle of an activity, and in the middle of a workflow task. Another worker goes on where it was. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from 'perdure/client';
import { ServerProcess } from './crash/server-process.js';

const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'crash/worker-process.js');

async function startWorker(address: string, workflows: string, log: string, hangInStep: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [script, address, workflows, log, String(hangInStep)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', () => resolve());
    child.once('exit', (code) => reject(new Error(`the worker ended with code ${code}`)));
  });
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

interface Scene {
  readonly server: ServerProcess;
  readonly client: Client;
  readonly log: string;
}

async function scene(run: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-worker-kill-'));
  await using server = new ServerProcess(path.join(folder, 'dev.db'));
  await server.start();
  const connection = await Connection.connect({ address: server.address });
  const log = path.join(folder, 'log');
  fs.writeFileSync(log, '');
  await run({ server, client: new Client({ connection }), log });
  await connection.close();
}

const executions = (log: string) => fs.readFileSync(log, 'utf8').trim().split('\n');

test('a worker killed in the middle of an activity: the attempt times out, completed steps are not run again', async () => {
  await scene(async ({ server, client, log }) => {
    const first = await startWorker(server.address, 'workflows.js', log, 2);
    const handle = await client.workflow.start('steps', { taskQueue: 'killed-worker', workflowId: 'mid-activity', args: [] });
    while (!executions(log).includes('2 1')) await delay(10);
    await kill(first);
    const second = await startWorker(server.address, 'workflows.js', log, 0);
    assert.deepEqual(await handle.result(), [1, 2, 3]);
    await kill(second);
    assert.deepEqual(executions(log), ['1 1', '2 1', '2 2', '3 1']);
  });
});

test('a worker killed in the middle of a workflow task: the task times out and another worker takes it', async () => {
  await scene(async ({ server, client, log }) => {
    const stuck = await startWorker(server.address, 'slow-workflows.js', log, 0);
    const handle = await client.workflow.start('steps', { taskQueue: 'killed-worker', workflowId: 'mid-task', workflowTaskTimeout: '1s', args: [] });
    const started = async () => ((await handle.fetchHistory()).events ?? []).some((event) => event.workflowTaskStartedEventAttributes !== undefined);
    while (!(await started())) await delay(10);
    await kill(stuck);
    const second = await startWorker(server.address, 'workflows.js', log, 0);
    assert.deepEqual(await handle.result(), [1, 2, 3]);
    await kill(second);
    const { events } = await handle.fetchHistory();
    assert.ok((events ?? []).some((event) => event.workflowTaskTimedOutEventAttributes !== undefined), 'the lost task is in the history');
  });
});
