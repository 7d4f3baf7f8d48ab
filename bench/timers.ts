/**
 * Very many timers that are due at the same moment: `timers.js FILE COUNT`.
 *
 * COUNT workflow executions with a start delay are written into the file beside the engine; then the engine opens it, and all delays end in
 * the same millisecond. The engine runs in this process. Told is how fast the timers fire, the longest time for which the engine did
 * nothing else, and how long a client's start takes meanwhile: timers at midnight must not stop the server. Prints one line of JSON.
 */
import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createWorkflowMachine, type WorkflowInput } from '#perdure/machines/workflow/index';
import { StartWorkflowExecutionRequest, WorkflowService } from '#perdure/protocol/index';
import { openSqliteStore, type Transition } from '#perdure/store/index';
import { openEngine, type Engine } from 'perdure/server';

const [filename, countText] = process.argv.slice(2) as [string, string];
const count = Number(countText);
const namespace = 'default';
const AT_ONCE = 2_000;
const ASK_EVERY_MS = 20;

async function namespaceId(): Promise<string> {
  await using engine = await openEngine({ filename });
  const { namespaceInfo } = await engine.transport.call(WorkflowService.DescribeNamespace, { namespace });
  return namespaceInfo?.id ?? '';
}

async function write(id: string, dueMs: number): Promise<void> {
  const machine = createWorkflowMachine();
  const store = await openSqliteStore({ filename });
  for (let done = 0; done < count; done += AT_ONCE) await store.commit(Array.from({ length: Math.min(AT_ONCE, count - done) }, (_, index) => first(`timer-${done + index}`)));
  await store.close();

  function first(key: string): Transition {
    const now = Date.now();
    const request = StartWorkflowExecutionRequest.create({ namespace, workflowId: key, requestId: key, workflowType: { name: 'nothing' }, taskQueue: { name: 'nobody' }, workflowStartDelay: dueMs - now });
    const moment = { now, newId: randomUUID };
    const execution = { kind: 'workflow', namespace: id, key };
    const { successor } = machine.transition(undefined, { type: 'start', namespace, request }, moment, { ...execution, machine: randomUUID() });
    if (successor === undefined) throw new Error('the execution did not start');
    const self = { ...execution, machine: successor.machine };
    const { state, record } = machine.transition(undefined, successor.input as WorkflowInput, moment, self);
    if (state === undefined || record === undefined) throw new Error('the execution did not start');
    return { machine: self.machine, create: { ...execution, makeCurrent: true }, seq: 1, ...record, row: { wakeAt: dueMs, open: true, listing: machine.listing?.(state) } };
  }
}

/** How long starts take, one after the other, until `ended` says so. */
async function ask(engine: Engine, ended: () => boolean): Promise<number[]> {
  const latencies: number[] = [];
  while (!ended()) {
    const from = performance.now();
    const workflowId = randomUUID();
    await engine.transport.call(WorkflowService.StartWorkflowExecution, { namespace, workflowId, requestId: workflowId, workflowType: { name: 'asked' }, taskQueue: { name: 'nobody' } });
    latencies.push(performance.now() - from);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
  return latencies.sort((a, b) => a - b);
}

/** A timer has fired once its execution has its first workflow task, its third event. The last one written is the last one due. */
async function allFired(engine: Engine): Promise<void> {
  for (let index = 0; index < count; index += Math.max(1, Math.floor(count / 50))) await fired(engine, index);
  await fired(engine, count - 1);
}

async function fired(engine: Engine, index: number): Promise<void> {
  for (;;) {
    const { pendingWorkflowTask } = await engine.transport.call(WorkflowService.DescribeWorkflowExecution, { namespace, execution: { workflowId: `timer-${index}` } });
    if (pendingWorkflowTask !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const id = await namespaceId();
/** Writing takes about a second for every 10,000 on a machine that has nothing else to do. */
const dueMs = Date.now() + 4_000 + Math.ceil(count / 4);
await write(id, dueMs);
const engine = await openEngine({ filename });
const earlyMs = dueMs - Date.now();
if (earlyMs < 0) throw new Error(`the timers were written ${-earlyMs} ms too late`);
await new Promise((resolve) => setTimeout(resolve, earlyMs - 20));
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
let hasEnded = false;
const latencies = ask(engine, () => hasEnded);
await allFired(engine);
const firedMs = Date.now() - dueMs;
hasEnded = true;
const sorted = await latencies;
const at = (quantile: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? 0;
console.log(JSON.stringify({ count, firedMs, loopMs: delay.max / 1e6, p50: at(0.5), p99: at(0.99), most: at(1), peakMemoryMb: process.resourceUsage().maxRSS / 1024 }));
await engine.close();
