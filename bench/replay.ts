/**
 * How fast the replayer is: `replay.js SDK ADDRESS EVENTS`.
 *
 * Makes one long history (activities, one after the other), reads it, and replays it several times in one generator, so that bundling and
 * start count once. The best replay counts: others were disturbed, or the code was not warm.
 */
import * as activities from './activities.js';
import { asBenchClient, loadClient, loadWorker, workflowsFor, type SdkName } from './sdk.js';

export interface ReplaySpeed {
  readonly events: number;
  readonly replays: number;
  readonly perSecond: number;
  /** By the CPU time of the whole process, all threads: other programs do not disturb it. */
  readonly perCpuSecond: number;
  /** `Worker.create`, bundling included. */
  readonly startMs: number;
}

const EVENTS_PER_STEP = 6;
const REPLAYS = 8;

const [sdk, address, eventsText] = process.argv.slice(2) as [SdkName, string, string];
const { DefaultLogger, NativeConnection, Runtime, Worker } = await loadWorker(sdk);
const { Client, Connection } = await loadClient(sdk);
Runtime.install({ logger: new DefaultLogger('WARN') });
const workflowsPath = workflowsFor(sdk);
const taskQueue = `bench-replay-${process.hrtime.bigint()}`;
const connection = await NativeConnection.connect({ address });
const from = performance.now();
const worker = await Worker.create({ connection, taskQueue, workflowsPath, activities });
const startMs = performance.now() - from;
const clientConnection = await Connection.connect({ address });
const client = new Client({ connection: clientConnection });
const workflowId = `replayed-${taskQueue}`;
await worker.runUntil(async () => {
  const handle = await asBenchClient(client).start('longHistory', { taskQueue, workflowId, args: [Math.floor(Number(eventsText) / EVENTS_PER_STEP), []], workflowTaskTimeout: '1 minute' });
  await handle.signal('poke', 0);
  await handle.result();
});
const history = await client.workflow.getHandle(workflowId).fetchHistory();
const events = history?.events?.length ?? 0;

let best = Infinity;
let bestCpu = Infinity;
let begin = performance.now();
let cpu = process.cpuUsage();
const histories = Array.from({ length: REPLAYS }, () => ({ workflowId, history }));
for await (const { error } of Worker.runReplayHistories({ workflowsPath }, histories as Parameters<typeof Worker.runReplayHistories>[1])) {
  if (error !== undefined) throw error;
  const used = process.cpuUsage(cpu);
  best = Math.min(best, performance.now() - begin);
  bestCpu = Math.min(bestCpu, (used.user + used.system) / 1_000);
  begin = performance.now();
  cpu = process.cpuUsage();
}
const result: ReplaySpeed = { events, replays: REPLAYS, perSecond: (events * 1_000) / best, perCpuSecond: (events * 1_000) / bestCpu, startMs };
console.log(JSON.stringify(result));
await clientConnection.close();
await connection.close();
