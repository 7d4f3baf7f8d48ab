/** A whole durable application in one file: engine, worker, client, workflow and activity, in one process, without a port. */
import { Client, Connection } from 'perdure/client';
import { openEngine } from 'perdure/server';
import { Worker } from 'perdure/worker';
import { proxyActivities, sleep } from 'perdure/workflow';

// Activities touch the world.
const activities = { greet: async (name: string) => `hello, ${name}` };

// Workflows decide. This one survives a crash on any line.
const { greet } = proxyActivities<typeof activities>({ startToCloseTimeout: '10 seconds' });
export async function welcome(name: string): Promise<string> {
  await sleep('1 second'); // or 30 days: a sleeping workflow is one row
  return greet(name);
}

async function main(): Promise<void> {
  const engine = await openEngine({ filename: process.env['DB'] ?? 'app.db' });
  const connection = Connection.from(engine.transport);
  const worker = await Worker.create({ connection, taskQueue: 'app', workflowsPath: import.meta.filename, activities });
  const { workflow } = new Client({ connection });
  const options = { taskQueue: 'app', workflowId: 'welcome-ada', args: ['Ada'] } as const;
  await worker.runUntil(async () => console.log(await workflow.execute(welcome, { ...options, workflowIdConflictPolicy: 'USE_EXISTING' })));
  await engine.close();
}

// The worker loads this file again as workflow code, where there is no process.
if (globalThis.process) await main();
