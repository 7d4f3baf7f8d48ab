/** A schedule that ends its running action for the next one, through the whole server: in whatever commit the server dies, each firing starts one execution. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, silentLogger, VirtualClock } from '../ports/index.js';
import { ScheduleOverlapPolicy, WorkflowExecutionStatus, WorkflowService } from '../protocol/index.js';
import type { SimulatedDisk } from '../store/simulated/simulated-disk.js';
import { SimulatedStore, type StoreFault, type StoreOperation } from '../store/simulated/simulated-store.js';
import { openEngine, type Engine } from './engine.js';
import { NAMESPACE } from './testing/stage.js';

const HALF_MINUTE = 30_000;
const FIRINGS = 4;

async function create(engine: Engine): Promise<void> {
  const action = { startWorkflow: { workflowId: 'w', workflowType: { name: 'T' }, taskQueue: { name: 'q' } } };
  const schedule = { spec: { interval: [{ interval: 2 * HALF_MINUTE }] }, action, policies: { overlapPolicy: ScheduleOverlapPolicy.TERMINATE_OTHER } };
  await engine.transport.call(WorkflowService.CreateSchedule, { namespace: NAMESPACE, scheduleId: 's', requestId: 'create', schedule });
}

/** One life of a server. It dies in its `deathAt`th commit, if it gets so far. */
async function live(clock: VirtualClock, disk: SimulatedDisk | undefined, deathAt: number, moment: 'beforeWrite' | 'afterWrite'): Promise<{ disk: SimulatedDisk; commits: number; engine: Engine | undefined }> {
  let commits = 0;
  const isAlive = (): boolean => commits < deathAt;
  const faults = (operation: StoreOperation): StoreFault | undefined => (operation === 'commit' && ++commits === deathAt ? { kind: 'crash', moment } : undefined);
  const store = new SimulatedStore({ clock, faults, ...(disk && { disk }) });
  const opening = openEngine({ store, clock, random: seededRandom(deathAt, clock), logger: silentLogger, verify: true, limits: { groupRecords: 1 } });
  const waited = clock.settle().then(() => clock.advance(1_000));
  const engine = await Promise.race([opening, waited.then(() => undefined)]);
  await waited;
  if (engine !== undefined) {
    create(engine).catch(() => {});
    await clock.settle();
    for (let step = 0; step < 2 * FIRINGS && isAlive(); step++) await clock.advance(HALF_MINUTE);
  }
  return { disk: store.disk, commits, engine };
}

async function check(engine: Engine, clock: VirtualClock): Promise<void> {
  const describing = engine.transport.call(WorkflowService.DescribeSchedule, { namespace: NAMESPACE, scheduleId: 's' });
  await clock.settle();
  const { info } = await describing;
  assert.ok(info);
  const ids = info.recentActions.map(({ startWorkflowResult }) => startWorkflowResult?.workflowId);
  assert.ok(info.actionCount >= FIRINGS && info.actionCount === ids.length && new Set(ids).size === ids.length, `${info.actionCount} actions: ${ids.join()}`);
  const { TERMINATED, RUNNING } = WorkflowExecutionStatus;
  assert.deepEqual(info.recentActions.map(({ startWorkflowStatus }) => startWorkflowStatus), ids.map((_, index) => (index === ids.length - 1 ? RUNNING : TERMINATED)));
  assert.deepEqual([info.overlapSkipped, info.missedCatchupWindow, info.bufferSize], [0, 0, 0]);
  const { executions } = await engine.transport.call(WorkflowService.ListWorkflowExecutions, { namespace: NAMESPACE });
  assert.deepEqual(executions.map(({ execution }) => execution?.workflowId).sort(), [...ids].sort(), 'one execution for each firing');
}

test('a server that dies in any commit of a schedule starts nothing twice and forgets nothing', async () => {
  const { commits, engine } = await live(new VirtualClock(), undefined, Number.POSITIVE_INFINITY, 'beforeWrite');
  await engine?.close();
  assert.ok(commits > 20, `${commits} commits are tried`);
  for (const moment of ['beforeWrite', 'afterWrite'] as const) {
    for (let deathAt = 1; deathAt <= commits; deathAt++) {
      const clock = new VirtualClock();
      const { disk } = await live(clock, undefined, deathAt, moment);
      const second = await live(clock, disk, Number.POSITIVE_INFINITY, moment);
      assert.ok(second.engine);
      await check(second.engine, clock);
      await second.engine.close();
    }
  }
});
