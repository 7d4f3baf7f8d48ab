/** A worker of the crash test as a process: `load-worker.js ADDRESS LEDGER`. It is killed now and then, as the server is. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection } from 'perdure/client';
import { DefaultLogger, Runtime, Worker } from 'perdure/worker';
import { activities } from './activities.js';

const [address, ledger] = process.argv.slice(2) as [string, string];
Runtime.install({ logger: new DefaultLogger('ERROR') });
// The server may be down at this very moment.
const connection = await (async () => {
  for (;;) {
    try {
      return await Connection.connect({ address });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
})();
const workflowsPath = path.join(path.dirname(fileURLToPath(import.meta.url)), 'workflows.js');
for (;;) {
  try {
    const worker = await Worker.create({
      connection,
      taskQueue: 'crash',
      workflowsPath,
      activities: activities(ledger),
      // What waits for a worker that was killed goes to another one soon.
      stickyQueueScheduleToStartTimeout: '500ms',
      maxCachedWorkflows: 20,
    });
    console.log('ready');
    await worker.run();
    break;
  } catch {
    // The server died while the worker was being made.
  }
}
