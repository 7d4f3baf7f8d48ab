/**
 * Very many expired runs beside work that goes on: `retention.js FILE COUNT`.
 *
 * COUNT closed workflow executions are written into the file beside the engine. Then 64 clients start no-op workflows, which a worker
 * completes, all in this process: first for a while without anything to forget, then while the engine forgets the COUNT runs. Told is how
 * long that takes, and, with it and without it, how many workflows a second come to their end and how long they take from start to end.
 * Prints one line of JSON.
 */
import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createWorkflowMachine, type WorkflowInput, type WorkflowState } from '#perdure/machines/workflow/index';
import { CommandType, StartWorkflowExecutionRequest, TerminateWorkflowExecutionRequest, WorkflowService } from '#perdure/protocol/index';
import { openSqliteStore, type Transition } from '#perdure/store/index';
import { openEngine, type Engine } from 'perdure/server';

const [filename, countText] = process.argv.slice(2) as [string, string];
const count = Number(countText);
const namespace = 'default';
const taskQueue = { name: 'no-op' };
const HOUR_MS = 3_600_000;
const AT_ONCE = 2_000;
const IN_FLIGHT = 64;
const WARM_UP_MS = 3_000;
const PLAIN_MS = 10_000;

async function setRetention(engine: Engine, retentionMs: number): Promise<string> {
  const { namespaceInfo } = await engine.transport.call(WorkflowService.UpdateNamespace, { namespace, config: { workflowExecutionRetentionTtl: retentionMs } });
  return namespaceInfo?.id ?? '';
}

/** Writes runs that were terminated 110 hours ago, one each millisecond. */
async function write(id: string): Promise<void> {
  const machine = createWorkflowMachine();
  const store = await openSqliteStore({ filename });
  const from = Date.now() - 110 * HOUR_MS;
  for (let done = 0; done < count; done += AT_ONCE) {
    await store.commit(Array.from({ length: Math.min(AT_ONCE, count - done) }, (_, index) => closed(done + index)).flat());
  }
  await store.close();

  function closed(index: number): Transition[] {
    const key = `expired-${index}`;
    const moment = { now: from + index, newId: randomUUID };
    const execution = { kind: 'workflow', namespace: id, key };
    const request = StartWorkflowExecutionRequest.create({ namespace, workflowId: key, requestId: key, workflowType: { name: 'expired' }, taskQueue: { name: 'nobody' } });
    const self = { ...execution, machine: randomUUID() };
    const { successor } = machine.transition(undefined, { type: 'start', namespace, request }, moment, self);
    if (successor === undefined) throw new Error('the execution did not start');
    const steps: Transition[] = [];
    let state: WorkflowState | undefined;
    const terminate = TerminateWorkflowExecutionRequest.create({ namespace, workflowExecution: { workflowId: key } });
    for (const input of [successor.input as WorkflowInput, { type: 'terminate', request: terminate } as const]) {
      const outcome = machine.transition(state, input, moment, { ...execution, machine: successor.machine });
      state = outcome.state;
      if (state === undefined || outcome.record === undefined) throw new Error('the execution did not begin or end');
      const open = machine.isOpen(state);
      const create = { ...execution, makeCurrent: true };
      steps.push({ machine: successor.machine, ...(steps.length === 0 && { create }), seq: steps.length + 1, ...outcome.record, row: { wakeAt: open ? 0 : undefined, open, listing: machine.listing?.(state) } });
    }
    return steps;
  }
}

interface Worked {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** No-op workflows, until `ended` says so. */
async function work(engine: Engine, ended: () => boolean): Promise<Worked> {
  const { transport } = engine;
  const from = performance.now();
  const latencies: number[] = [];
  const client = async (): Promise<void> => {
    while (!ended()) {
      const startedAt = performance.now();
      const workflowId = randomUUID();
      await transport.call(WorkflowService.StartWorkflowExecution, { namespace, workflowId, requestId: workflowId, workflowType: { name: 'no-op' }, taskQueue });
      const { taskToken } = await transport.call(WorkflowService.PollWorkflowTaskQueue, { namespace, taskQueue, identity: 'bench' });
      await transport.call(WorkflowService.RespondWorkflowTaskCompleted, {
        namespace,
        taskToken,
        commands: [{ commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION, completeWorkflowExecutionCommandAttributes: {} }],
      });
      latencies.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, client));
  const perSecond = (1000 * latencies.length) / (performance.now() - from);
  latencies.sort((a, b) => a - b);
  const at = (quantile: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * quantile))] ?? 0;
  return { perSecond, p50: at(0.5), p99: at(0.99) };
}

async function workFor(engine: Engine, ms: number): Promise<Worked> {
  const from = performance.now();
  return work(engine, () => performance.now() - from > ms);
}

const before = await openEngine({ filename });
const id = await setRetention(before, 10_000 * HOUR_MS);
await before.close();
await write(id);

const engine = await openEngine({ filename });
await workFor(engine, WARM_UP_MS);
const plain = await workFor(engine, PLAIN_MS);
const expired = async (): Promise<number> => (await engine.transport.call(WorkflowService.CountWorkflowExecutions, { namespace, query: "WorkflowType = 'expired'" })).count;
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const from = performance.now();
await setRetention(engine, 72 * HOUR_MS);
let isDone = false;
const watched = (async () => {
  while ((await expired()) > 0) await new Promise((resolve) => setTimeout(resolve, 500));
  isDone = true;
  return performance.now() - from;
})();
const during = await work(engine, () => isDone);
const sweptMs = await watched;
delay.disable();
const again = await workFor(engine, PLAIN_MS);
console.log(
  JSON.stringify({ count, sweptSeconds: sweptMs / 1000, plain, during, again, ratio: (2 * during.perSecond) / (plain.perSecond + again.perSecond), loopP99Ms: delay.percentile(99) / 1e6, loopMaxMs: delay.max / 1e6 }),
);
await engine.close();
