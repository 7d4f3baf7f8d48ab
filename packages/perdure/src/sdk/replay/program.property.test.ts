/**
 * Random programs on a small simulated server: whatever the program does, a run that is kept from task to task, a run that is rebuilt for
 * each task, and a replay of the finished history must make the same commands. This is what lets the executor drop runs at any time.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command, CommandType, EventType, Message, type Init } from '../../protocol/index.js';
import { SeededRandom } from '../workflow/random.js';
import { defaultPayloadConverter } from '../common/payload-converter.js';
import { HistoryBuilder, updateMessage } from './history-builder.js';
import type { LocalActivityHost } from './local-activities.js';
import { commandsOf, noFetch, testExecutor } from './test-executor.js';
import type { Step } from './test-workflows.js';

const KINDS = ['activity', 'activity', 'timer', 'timer', 'awaitAll', 'signal', 'random', 'patch', 'scope', 'branch', 'timeout', 'local', 'local'] as const;
const MAX_TASKS = 60;

function randomProgram(random: SeededRandom, depth: number): Step[] {
  const length = 1 + (random.uint32() % 5);
  return Array.from({ length }, () => {
    const kind = KINDS[random.uint32() % KINDS.length]!;
    const nests = kind === 'scope' || kind === 'branch' || kind === 'timeout';
    return { do: nests && depth >= 2 ? 'activity' : kind, steps: nests && depth < 2 ? randomProgram(random, depth + 1) : [] };
  });
}

/** What the server still owes: activities and timers by id, in the order in which they were asked for. */
class Pending {
  readonly activities = new Set<string>();
  readonly timers = new Set<string>();
}

/** Appends the events of the commands. Gives false when the run is closed. */
function record(history: HistoryBuilder, commands: readonly Init<Command>[], messages: readonly Init<Message>[], pending: Pending): boolean {
  const cancelled: string[] = [];
  for (const command of commands) {
    const activity = command.scheduleActivityTaskCommandAttributes;
    if (activity) {
      history.activityScheduled(activity.activityId!, activity.activityType!.name!);
      pending.activities.add(activity.activityId!);
    } else if (command.startTimerCommandAttributes) {
      history.timerStarted(command.startTimerCommandAttributes.timerId!);
      pending.timers.add(command.startTimerCommandAttributes.timerId!);
    } else if (command.cancelTimerCommandAttributes) {
      history.timerCanceled(command.cancelTimerCommandAttributes.timerId!);
      pending.timers.delete(command.cancelTimerCommandAttributes.timerId!);
    } else if (command.requestCancelActivityTaskCommandAttributes) {
      const { scheduledEventId } = command.requestCancelActivityTaskCommandAttributes;
      const id = history.events[scheduledEventId! - 1]!.activityTaskScheduledEventAttributes!.activityId;
      history.activityCancelRequested(id);
      cancelled.push(id);
    } else if (command.recordMarkerCommandAttributes || command.protocolMessageCommandAttributes) {
      history.commands([command], messages);
    } else if (command.upsertWorkflowSearchAttributesCommandAttributes) {
      const { searchAttributes } = command.upsertWorkflowSearchAttributesCommandAttributes;
      history.add(EventType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, { upsertWorkflowSearchAttributesEventAttributes: { searchAttributes } });
    } else {
      assert.ok(command.commandType === CommandType.COMPLETE_WORKFLOW_EXECUTION || command.commandType === CommandType.CANCEL_WORKFLOW_EXECUTION);
      return false;
    }
  }
  for (const id of cancelled) {
    if (pending.activities.delete(id)) history.activityCanceled(id);
  }
  return true;
}

/** Ends each local activity as soon as the code has had its turn, in the order in which they were asked for. */
function instantLocalActivities(): LocalActivityHost {
  return {
    has: () => true,
    now: () => 0,
    start: ({ activityId, attempt }, done) => {
      const result = defaultPayloadConverter.toPayload(`local ${activityId}`);
      const immediate = setImmediate(() => done({ outcome: { kind: 'completed', result }, attempt, runtimeMs: 7, backoffMs: undefined, originalScheduleTimeMs: 1 }));
      return { cancel: () => undefined, abandon: () => clearImmediate(immediate) };
    },
    renewAfter: () => () => undefined,
  };
}

/** Things happen: some of what is pending ends, a signal comes, once in a while somebody asks to cancel. */
function happen(history: HistoryBuilder, pending: Pending, random: SeededRandom): [id: string, amount: number][] {
  const updates: [string, number][] = [];
  for (let count = random.uint32() % 3; count >= 0; count--) {
    const choice = random.uint32() % 10;
    const [activity] = pending.activities;
    const [timer] = pending.timers;
    if (choice < 4 && activity !== undefined) {
      pending.activities.delete(activity);
      if (choice === 0) history.activityFailed(activity, { message: 'bad luck', source: 'x', applicationFailureInfo: { type: 'Bad' } });
      else history.activityCompleted(activity, `result ${activity}`);
    } else if (choice < 7 && timer !== undefined) {
      pending.timers.delete(timer);
      history.timerFired(timer);
    } else if (choice === 9 && random.uint32() % 8 === 0) history.cancelRequested();
    else if (choice === 8) updates.push([`u${history.nextEventId}.${count}`, random.uint32() % 4]);
    else history.signal('approve', `s${history.nextEventId}`);
  }
  return updates;
}

test('kept, rebuilt and replayed runs make the same commands, whatever the program', async () => {
  await using kept = await testExecutor(10, undefined, instantLocalActivities());
  await using rebuilt = await testExecutor(0, undefined, instantLocalActivities());
  let closed = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const random = new SeededRandom(`program ${seed}`);
    const history = new HistoryBuilder('program', [randomProgram(random, 0)], `run-${seed}`);
    const pending = new Pending();
    const hint = `seed ${seed}`;
    let updates: [string, number][] = [];
    for (let task = 0; task < MAX_TASKS; task++) {
      history.taskStarted();
      const messages = updates.map(([id, amount]) => updateMessage(id, 'add', [amount], history.events.length - 1));
      const live = await kept.executor.handle(task === 0 ? history.task() : history.stickyTask({ messages }), noFetch);
      const again = await rebuilt.executor.handle(history.task(1, { messages }), noFetch);
      assert.deepEqual(commandsOf(again).map(Command.encode), commandsOf(live).map(Command.encode), `${hint}, task ${task}`);
      assert.ok(live.kind === 'completed' && again.kind === 'completed');
      assert.deepEqual(again.messages.map(Message.encode), live.messages.map(Message.encode), `${hint}, task ${task}`);
      history.taskCompleted();
      if (!record(history, live.commands, live.messages, pending)) {
        closed++;
        history.completed();
        break;
      }
      updates = happen(history, pending, random);
    }
    kept.executor.evict(`run-${seed}`);
  }
  assert.ok(closed > 100, `only ${closed} programs came to an end: the test does not reach far enough`);
});
