/** What the world does to a server: disks fill up, clients vanish, ports and files are taken, requests are nonsense. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Code, RpcError, WorkflowService, type PollWorkflowTaskQueueResponse } from '#perdure/protocol/index';
import { connectGrpc } from '#perdure/transport/grpc-client';
import type { Transport } from '#perdure/transport/transport';
import { ServerProcess } from './crash/server-process.js';

const namespace = 'default';
let unique = 0;

function startRequest(workflowId: string, taskQueue: string, input?: Uint8Array) {
  return {
    namespace,
    workflowId,
    requestId: `request-${process.pid}-${unique++}`,
    workflowType: { name: 'any' },
    taskQueue: { name: taskQueue },
    ...(input && { input }),
  };
}

function codeOf(error: unknown): number {
  assert.ok(error instanceof RpcError, String(error));
  return error.code;
}

async function withServer(run: (server: ServerProcess, transport: Transport) => Promise<void>, folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-faults-'))): Promise<void> {
  await using server = new ServerProcess(path.join(folder, 'dev.db'));
  await server.start();
  const transport = await connectGrpc({ address: server.address });
  try {
    await run(server, transport);
  } finally {
    await transport.close();
  }
}

test('a full disk refuses writes with a retryable error, answers reads, and recovers when there is space', async (t) => {
  const mount = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-full-'));
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', mount]).status !== 0) return t.skip('mounting a small tmpfs needs root');
  try {
    await withServer(async (server, transport) => {
      const pid = server.pid;
      const ballast = path.join(mount, 'ballast');
      fs.writeFileSync(ballast, Buffer.alloc(10 * 1024 * 1024));
      const stored: string[] = [];
      const input = payloads(200_000);
      const refused = await (async () => {
        for (let i = 0; i < 100; i++) {
          try {
            await transport.call(WorkflowService.StartWorkflowExecution, startRequest(`full-${i}`, 'full', input));
            stored.push(`full-${i}`);
          } catch (error) {
            return error;
          }
        }
        return undefined;
      })();
      assert.equal(codeOf(refused), Code.UNAVAILABLE);
      assert.ok(stored.length > 0);
      const describe = (workflowId: string) => transport.call(WorkflowService.DescribeWorkflowExecution, { namespace, execution: { workflowId } });
      for (const workflowId of stored) assert.ok((await describe(workflowId)).workflowExecutionInfo);
      fs.rmSync(ballast);
      await transport.call(WorkflowService.StartWorkflowExecution, startRequest('after', 'full', input));
      assert.ok((await describe('after')).workflowExecutionInfo);
      for (const workflowId of stored) assert.ok((await describe(workflowId)).workflowExecutionInfo);
      assert.equal(server.pid, pid, 'the same process served throughout');
    }, mount);
  } finally {
    execFileSync('umount', ['-l', mount]);
  }
});

test('a disk that is full at the start is said so, with an exit code, and nothing is changed', async (t) => {
  const mount = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-full-start-'));
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mount]).status !== 0) return t.skip('mounting a small tmpfs needs root');
  try {
    fs.writeFileSync(path.join(mount, 'ballast'), Buffer.alloc(60_000));
    const server = new ServerProcess(path.join(mount, 'dev.db'));
    await assert.rejects(server.start(), /the server ended \(1\).*no space left/s);
    assert.ok(!fs.existsSync(path.join(mount, 'dev.db')));
  } finally {
    execFileSync('umount', ['-l', mount]);
  }
});

/** A `Payloads` with one payload of so many bytes, on the wire. */
function payloads(bytes: number): Uint8Array {
  const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
  const data = Buffer.concat([Buffer.from([0x12, ...varint(bytes)]), Buffer.alloc(bytes, 1)]);
  return Buffer.concat([Buffer.from([0x0a, ...varint(data.length)]), data]);
}

test('a client that vanishes in a long poll takes no task with it', async () => {
  await withServer(async (server, transport) => {
    for (let round = 0; round < 20; round++) {
      const taskQueue = `vanish-${round}`;
      const gone = await connectGrpc({ address: server.address });
      const abandoned = gone.call(WorkflowService.PollWorkflowTaskQueue, { namespace, taskQueue: { name: taskQueue }, identity: 'gone' }).catch(() => undefined);
      await delay(10);
      await gone.close();
      await abandoned;
      await delay(20); // the news of it travels
      const alive = transport.call(WorkflowService.PollWorkflowTaskQueue, { namespace, taskQueue: { name: taskQueue }, identity: 'alive' }, { timeoutMs: 20_000 });
      await transport.call(WorkflowService.StartWorkflowExecution, startRequest(`vanish-${round}`, taskQueue));
      const task: PollWorkflowTaskQueueResponse = await alive;
      assert.equal(task.attempt, 1);
      assert.ok(task.taskToken.byteLength > 0);
    }
  });
});

test('ten thousand open long polls, and the server still answers', async () => {
  await withServer(async (server, transport) => {
    const connections = await Promise.all([0, 1, 2, 3].map(() => connectGrpc({ address: server.address })));
    const stop = new AbortController();
    const polls = Array.from({ length: 10_000 }, (_, i) =>
      (connections[i % 4] as Transport)
        .call(WorkflowService.PollWorkflowTaskQueue, { namespace, taskQueue: { name: `many-${i % 100}` }, identity: 'many' }, { signal: stop.signal })
        .then(() => 'task', codeOf),
    );
    await transport.call(WorkflowService.StartWorkflowExecution, startRequest('among-many', 'many-7'));
    assert.equal(await Promise.race(polls), 'task');
    stop.abort();
    const outcomes = await Promise.all(polls);
    assert.equal(outcomes.filter((outcome) => outcome === 'task').length, 1);
    await transport.call(WorkflowService.GetSystemInfo, {});
    await Promise.all(connections.map((connection) => connection.close()));
  });
});

test('the same start sent twice is one workflow', async () => {
  await withServer(async (_, transport) => {
    const request = startRequest('twice', 'twice');
    const first = await transport.call(WorkflowService.StartWorkflowExecution, request);
    const second = await transport.call(WorkflowService.StartWorkflowExecution, request);
    assert.equal(second.runId, first.runId);
    const other = await transport.call(WorkflowService.StartWorkflowExecution, startRequest('twice', 'twice')).then(() => 0, codeOf);
    assert.equal(other, Code.ALREADY_EXISTS);
  });
});

test('a request of 5 MB is refused and the connection stays usable', async () => {
  await withServer(async (_, transport) => {
    const refused = await transport.call(WorkflowService.StartWorkflowExecution, startRequest('big', 'big', payloads(5_000_000))).then(() => 0, codeOf);
    assert.equal(refused, Code.RESOURCE_EXHAUSTED);
    const tooBig = await transport.call(WorkflowService.StartWorkflowExecution, startRequest('big', 'big', payloads(2_200_000))).then(() => 0, codeOf);
    assert.equal(tooBig, Code.INVALID_ARGUMENT);
    await transport.call(WorkflowService.GetSystemInfo, {});
  });
});
