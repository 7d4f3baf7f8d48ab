/**
 * What runs cost that a worker keeps in memory: `cached.js SDK ADDRESS COUNT`, with `--expose-gc`.
 *
 * Worker and client in one process. Each run has done an activity and waits for a signal. Memory is read after a garbage collection, before
 * the runs and with all of them: the difference is theirs.
 */
import * as activities from './activities.js';
import { asBenchClient, loadClient, loadWorker, workflowsFor, type SdkName } from './sdk.js';

export interface CachedResult {
  readonly cached: number;
  /** Resident memory of the process with all runs, in MiB. */
  readonly residentMb: number;
  /** What the runs added to it. */
  readonly addedMb: number;
  /** What they added to the JavaScript heap. */
  readonly addedHeapMb: number;
}

const [sdk, address, countText] = process.argv.slice(2) as [SdkName, string, string];
const count = Number(countText);
const { DefaultLogger, NativeConnection, Runtime, Worker } = await loadWorker(sdk);
const { Client, Connection } = await loadClient(sdk);
Runtime.install({ logger: new DefaultLogger('WARN') });
const connection = await NativeConnection.connect({ address });
const taskQueue = `bench-cached-${process.hrtime.bigint()}`;
const worker = await Worker.create({ connection, taskQueue, workflowsPath: workflowsFor(sdk), activities, maxCachedWorkflows: count + 1_000, maxConcurrentWorkflowTaskExecutions: 200 });
const running = worker.run();
const clientConnection = await Connection.connect({ address });
const client = asBenchClient(new Client({ connection: clientConnection }));

await park(200, 'warm-up');
const before = memory();
await park(count, 'cached');
const after = memory();
const mb = (bytes: number): number => bytes / 2 ** 20;
const result: CachedResult = {
  cached: worker.getStatus().numCachedWorkflows,
  residentMb: mb(after.rss),
  addedMb: mb(after.rss - before.rss),
  addedHeapMb: mb(after.heapUsed - before.heapUsed),
};
console.log(JSON.stringify(result));
await clientConnection.close();
worker.shutdown();
await running;
await connection.close();

/** Starts runs and waits until each of them waits for its signal. */
async function park(runs: number, prefix: string): Promise<void> {
  const already = worker.getStatus().numCachedWorkflows;
  let next = 0;
  const starter = async (): Promise<void> => {
    while (next < runs) await client.start('parked', { taskQueue, workflowId: `${prefix}-${next++}-${taskQueue}` });
  };
  await Promise.all(Array.from({ length: 32 }, starter));
  for (;;) {
    const { numCachedWorkflows, numInFlightActivities, numInFlightWorkflowActivations } = worker.getStatus();
    if (numCachedWorkflows >= already + runs && numInFlightActivities + numInFlightWorkflowActivations === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000));
}

function memory(): NodeJS.MemoryUsage {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage();
}
