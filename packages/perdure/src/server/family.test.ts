/** A parent, its children and a stranger that it signals, through the whole server: whatever commit the server dies in, each thing happens once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, silentLogger, VirtualClock } from '../ports/index.js';
import { EventType, WorkflowService, type HistoryEvent } from '../protocol/index.js';
import type { SimulatedDisk } from '../store/simulated/simulated-disk.js';
import { SimulatedStore, type StoreFault, type StoreOperation } from '../store/simulated/simulated-store.js';
import { openEngine, type Engine } from './engine.js';
import { live } from './testing/families.js';
import { eventsOf, NAMESPACE } from './testing/stage.js';

interface Life {
  readonly disk: SimulatedDisk;
  readonly commits: number;
}

/** One life of a server. It dies in its `deathAt`th commit, if it gets so far. */
async function run(clock: VirtualClock, seed: number, disk: SimulatedDisk | undefined, deathAt: number, moment: 'beforeWrite' | 'afterWrite', check?: (engine: Engine) => Promise<void>): Promise<Life> {
  let commits = 0;
  const faults = (operation: StoreOperation): StoreFault | undefined =>
    operation === 'commit' && ++commits === deathAt ? { kind: 'crash', moment } : undefined;
  const store = new SimulatedStore({ clock, faults, ...(disk && { disk }) });
  const opening = openEngine({ store, clock, random: seededRandom(seed, clock), logger: silentLogger, verify: true, limits: { groupRecords: 1 } });
  const engine = await Promise.race([opening, clock.settle().then(() => clock.advance(1_000)).then(() => undefined)]);
  const isGone = (): boolean => commits >= deathAt;
  if (engine !== undefined) {
    await live(engine, clock, isGone);
    // The first life is left as it is, as if the power went: to close it would write once more.
    if (check !== undefined) {
      await check(engine);
      await engine.close();
    }
  }
  return { disk: store.disk, commits };
}

const count = (events: readonly HistoryEvent[], type: EventType): number => events.filter(({ eventType }) => eventType === type).length;

async function checkFamily(engine: Engine): Promise<void> {
  const histories = new Map<string, HistoryEvent[]>();
  for (const workflowId of ['parent', 'child-0', 'child-1', 'child-2', 'target']) {
    const reply = await engine.transport.call(WorkflowService.GetWorkflowExecutionHistory, { namespace: NAMESPACE, execution: { workflowId } });
    const events = eventsOf(reply);
    histories.set(workflowId, events);
    assert.deepEqual(events.map(({ eventId }) => eventId), events.map((_, index) => index + 1));
  }
  const of = (workflowId: string): HistoryEvent[] => histories.get(workflowId) ?? [];
  const parent = of('parent');
  assert.equal(parent.at(-1)?.eventType, EventType.WORKFLOW_EXECUTION_COMPLETED);
  assert.equal(count(parent, EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED), 3);
  assert.equal(count(parent, EventType.CHILD_WORKFLOW_EXECUTION_STARTED), 3);
  assert.equal(count(parent, EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED), 2);
  assert.equal(of('child-2').at(-1)?.eventType, EventType.WORKFLOW_EXECUTION_TERMINATED, 'by the close of its parent');
  const startedRuns = parent.flatMap(({ childWorkflowExecutionStartedEventAttributes: started }) => (started ? [started.workflowExecution?.runId] : []));
  const firstRuns = ['child-0', 'child-1', 'child-2'].map((id) => of(id)[0]?.workflowExecutionStartedEventAttributes?.firstExecutionRunId);
  assert.deepEqual(startedRuns.toSorted(), firstRuns.toSorted(), 'each child ran in the one chain that the parent knows');
  assert.equal(count(of('target'), EventType.WORKFLOW_EXECUTION_SIGNALED), 1);
}

test('a family lives through the death of the server in any commit', async () => {
  let deaths = 0;
  for (const moment of ['beforeWrite', 'afterWrite'] as const) {
    for (let deathAt = 3, survived = false; !survived; deathAt += 1) {
      const clock = new VirtualClock();
      const first = await run(clock, 1, undefined, deathAt, moment);
      survived = first.commits < deathAt;
      let checked = false;
      await run(clock, 2, first.disk, Number.POSITIVE_INFINITY, moment, async (engine) => {
        await checkFamily(engine);
        checked = true;
      });
      assert.ok(checked, `the second life, after a death in commit ${deathAt} (${moment})`);
      if (!survived) deaths += 1;
    }
  }
  assert.ok(deaths > 30, `${deaths} deaths`);
});
