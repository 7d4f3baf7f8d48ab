/**
 * The shop's one process: the engine on an SQLite file, and a worker attached to it by function call. `service.js FOLDER PORT`.
 *
 * It can be killed at any moment and started again on the same folder.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection } from 'perdure/client';
import { startServer } from 'perdure/server';
import { DefaultLogger, Runtime, Worker } from 'perdure/worker';
import { createActivities } from './activities.js';
import { Ledger } from './ledger.js';

const [folder, port] = process.argv.slice(2) as [string, string];
/** How long the outside world takes for one step: long enough to be killed in the middle. */
const LATENCY_MS = 120;

Runtime.install({ logger: new DefaultLogger('ERROR') });
const server = await startServer({ filename: path.join(folder, 'orders.db'), port: Number(port) });
const worker = await Worker.create({
  connection: Connection.from(server.engine.transport),
  taskQueue: 'orders',
  workflowsPath: fileURLToPath(new URL('./workflows.js', import.meta.url)),
  activities: createActivities(new Ledger(path.join(folder, 'ledger.jsonl')), LATENCY_MS),
});
console.log(`ready ${server.port}`);
await worker.run();
await server.close();
