import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createActivities } from './activities.js';

Runtime.install({ logger: new DefaultLogger('ERROR') });
const options = { address: process.env['TEMPORAL_ADDRESS'] };
const namespace = process.env['TEMPORAL_NAMESPACE'];
const connection = await NativeConnection.connect(options);
const client = new Client({ connection: await Connection.connect(options), namespace });

/** The desk signs what it likes at once, by the token of the task; the client does the rest, by id. */
const activities = createActivities({
  waiting: ({ name, taskToken }) => {
    if (name === 'north') setTimeout(() => void client.activity.complete(taskToken, 'the desk'), 20);
    if (name === 'void') setTimeout(() => void client.activity.fail(taskToken, new Error('Illegible')), 20);
  },
});

const worker = await Worker.create({
  connection,
  namespace,
  taskQueue: 'reports',
  workflowsPath: fileURLToPath(new URL('./workflows.js', import.meta.url)),
  activities,
});
await worker.run();
await client.connection.close();
await connection.close();
