/**
 * SIGKILL of the real server in the middle of a batch operation, again and again: when the job is through, every execution has been told
 * exactly once, and the job has counted each once.
 *
 * PERDURE_BATCH_EXECUTIONS: how many executions (default 1,500). PERDURE_BATCH_SEED: the moments of the kills.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BatchOperationState, EventType, History, RpcError, WorkflowService, type DescribeBatchOperationResponse, type HistoryEvent, type Init, type Method, type StartBatchOperationRequest } from '#perdure/protocol/index';
import { connectGrpc } from '#perdure/transport/grpc-client';
import { ServerProcess } from './crash/server-process.js';

const count = Number(process.env['PERDURE_BATCH_EXECUTIONS'] ?? 1_500);
const seed = Number(process.env['PERDURE_BATCH_SEED'] ?? Date.now() % 1_000_000);
/** The job would take a second and a half if it were left alone. */
const RATE = Math.ceil(count / 1.5);
const KILLS = 4;
const AT_ONCE = 250;
const namespace = 'default';
const PATIENCE_MS = 60_000;

let state = seed >>> 0;
const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;

/** Calls a server that comes and goes, until it answers. */
async function insist<Request, Response>(server: ServerProcess, method: Method<Request, Response>, request: Init<Request>): Promise<Response> {
  for (const until = performance.now() + PATIENCE_MS; ; await delay(20)) {
    try {
      const transport = await connectGrpc({ address: server.address });
      try {
        return await transport.call(method, request, { timeoutMs: 10_000 });
      } finally {
        await transport.close();
      }
    } catch (error) {
      const passes = error instanceof RpcError && (error.code === 14 || error.code === 1 || error.code === 4);
      if (!passes || performance.now() > until) throw error;
    }
  }
}

async function inBursts(total: number, each: (index: number) => Promise<unknown>): Promise<void> {
  for (let done = 0; done < total; done += AT_ONCE) await Promise.all(Array.from({ length: Math.min(AT_ONCE, total - done) }, (_, index) => each(done + index)));
}

/** Kills the server while the job is under way; returns how often that was so, and how the job ended. */
async function runUnderFire(server: ServerProcess, jobId: string, request: Init<StartBatchOperationRequest>): Promise<{ readonly kills: number; readonly job: DescribeBatchOperationResponse }> {
  await insist(server, WorkflowService.StartBatchOperation, { namespace, jobId, reason: 'test', ...request });
  let kills = 0;
  for (;;) {
    await delay(50 + random() * (1_000 / KILLS));
    const job = await insist(server, WorkflowService.DescribeBatchOperation, { namespace, jobId });
    if (job.state !== BatchOperationState.RUNNING) return { kills, job };
    if (kills >= KILLS) continue;
    await server.kill();
    await server.start();
    kills += 1;
  }
}

test('a batch operation survives SIGKILL and does nothing twice', { timeout: 5 * 60_000 }, async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-batch-'));
  t.diagnostic(`PERDURE_BATCH_SEED=${seed}`);
  await using server = new ServerProcess(path.join(folder, 'batch.db'), ['--dynamic-config-value', `worker.batcherRPS=${RATE}`]);
  await server.start();
  {
    const transport = await connectGrpc({ address: server.address });
    await inBursts(count, (index) =>
      transport.call(WorkflowService.StartWorkflowExecution, { namespace, workflowId: `w${index}`, requestId: `w${index}`, workflowType: { name: 'swept' }, taskQueue: { name: 'nobody' } }),
    );
    await transport.close();
  }
  const visibilityQuery = "WorkflowType = 'swept'";
  const signaled = await runUnderFire(server, 'signal', { visibilityQuery, signalOperation: { signal: 'once' } });
  const terminated = await runUnderFire(server, 'terminate', { visibilityQuery, terminationOperation: {} });
  t.diagnostic(`${signaled.kills} kills while signals were sent, ${terminated.kills} while executions were terminated`);
  assert.ok(signaled.kills > 0 && terminated.kills > 0, 'the server was killed in the middle');
  for (const { job } of [signaled, terminated]) {
    const { state: ended, totalOperationCount, completeOperationCount, failureOperationCount } = job;
    assert.deepEqual([ended, totalOperationCount, completeOperationCount, failureOperationCount], [BatchOperationState.COMPLETED, count, count, 0]);
  }
  const transport = await connectGrpc({ address: server.address });
  await inBursts(count, async (index) => {
    const { history } = await transport.call(WorkflowService.GetWorkflowExecutionHistory, { namespace, execution: { workflowId: `w${index}` } });
    const events: readonly HistoryEvent[] = history === undefined ? [] : History.decode(history).events;
    const types = events.map(({ eventType }) => eventType).filter((type) => type !== EventType.WORKFLOW_TASK_SCHEDULED);
    assert.deepEqual(types, [EventType.WORKFLOW_EXECUTION_STARTED, EventType.WORKFLOW_EXECUTION_SIGNALED, EventType.WORKFLOW_EXECUTION_TERMINATED], `w${index}`);
  });
  await transport.close();
  await server.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});
