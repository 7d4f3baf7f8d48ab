/**
 * How long a worker takes to start, without a build step: `worker-start.js SDK ADDRESS WORKFLOWS`, in a process of its own, as a deployment
 * starts it. It ends when the worker has done a first workflow, so nothing that is put off stays out of the count.
 */
import { loadClient, loadWorker, type SdkName } from './sdk.js';

/** Milliseconds since the process began, but for `firstRunMs`. */
export interface WorkerStart {
  readonly loadedMs: number;
  readonly connectedMs: number;
  /** The worker exists, and would poll. */
  readonly createdMs: number;
  /** From there to the end of a first workflow. */
  readonly firstRunMs: number;
  readonly residentMb: number;
}

const [sdk, address, workflowsPath] = process.argv.slice(2) as [SdkName, string, string];
const { DefaultLogger, NativeConnection, Runtime, Worker } = await loadWorker(sdk);
const loadedMs = performance.now();
Runtime.install({ logger: new DefaultLogger('ERROR') });
const connection = await NativeConnection.connect({ address });
const connectedMs = performance.now();
const taskQueue = `bench-start-${process.pid}`;
const worker = await Worker.create({ connection, taskQueue, workflowsPath, activities: { reserve: async () => 'r', charge: async () => 'c', ship: async () => 's' } });
const createdMs = performance.now();
const residentMb = process.memoryUsage.rss() / 2 ** 20;

const { Client, Connection } = await loadClient(sdk);
const clientConnection = await Connection.connect({ address });
const client = new Client({ connection: clientConnection });
const input = { id: 'o', lines: [{ sku: 's', quantity: 1, cents: 1 }], address: { street: 's', city: 'c', country: 'DE' }, email: 'a@example.com' };
await worker.runUntil(async () => {
  const running = performance.now();
  await client.workflow.execute('order20', { taskQueue, workflowId: taskQueue, args: [input] });
  const result: WorkerStart = { loadedMs, connectedMs, createdMs, firstRunMs: performance.now() - running, residentMb };
  console.log(JSON.stringify(result));
});
await clientConnection.close();
await connection.close();
