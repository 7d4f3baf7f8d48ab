/** The client process: `client.js SDK ADDRESS TASK_QUEUE SCENARIO LOOP SECONDS`, LOOP = `closed:16` or `open:100`. Warms up, prints `go`, then its result. */
import { closedLoop, openLoop } from './load.js';
import { SCENARIOS } from './scenarios.js';
import { asBenchClient, loadClient, type SdkName } from './sdk.js';

const [sdk, address, taskQueue, name, loop, seconds] = process.argv.slice(2) as [SdkName, string, string, string, string, string];
const scenario = SCENARIOS.find((candidate) => candidate.name === name);
if (scenario === undefined) throw new Error(`no scenario '${name}'`);
const { Client, Connection } = await loadClient(sdk);
const connection = await Connection.connect({ address });
const workflow = asBenchClient(new Client({ connection }));
const [kind, value] = loop.split(':');
// Warm code and caches first, the same for every load: what is measured is a server that runs, not one that starts.
await closedLoop(workflow, scenario, taskQueue, 16, Math.min(3, Number(seconds) / 2));
console.log('go');
const before = process.cpuUsage();
const result = kind === 'open' ? await openLoop(workflow, scenario, taskQueue, Number(value), Number(seconds)) : await closedLoop(workflow, scenario, taskQueue, Number(value), Number(seconds));
const used = process.cpuUsage(before);
console.log(JSON.stringify({ ...result, cpuSeconds: (used.user + used.system) / 1e6 }));
await connection.close();
