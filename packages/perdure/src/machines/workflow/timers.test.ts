/** Timers fire once, in order, to the millisecond, however many there are and whatever the clock does; a cancelled one never. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History, WorkflowTaskFailedCause } from '../../protocol/index.js';
import { E, command, startedWorkflow, type TestWorkflow } from './testing/test-run.js';

const fired = (workflow: TestWorkflow): string[] => workflow.run.events().flatMap((event) => event.timerFiredEventAttributes?.timerId ?? []);
const HOUR = 3_600_000;

test('timers fire at their millisecond, those of one moment in the order of their start', () => {
  const workflow = startedWorkflow();
  workflow.step([command.timer('b', 5), command.timer('a', 5), command.timer('c', 4), command.timer('none', 0)]);
  workflow.pass(0);
  assert.deepEqual(fired(workflow), ['none']);
  workflow.pass(3);
  assert.deepEqual(fired(workflow), ['none']);
  workflow.pass(1);
  assert.deepEqual(fired(workflow), ['none', 'c']);
  workflow.pass(1);
  assert.deepEqual(fired(workflow), ['none', 'c', 'b', 'a']);
});

test('a timer that fired into the buffer can still be cancelled: the workflow never saw it fire', () => {
  const workflow = startedWorkflow();
  workflow.step([command.timer('a', 10), command.timer('b', 10)]);
  workflow.signal('go');
  const task = workflow.pollWorkflowTask();
  workflow.pass(10);
  workflow.complete(task, [command.cancelTimer('a'), command.timer('a', 50)]);
  assert.deepEqual(fired(workflow), ['b']);
  workflow.pass(50);
  assert.deepEqual(fired(workflow), ['b', 'a']);
});

test('ids that are taken, unknown or missing fail the workflow task, and no timer starts', () => {
  for (const [commands, cause] of [
    [[command.timer('a', 5), command.timer('a', 5)], WorkflowTaskFailedCause.START_TIMER_DUPLICATE_ID],
    [[command.timer('a', 5), command.timer('', 5)], WorkflowTaskFailedCause.BAD_START_TIMER_ATTRIBUTES],
    [[command.timer('a', 5), command.timer('b', -1)], WorkflowTaskFailedCause.BAD_START_TIMER_ATTRIBUTES],
    [[command.timer('a', 5), command.cancelTimer('b')], WorkflowTaskFailedCause.BAD_CANCEL_TIMER_ATTRIBUTES],
  ] as const) {
    const workflow = startedWorkflow();
    const task = workflow.pollWorkflowTask();
    workflow.refused(workflow.completionInput(task, commands));
    assert.equal(workflow.run.event(4).workflowTaskFailedEventAttributes?.cause, cause);
    assert.equal(workflow.run.live.timers.size, 0);
  }
});

/** Else one record would hold them all, and the server would do nothing else meanwhile. */
test('timers that are due at once fire over several records, all of them, in order', () => {
  const workflow = startedWorkflow({}, { historyEvents: 10_000 });
  workflow.proving = false;
  const ids = Array.from({ length: 1000 }, (_, index) => `${index}`);
  workflow.step(ids.map((id) => command.timer(id, 100)));
  const before = workflow.run.records.length;
  workflow.now += HOUR;
  while ((workflow.nextWake() ?? Infinity) <= workflow.now) workflow.send({ type: 'wake' });
  assert.deepEqual(fired(workflow), ids);
  const sizes = workflow.run.records.slice(before).map((record) => (record.history === undefined ? 0 : History.decode(record.history.bytes).events.length));
  assert.ok(sizes.length >= 5 && Math.max(...sizes) <= 201, `records of ${sizes.join(', ')} events`);
  assert.equal(workflow.run.eventNames().filter((name) => name === E.WORKFLOW_TASK_SCHEDULED).length, 2, 'one workflow task tells them all');
});

test('a clock that steps back delays, one that steps forth fires; no timer fires twice, and the history never runs backwards', () => {
  const workflow = startedWorkflow();
  workflow.step([command.timer('a', 1000), command.timer('b', 2000)]);
  workflow.now -= HOUR;
  workflow.send({ type: 'wake' });
  assert.deepEqual(fired(workflow), []);
  workflow.signal('meanwhile');
  workflow.now += HOUR + 1000;
  workflow.send({ type: 'wake' });
  workflow.send({ type: 'wake' });
  assert.deepEqual(fired(workflow), ['a']);
  workflow.now += HOUR;
  workflow.send({ type: 'wake' });
  assert.deepEqual(fired(workflow), ['a', 'b']);
  const times = workflow.run.events().map((event) => event.eventTime ?? 0);
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
});

test('the next wake is known without a walk, after every change', () => {
  const workflow = startedWorkflow();
  const known = (): number | undefined => workflow.machine.nextWake?.(workflow.run.live);
  workflow.step([command.timer('a', 50), command.timer('b', 20), command.activity('x')]);
  assert.equal(known(), workflow.nextWake());
  workflow.pass(20);
  assert.equal(known(), workflow.nextWake());
  const task = workflow.pollWorkflowTask();
  assert.equal(known(), workflow.nextWake());
  workflow.complete(task, [command.cancelTimer('a'), command.complete()]);
  assert.equal(known(), undefined);
});
