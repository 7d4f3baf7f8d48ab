/**
 * Sagas, mutexes, semaphores, queues, versions: what they do, that a replay of what they left does the same, and what happens when they
 * are cancelled halfway.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure, type Command, type Init } from '../../protocol/index.js';
import { defaultDataConverter } from '../common/data-converter.js';
import { DefaultLogger } from '../common/logger.js';
import { createWorkflowExecutor, type TaskOutcome, type WorkflowExecutor } from '../replay/executor.js';
import { HistoryBuilder, RUN_ID, valuesOf } from '../replay/history-builder.js';
import { commandsOf, noFetch, resultOf, shortly } from '../replay/test-executor.js';
import { bundleWorkflowCode, type WorkflowBundle } from '../sandbox/bundle.js';

let bundle: Promise<WorkflowBundle> | undefined;

async function executorOf(): Promise<WorkflowExecutor & AsyncDisposable> {
  bundle ??= bundleWorkflowCode({ workflowsPath: new URL('./test-primitives.js', import.meta.url).href });
  const executor = createWorkflowExecutor({
    bundle: await bundle,
    namespace: 'default',
    taskQueue: 'orders',
    maxCachedRuns: 10,
    dataConverter: defaultDataConverter,
    logger: new DefaultLogger('ERROR'),
  });
  return Object.assign(executor, { [Symbol.asyncDispose]: () => executor.close() });
}

type Do = (history: HistoryBuilder) => void;

/**
 * Plays the server until the run ends: activities end in order, as failures if they are in `failing`, and timers fire. `later` holds what
 * comes with the second task, the third, …. Gives the last outcome and all commands in short.
 */
async function play(executor: WorkflowExecutor, history: HistoryBuilder, failing: readonly string[] = [], later: readonly Do[] = []) {
  const made: string[] = [];
  history.taskStarted();
  for (let outcome = await executor.handle(history.task(), noFetch), round = 0; ; outcome = await executor.handle(history.stickyTask(), noFetch), round++) {
    const commands = shortly(outcome);
    made.push(...commands);
    if (closes(commandsOf(outcome))) return { outcome, made };
    history.taskCompleted().commands(commandsOf(outcome));
    assert.ok(commands.length > 0 || later[round], 'the run waits for nothing');
    for (const command of commandsOf(outcome)) happen(history, command, failing);
    later[round]?.(history);
    history.taskStarted();
    assert.ok(round < 50, 'the run goes on for ever');
  }
}

function happen(history: HistoryBuilder, command: Init<Command>, failing: readonly string[]): void {
  const { activityId = '', activityType } = command.scheduleActivityTaskCommandAttributes ?? {};
  const { timerId = '', startToFireTimeout = 0 } = command.startTimerCommandAttributes ?? {};
  if (failing.includes(activityType?.name ?? '')) history.activityFailed(activityId, { message: `no ${activityType?.name}`, applicationFailureInfo: { type: 'No' } });
  else if (activityType !== undefined) history.activityCompleted(activityId, null);
  else if (timerId !== '' && startToFireTimeout < 1_000) history.timerFired(timerId);
}

const closes = (commands: readonly Init<Command>[]) =>
  commands.some(
    (command) =>
      command.completeWorkflowExecutionCommandAttributes ??
      command.failWorkflowExecutionCommandAttributes ??
      command.cancelWorkflowExecutionCommandAttributes ??
      command.continueAsNewWorkflowExecutionCommandAttributes,
  );

function failureOf(outcome: TaskOutcome): Failure {
  return Failure.decode(commandsOf(outcome).at(-1)?.failWorkflowExecutionCommandAttributes?.failure ?? new Uint8Array(0));
}

const steps = ['schedule reserve 1', 'schedule charge 2', 'schedule ship 3'];

test('a saga whose last step fails undoes all steps, the last one first, and fails with the failure of the step', async () => {
  await using executor = await executorOf();
  const history = new HistoryBuilder('saga');
  const { outcome, made } = await play(executor, history, ['ship']);
  assert.deepEqual(made, [...steps, 'schedule recall 4', 'schedule refund 5', 'schedule release 6', 'fail workflow execution']);
  assert.equal(failureOf(outcome).cause?.message, 'no ship');
  assert.equal(await executor.replay('order-1', history.events), undefined);
});

test('a saga that succeeds undoes nothing', async () => {
  await using executor = await executorOf();
  const { made } = await play(executor, new HistoryBuilder('saga'));
  assert.deepEqual(made, [...steps, 'complete null']);
});

test('only steps that were begun are undone', async () => {
  await using executor = await executorOf();
  const { made } = await play(executor, new HistoryBuilder('saga'), ['charge']);
  assert.deepEqual(made, ['schedule reserve 1', 'schedule charge 2', 'schedule refund 3', 'schedule release 4', 'fail workflow execution']);
});

test('a compensation that fails does not stop the others, and all that failed are reported with the reason of the saga as their cause', async () => {
  await using executor = await executorOf();
  const { outcome, made } = await play(executor, new HistoryBuilder('saga'), ['ship', 'recall', 'release']);
  assert.deepEqual(made.slice(3), ['schedule recall 4', 'schedule refund 5', 'schedule release 6', 'fail workflow execution']);
  const { applicationFailureInfo: info, cause, message } = failureOf(outcome);
  assert.deepEqual([info?.type, info?.nonRetryable, cause?.cause?.message], ['CompensationFailed', true, 'no ship']);
  assert.match(message, /recall failed .*no recall.*release failed .*no release/);
  assert.deepEqual((valuesOf(info?.details) as { name: string }[]).map(({ name }) => name), ['recall', 'release']);
});

test('a parallel saga starts all compensations at once', async () => {
  await using executor = await executorOf();
  const history = new HistoryBuilder('saga', [{ parallel: true }]);
  const { made } = await play(executor, history, ['ship', 'refund']);
  assert.deepEqual(made.slice(3), ['schedule recall 4', 'schedule refund 5', 'schedule release 6', 'fail workflow execution']);
  const scheduled = history.events.filter((event) => event.activityTaskScheduledEventAttributes).map(({ eventId }) => eventId);
  assert.equal(scheduled.at(-1)! - scheduled.at(-3)!, 2, 'in one workflow task');
});

test('a cancelled saga is undone, shielded from the cancellation, and ends as cancelled', async () => {
  await using executor = await executorOf();
  const { made } = await play(executor, new HistoryBuilder('cancelledSaga'), [], [(history) => history.cancelRequested()]);
  assert.deepEqual(made, ['timer 1 86400000', 'cancel timer 1', 'schedule release 1', 'cancel workflow execution']);
});

test('a bug in a saga fails the workflow task and undoes nothing', async () => {
  await using executor = await executorOf();
  const outcome = await executor.handle(new HistoryBuilder('buggySaga').taskStarted().task(), noFetch);
  assert.ok(outcome.kind === 'failed');
  assert.match(outcome.failure.message ?? '', /reading 'no'/);
});

test('handlers take turns with a mutex: no write between the read and the write of another is lost', async () => {
  await using executor = await executorOf();
  const history = new HistoryBuilder('mutex').signal('add', 1).signal('add', 2).signal('add', 4).signal('close');
  const { outcome, made } = await play(executor, history);
  assert.equal(resultOf(outcome), 7);
  assert.deepEqual(made.slice(0, 3), ['timer 1 10', 'timer 2 10', 'timer 3 10']);
  assert.equal(await executor.replay('order-1', history.events), undefined);
});

test('a semaphore serves in order, and one that waits for more is not overtaken; who is cancelled leaves the row', async () => {
  await using executor = await executorOf();
  const history = new HistoryBuilder('semaphore');
  const { outcome } = await play(executor, history);
  assert.deepEqual(resultOf(outcome), {
    log: ['d in, 0 free', 'a in, 0 free', 'e gave up', 'd out', 'a out', 'b in, 0 free', 'b out', 'c in, 1 free', 'c out'],
    locked: true,
    waiting: 0,
    available: 2,
    refused: 'RangeError',
  });
  assert.equal(await executor.replay('order-1', history.events), undefined);
});

test('a queue keeps the order, makes wait who puts into it when it is full, and can be emptied after it was closed', async () => {
  await using executor = await executorOf();
  const history = new HistoryBuilder('queue').signal('add', 1).signal('add', 2).signal('add', 3).signal('add', 4).signal('close');
  const { outcome } = await play(executor, history);
  assert.deepEqual(resultOf(outcome), { taken: [1, 2, 3, 4], size: 0, refused: 'IllegalStateError', rest: 'none', end: 'IllegalStateError' });
  assert.equal(await executor.replay('order-1', history.events), undefined);
});

test('a queue loses nothing when who waits for an item gives up', async () => {
  await using executor = await executorOf();
  const { outcome } = await play(executor, new HistoryBuilder('queueWithoutLoss'));
  assert.deepEqual(resultOf(outcome), { gaveUp: 'gave up', full: false, order: ['kept', 'late'] });
});

/** The history of a run that took the newest version of its time. */
async function recorded(executor: WorkflowExecutor, ...args: number[]): Promise<HistoryBuilder> {
  const history = new HistoryBuilder('versions', args);
  history.taskStarted();
  const outcome = await executor.handle(history.task(), noFetch);
  history.taskCompleted();
  for (const command of commandsOf(outcome)) {
    const { searchAttributes } = command.upsertWorkflowSearchAttributesCommandAttributes ?? {};
    if (searchAttributes) history.add(40, { upsertWorkflowSearchAttributesEventAttributes: { searchAttributes } });
    else history.commands([command]);
  }
  executor.evict(RUN_ID);
  return history;
}

/** The same run, on code that was deployed since. */
function redeployed(history: HistoryBuilder, ...args: number[]): HistoryBuilder {
  const again = new HistoryBuilder('versions', args);
  again.events.push(...history.events.slice(1));
  return again;
}

test('a new run takes the newest version; a recorded one stays for the whole run after a deployment', async () => {
  await using executor = await executorOf();
  const history = await recorded(executor, -1, 1);
  for (const maximum of [1, 2]) {
    const later = redeployed(history, -1, maximum).timerFired('1').taskStarted();
    assert.deepEqual(resultOf(await executor.handle(later.task(), noFetch)), [1, 1, 0]);
    executor.evict(RUN_ID);
  }
});

test('a run from before the first version keeps to the default version, also where it gets only now', async () => {
  await using executor = await executorOf();
  const old = new HistoryBuilder('versions', [-1, 1]).taskStarted().taskCompleted().timerStarted('1').timerFired('1').taskStarted();
  assert.deepEqual(resultOf(await executor.handle(old.task(), noFetch)), [-1, -1, 0]);
});

test('a version that the code supports no more, or not yet, fails the task and says so', async () => {
  await using executor = await executorOf();
  const history = await recorded(executor, -1, 1);
  for (const [supported, message] of [[[2, 3], /version 1 of 'change'; the code supports 2 to 3.*Bring the code/], [[-1, 0], /supports -1 to 0.*Deploy the newer/]] as const) {
    const outcome = await executor.handle(redeployed(history, ...supported).timerFired('1').taskStarted().task(), noFetch);
    assert.ok(outcome.kind === 'failed');
    assert.match(outcome.failure.message ?? '', message);
  }
});

test('a run continues as new when that is suggested, after its handlers have finished and with what they left', async () => {
  await using executor = await executorOf();
  const suggest: Do = (history) => {
    const { taskStarted } = history;
    history.taskStarted = function (...args) {
      taskStarted.apply(history, args);
      history.events.at(-1)!.workflowTaskStartedEventAttributes!.suggestContinueAsNew = true;
      return history;
    };
  };
  const history = new HistoryBuilder('renewing', [0]).signal('add', 5).signal('close');
  suggest(history);
  const { outcome, made } = await play(executor, history);
  assert.deepEqual(made, ['timer 1 10', 'continue as new workflow execution']);
  assert.deepEqual(valuesOf(commandsOf(outcome).at(-1)?.continueAsNewWorkflowExecutionCommandAttributes?.input), [5]);
  assert.equal(resultOf((await play(executor, new HistoryBuilder('renewing', [1], '2'))).outcome), 1, 'without the suggestion it goes on');
});

test('a type that no function has goes to the default export, also one that every object has a member of', async () => {
  await using executor = await executorOf();
  for (const type of ['anything', 'toString', 'constructor']) {
    assert.equal(resultOf(await executor.handle(new HistoryBuilder(type, ['x'], type).taskStarted().task(), noFetch)), `${type}: x`);
  }
});
