/**
 * Ten thousand schedules that are due in the same second: `schedules.js FILE COUNT COLD`.
 *
 * The engine runs in this process. What is measured begins at the second at which all are due and ends when the last workflow execution
 * that they start is durable. `COLD` (`true`): the engine is closed and opened again before, so that every schedule has to be loaded.
 * Prints one line of JSON; `loopMs` is the longest time for which the engine did nothing else.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { WorkflowService } from '#perdure/protocol/index';
import { openEngine, type Engine } from 'perdure/server';

const [filename, countText, cold] = process.argv.slice(2) as [string, string, string];
const count = Number(countText);
const namespace = 'default';

/** Creations take about a second for every 3,000 on a machine that has nothing else to do. */
const dueMs = Math.ceil(Date.now() / 1000) * 1000 + 5_000 + count;

async function create(engine: Engine): Promise<void> {
  const due = new Date(dueMs);
  const only = (value: number) => [{ start: value, end: value, step: 1 }];
  const structuredCalendar = [
    { second: only(due.getUTCSeconds()), minute: only(due.getUTCMinutes()), hour: only(due.getUTCHours()), dayOfMonth: [{ start: 1, end: 31 }], month: [{ start: 1, end: 12 }], dayOfWeek: [{ start: 0, end: 6 }] },
  ];
  let next = 0;
  const createSome = async (): Promise<void> => {
    while (next < count) {
      const name = `s-${next++}`;
      const action = { startWorkflow: { workflowId: name, workflowType: { name: 'nothing' }, taskQueue: { name: 'nobody' } } };
      await engine.transport.call(WorkflowService.CreateSchedule, { namespace, scheduleId: name, requestId: name, schedule: { spec: { structuredCalendar }, action } });
    }
  };
  await Promise.all(Array.from({ length: 200 }, createSome));
}

/** Looks at some of them until they are there, and counts all once: to count again and again would be measured too. */
async function allStarted(engine: Engine): Promise<number> {
  const time = new Date(dueMs).toISOString().replace('.000Z', 'Z');
  for (let index = 0; index < count; index += Math.max(1, Math.floor(count / 100))) {
    while (!(await exists(engine, `s-${index}-${time}`))) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (;;) {
    const nowMs = Date.now();
    const { count: started } = await engine.transport.call(WorkflowService.CountWorkflowExecutions, { namespace, query: "WorkflowType = 'nothing'" });
    if (started >= count) return nowMs;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function exists(engine: Engine, workflowId: string): Promise<boolean> {
  return engine.transport.call(WorkflowService.DescribeWorkflowExecution, { namespace, execution: { workflowId } }).then(
    () => true,
    () => false,
  );
}

let engine = await openEngine({ filename });
const from = Date.now();
await create(engine);
const createdMs = Date.now() - from;
if (cold === 'true') {
  await engine.close();
  engine = await openEngine({ filename });
}
const earlyMs = dueMs - Date.now();
if (earlyMs < 0) throw new Error('the schedules were not ready in time: choose fewer');
await new Promise((resolve) => setTimeout(resolve, earlyMs - 20));
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const before = process.cpuUsage();
const startedMs = (await allStarted(engine)) - dueMs;
const cpu = process.cpuUsage(before);
console.log(JSON.stringify({ count, createdMs, startedMs, loopMs: delay.max / 1e6, cpuSeconds: (cpu.user + cpu.system) / 1e6, peakMemoryMb: process.resourceUsage().maxRSS / 1024 }));
await engine.close();
