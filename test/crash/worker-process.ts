/**
 * A worker process to be killed: `worker-process.js ADDRESS WORKFLOWS LOG HANG_IN_STEP`. Each execution of an activity is a line
 * `step attempt` in the log. The first attempt of the named step never ends.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Context } from 'perdure/activity';
import { Connection } from 'perdure/client';
import { DefaultLogger, Runtime, Worker } from 'perdure/worker';

const [address, workflows, log, hangInStep] = process.argv.slice(2) as [string, string, string, string];
Runtime.install({ logger: new DefaultLogger('ERROR') });
const worker = await Worker.create({
  connection: await Connection.connect({ address }),
  taskQueue: 'killed-worker',
  workflowsPath: path.join(path.dirname(fileURLToPath(import.meta.url)), workflows),
  activities: {
    async step(n: number): Promise<number> {
      const { attempt } = Context.current().info;
      fs.appendFileSync(log, `${n} ${attempt}\n`);
      if (attempt === 1 && n === Number(hangInStep)) await new Promise(() => {});
      return n;
    },
  },
});
console.log('ready');
await worker.run();
