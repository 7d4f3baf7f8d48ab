/** Engine, worker and client in one process: `embedded.js FILE SCENARIO LOOP SECONDS`. */
import { Client, Connection } from 'perdure/client';
import { openEngine } from 'perdure/server';
import { DefaultLogger, Runtime, Worker } from 'perdure/worker';
import * as activities from './activities.js';
import { closedLoop, openLoop } from './load.js';
import { SCENARIOS } from './scenarios.js';
import { asBenchClient, workflowsFor } from './sdk.js';

const [filename, name, loop, seconds] = process.argv.slice(2) as [string, string, string, string];
const scenario = SCENARIOS.find((candidate) => candidate.name === name);
if (scenario === undefined) throw new Error(`no scenario '${name}'`);
Runtime.install({ logger: new DefaultLogger('WARN') });
const engine = await openEngine({ filename, limits: { continueAsNewMinimumRunMs: 0 } });
const connection = Connection.from(engine.transport);
const worker = await Worker.create({ connection, taskQueue: 'bench', workflowsPath: workflowsFor('ours'), activities, maxConcurrentWorkflowTaskExecutions: 200, maxConcurrentActivityTaskExecutions: 200 });
const workflow = asBenchClient(new Client({ connection }));
await worker.runUntil(async () => {
  const [kind, value] = loop.split(':');
  const queue = scenario.needsWorker ? 'bench' : 'nobody';
  await closedLoop(workflow, scenario, queue, 16, Math.min(3, Number(seconds) / 2));
  const before = process.cpuUsage();
  const result = kind === 'open' ? await openLoop(workflow, scenario, queue, Number(value), Number(seconds)) : await closedLoop(workflow, scenario, queue, Number(value), Number(seconds));
  const used = process.cpuUsage(before);
  console.log(JSON.stringify({ ...result, cpuSeconds: (used.user + used.system) / 1e6, peakMemoryMb: process.resourceUsage().maxRSS / 1024 }));
});
await engine.close();
