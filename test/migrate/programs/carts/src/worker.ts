import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import * as activities from './activities.js';
import { settings } from './connection.js';

Runtime.install({ logger: new DefaultLogger('ERROR') });
const connection = await NativeConnection.connect(settings.connectionOptions);
const worker = await Worker.create({
  connection,
  namespace: settings.namespace,
  taskQueue: 'carts',
  workflowsPath: fileURLToPath(new URL('./workflows.js', import.meta.url)),
  activities,
  maxCachedWorkflows: 2,
});
await worker.run();
await connection.close();
