/**
 * One batch operation on very many executions: `batch.js FILE COUNT [OPERATIONS_PER_SECOND]`.
 *
 * COUNT workflow executions are started in an engine in this process, on the file; then a batch operation terminates them all, at the given
 * rate (0, the default: as fast as it can). Told is how many executions a second it ends, the longest time for which the engine did nothing
 * else, and how long a client's start takes meanwhile: a batch must not stop the server. Prints one line of JSON.
 */
import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { BatchOperationState, WorkflowService } from '#perdure/protocol/index';
import { openEngine, type Engine } from 'perdure/server';
import type { BatchResult } from './batch-result.js';

const [filename, countText, rateText = '0'] = process.argv.slice(2) as [string, string, string?];
const count = Number(countText);
const namespace = 'default';
const AT_ONCE = 500;
const ASK_EVERY_MS = 20;

const start = (engine: Engine, workflowId: string, type: string): Promise<unknown> =>
  engine.transport.call(WorkflowService.StartWorkflowExecution, { namespace, workflowId, requestId: workflowId, workflowType: { name: type }, taskQueue: { name: 'nobody' } });

/** How long starts take, one after the other, until `ended` says so. */
async function ask(engine: Engine, ended: () => boolean): Promise<number[]> {
  const latencies: number[] = [];
  while (!ended()) {
    const from = performance.now();
    await start(engine, randomUUID(), 'asked');
    latencies.push(performance.now() - from);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
  return latencies.sort((a, b) => a - b);
}

async function ended(engine: Engine, jobId: string): Promise<number> {
  for (;;) {
    const { state, completeOperationCount } = await engine.transport.call(WorkflowService.DescribeBatchOperation, { namespace, jobId });
    if (state !== BatchOperationState.RUNNING) return completeOperationCount;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

await using engine = await openEngine({ filename, limits: { batchOperationsPerSecond: Number(rateText) } });
for (let done = 0; done < count; done += AT_ONCE) {
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - done) }, (_, index) => start(engine, `w${done + index}`, 'swept')));
}
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const from = performance.now();
const cpu = process.cpuUsage();
await engine.transport.call(WorkflowService.StartBatchOperation, { namespace, jobId: 'job', reason: 'bench', visibilityQuery: "WorkflowType = 'swept'", terminationOperation: {} });
let isEnded = false;
const asked = ask(engine, () => isEnded);
const terminated = await ended(engine, 'job');
const seconds = (performance.now() - from) / 1000;
const { user, system } = process.cpuUsage(cpu);
isEnded = true;
const latencies = await asked;
if (terminated !== count) throw new Error(`${terminated} of ${count} executions were terminated`);
const at = (quantile: number): number => Math.round((latencies[Math.floor(latencies.length * quantile)] ?? 0) * 10) / 10;
const result: BatchResult = {
  count,
  perSecond: Math.round(count / seconds),
  cpuMsPer1000: Math.round((user + system) / count),
  longestDelayMs: Math.round(delay.max / 1e6),
  startP50Ms: at(0.5),
  startP99Ms: at(0.99),
};
console.log(JSON.stringify(result));
