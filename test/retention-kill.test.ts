/** A real server process is killed in the middle of a sweep of expired runs, and of the removal of a namespace: after its start it goes on. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { OperatorService, WorkflowService } from '#perdure/protocol/index';
import { openSqliteStore } from '#perdure/store/index';
import { connectGrpc } from '#perdure/transport/grpc-client';
import type { Transport } from '#perdure/transport/transport';
import { ServerProcess } from './crash/server-process.js';

const NAMESPACE = 'orders';
const RUNS = 600;
const DAY_MS = 86_400_000;

interface Site extends AsyncDisposable {
  readonly server: ServerProcess;
  readonly filename: string;
  readonly transport: Transport;
  readonly namespaceId: string;
}

/** A server with a namespace of runs of which none is closed. */
async function open(): Promise<Site> {
  const filename = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-retention-')), 'dev.db');
  const server = new ServerProcess(filename, ['--dynamic-config-value', 'system.namespaceMinRetentionLocal="1ms"']);
  await server.start();
  const transport = await connectGrpc({ address: server.address });
  await transport.call(WorkflowService.RegisterNamespace, { namespace: NAMESPACE, workflowExecutionRetentionPeriod: DAY_MS });
  const { namespaceInfo } = await transport.call(WorkflowService.DescribeNamespace, { namespace: NAMESPACE });
  const starts = Array.from({ length: RUNS }, (_, n) => ({ namespace: NAMESPACE, workflowId: `w${n}`, requestId: `w${n}`, workflowType: { name: 'any' }, taskQueue: { name: 'any' } }));
  await Promise.all(starts.map((start) => transport.call(WorkflowService.StartWorkflowExecution, start)));
  const close = async (): Promise<void> => {
    await transport.close();
    await server[Symbol.asyncDispose]();
    fs.rmSync(path.dirname(filename), { recursive: true, force: true });
  };
  return { server, filename, transport, namespaceId: namespaceInfo?.id ?? '', [Symbol.asyncDispose]: close };
}

async function eventually(what: string, ask: () => Promise<boolean>): Promise<void> {
  for (let left = 1_500; left > 0; left--) {
    if (await ask()) return;
    await delay(20);
  }
  assert.fail(`${what} did not come`);
}

/** How many machines of a kind are in the file of a server that has stopped. */
async function stored(filename: string, kind: string, namespace: string): Promise<number> {
  const store = await openSqliteStore({ filename });
  try {
    return (await store.machines({ kind, namespace }, { limit: RUNS + 1 })).items.length;
  } finally {
    await store.close();
  }
}

test('expired runs that a killed server had not come to go after its start, and the others stay', async () => {
  await using site = await open();
  const { server, transport } = site;
  const execution = { workflowId: 'w0', runId: '' };
  const terminate = (n: number) => transport.call(WorkflowService.TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: `w${n}`, runId: '' } });
  await Promise.all(Array.from({ length: RUNS - 1 }, (_, n) => terminate(n + 1)));
  const count = async (): Promise<number> => (await transport.call(WorkflowService.CountWorkflowExecutions, { namespace: NAMESPACE })).count;
  // In memory they are told one by one, from the file they go in pages: both are to be seen.
  for (const restart of [false, true]) {
    if (restart) {
      await server.kill();
      await server.start();
    }
    await transport.call(WorkflowService.UpdateNamespace, { namespace: NAMESPACE, config: { workflowExecutionRetentionTtl: restart ? 1 : DAY_MS / 2 } });
  }
  await eventually('the first page', async () => (await count()) < RUNS);
  await server.kill();
  await server.start();
  await eventually('the rest', async () => (await count()) === 1);
  const { workflowExecutionInfo } = await transport.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution });
  assert.equal(workflowExecutionInfo?.historyLength, 2);
  await server.stop();
  assert.equal(await stored(site.filename, 'workflow', site.namespaceId), 1);
});

test('a namespace whose removal was cut off by kills is gone in the end, with all that was in it', async () => {
  await using site = await open();
  const { server, transport } = site;
  const { deletedNamespace } = await transport.call(OperatorService.DeleteNamespace, { namespace: NAMESPACE });
  assert.equal(deletedNamespace, `${NAMESPACE}-deleted-${site.namespaceId.slice(0, 5)}`);
  const names = async (): Promise<string[]> => {
    const { namespaces } = await transport.call(WorkflowService.ListNamespaces, { namespaceFilter: { includeDeleted: true } });
    return namespaces.map(({ namespaceInfo }) => namespaceInfo?.name ?? '');
  };
  let kills = 0;
  for (let lifeMs = 1; (await names()).includes(deletedNamespace); lifeMs *= 3) {
    await delay(lifeMs);
    await server.kill();
    kills += 1;
    await server.start();
  }
  assert.ok(kills > 0, 'it was killed while there was something left');
  assert.deepEqual(await names(), ['default']);
  await transport.call(WorkflowService.RegisterNamespace, { namespace: NAMESPACE, workflowExecutionRetentionPeriod: DAY_MS });
  assert.equal((await transport.call(WorkflowService.CountWorkflowExecutions, { namespace: NAMESPACE })).count, 0);
  await server.stop();
  assert.equal(await stored(site.filename, 'workflow', site.namespaceId), 0);
  assert.equal(await stored(site.filename, 'namespace', ''), 2);
});
