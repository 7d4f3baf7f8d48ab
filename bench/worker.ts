/** The worker process: `worker.js SDK ADDRESS TASK_QUEUE`. Prints `ready`, works until it is told to stop. */
import * as activities from './activities.js';
import { loadWorker, workflowsFor, type SdkName } from './sdk.js';

const [sdk, address, taskQueue] = process.argv.slice(2) as [SdkName, string, string];
const { DefaultLogger, NativeConnection, Runtime, Worker } = await loadWorker(sdk);
Runtime.install({ logger: new DefaultLogger('WARN') });
const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  taskQueue,
  workflowsPath: workflowsFor(sdk),
  activities,
  maxConcurrentWorkflowTaskExecutions: 200,
  maxConcurrentActivityTaskExecutions: 200,
});
console.log('ready');
await worker.run();
await connection.close();
