/** A parent, its children and a stranger that it signals, through the whole server: whatever commit the server dies in, each thing happens once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventType, type HistoryEvent } from '../protocol/index.js';
import { live } from './testing/families.js';
import { everyDeath, MortalServer } from './testing/mortal-server.js';

const count = (events: readonly HistoryEvent[], type: EventType): number => events.filter(({ eventType }) => eventType === type).length;

async function checkFamily(server: MortalServer): Promise<void> {
  const histories = new Map<string, HistoryEvent[]>();
  for (const workflowId of ['parent', 'child-0', 'child-1', 'child-2', 'target']) {
    const events = await server.events(workflowId);
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

test('a family lives through the death of the server in any write', async () => {
  const deaths = await everyDeath(async (death) => {
    const server = new MortalServer({ groupRecords: 1 });
    server.diesAt(death);
    if (await server.begin()) await live(server.engine, server.clock, () => server.isDead);
    const died = server.isDead;
    await server.beginAgain();
    await live(server.engine, server.clock, () => false);
    await checkFamily(server);
    await server.engine.close();
    return died;
  });
  assert.ok(deaths > 30, `${deaths} deaths`);
});
