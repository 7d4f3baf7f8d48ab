/**
 * One execution with a long history, as its client sees it: `long-history.js SDK ADDRESS TASK_QUEUE EVENTS PHASE`.
 *
 * Phase `run`: how long a step (an activity and the workflow task behind it: six events) takes at the beginning and at the end. Phase
 * `replay`, with a new worker: how long it takes until the execution, replayed from its first event, has answered a signal and closed;
 * beside it, how long reading the history once takes.
 */
import { Client, Connection } from 'perdure/client';
import { asBenchClient, loadClient, type SdkName } from './sdk.js';

const EVENTS_PER_STEP = 6;
/** Steps that are timed together. */
const WINDOW = 300;

export interface LongHistoryResult {
  readonly events: number;
  readonly firstMs: number;
  readonly lastMs: number;
}
export interface ReplayResult {
  readonly replayMs: number;
  readonly readMs: number;
}

const [sdk, address, taskQueue, events, phase] = process.argv.slice(2) as [SdkName, string, string, string, 'run' | 'replay'];
const loaded = await loadClient(sdk);
const connection = await loaded.Connection.connect({ address });
const client = asBenchClient(new loaded.Client({ connection }));
const workflowId = 'long-history';
const steps = Math.floor(Number(events) / EVENTS_PER_STEP);

if (phase === 'run') {
  // The same code paths, warm: what is compared is the length of the history and not the age of the process.
  await runSteps('warm-up', Math.min(1_500, steps));
  const times = await runSteps(workflowId, steps);
  const at = (step: number) => times.find(([mark]) => mark === step)?.[1] ?? Number.NaN;
  const result: LongHistoryResult = {
    events: steps * EVENTS_PER_STEP,
    firstMs: (at(WINDOW + 10) - at(10)) / WINDOW,
    lastMs: (at(steps) - at(steps - WINDOW)) / WINDOW,
  };
  console.log(JSON.stringify(result));
} else {
  const readMs = await readHistory();
  const from = performance.now();
  await client.getHandle(workflowId).signal('poke', 0);
  await client.getHandle(workflowId).result();
  const result: ReplayResult = { replayMs: performance.now() - from, readMs };
  console.log(JSON.stringify(result));
}
await connection.close();

async function runSteps(id: string, count: number): Promise<[number, number][]> {
  const marks = [10, WINDOW + 10, count - WINDOW, count];
  const handle = await client.start('longHistory', { taskQueue, workflowId: id, args: [count, marks], workflowTaskTimeout: '1 minute' });
  for (;;) {
    const times = (await handle.query('marksReached')) as [number, number][];
    if (times.some(([mark]) => mark === count)) return times;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function readHistory(): Promise<number> {
  const reader = await Connection.connect({ address });
  const { workflow } = new Client({ connection: reader });
  const from = performance.now();
  const history = await workflow.getHandle(workflowId).fetchHistory();
  const readMs = performance.now() - from;
  if (history === undefined) throw new Error('no history');
  await reader.close();
  return readMs;
}
