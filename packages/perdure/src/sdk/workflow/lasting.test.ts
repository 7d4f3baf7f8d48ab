/**
 * Runs that live long and wait often: what they have waited for is let go, so that a run's memory does not grow with the number of its turns.
 * And what code that waits carries along: contexts, streams of chance, the places where it waits.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defaultPayloadConverter } from '../common/index.js';
import { DefaultLogger } from '../common/logger.js';
import { HistoryBuilder } from '../replay/history-builder.js';
import { runStartFrom } from '../replay/run-start.js';
import { bundleWorkflowCode } from '../sandbox/bundle.js';
import { Realm } from '../sandbox/realm.js';
import type { RealmRun } from './activation.js';

const bundle = await bundleWorkflowCode({ workflowsPath: new URL('./test-lasting.js', import.meta.url).href });
const realm = new Realm(bundle, new DefaultLogger('ERROR'));

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** The test runner watches promises, and lets go of those that are collected only in a later turn. */
async function usedBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}

const task = {
  isReplaying: false,
  historyLength: 3,
  historySizeBytes: 10,
  continueAsNewSuggested: false,
  continueAsNewReasons: [],
  targetDeploymentChanged: false,
  workerVersion: { buildId: undefined, deployment: undefined },
  randomSeed: undefined,
  patches: [],
};

function begin(type: string, args: unknown[] = [], runId = type): RealmRun {
  const { events } = new HistoryBuilder(type, args, runId);
  const run = realm.createRun({ ...runStartFrom(events[0], { namespace: 'default', taskQueue: 'q', workflowId: 'w', runId }), hasLocalActivity: () => false });
  realm.step(run, (it) => it.activate({ timeMs: 5_000, jobs: [{ kind: 'start' }], ...task }));
  assert.equal(run.taskError, undefined);
  return run;
}

/** Lets all timers fire until the run ends. */
function resultOf(run: RealmRun): unknown {
  for (;;) {
    const commands = run.takeCommands();
    assert.equal(run.taskError, undefined);
    const completed = commands.find((command) => command.kind === 'complete');
    if (completed !== undefined) return defaultPayloadConverter.fromPayload(completed.result);
    const timers = commands.filter((command) => command.kind === 'start-timer');
    assert.ok(timers.length > 0, 'the run waits for nothing');
    realm.step(run, (it) => it.activate({ timeMs: 6_000, jobs: timers.map(({ seq }) => ({ kind: 'fire-timer', seq })), ...task }));
  }
}

const TURNS = 20_000;

for (const type of ['races', 'conditions', 'triggers']) {
  test(`a run keeps nothing of ${TURNS} ${type} that are over`, async () => {
    begin(type, [10], `${type} before`);
    const before = await usedBytes();
    const run = begin(type, [TURNS]);
    const grown = (await usedBytes()) - before;
    assert.equal(run.takeCommands().map(({ kind }) => kind).join(), 'start-timer', 'the run is still there');
    assert.ok(grown < TURNS * 50, `${Math.round(grown / TURNS)} bytes for each turn`);
  });
}

test('waits that share a listener are cancelled in the order in which they began, with what the code does in between', () => {
  const commands = begin('cancelled').takeCommands().map((command) => `${command.kind} ${'seq' in command ? command.seq : ''}`);
  const started = ['start-timer 1', 'start-timer 2', 'start-timer 3'];
  assert.equal(commands.slice(0, 7).join(), [...started, 'cancel-timer 1', 'start-timer 4', 'cancel-timer 2', 'cancel-timer 3'].join());
});

test('a race ends as its first contender does', () => {
  assert.deepEqual(resultOf(begin('outcomes')), ['second', 'second', 'at hand', 'second', 'lost']);
});

test('a value of AsyncLocalStorage follows awaits and callbacks, and stays where it belongs', () => {
  assert.deepEqual(resultOf(begin('contexts')), [null, 'a', 1, null, 'b', 1, null, null, 'IllegalStateError']);
});

test('named streams draw the same in every replay and leave the others alone', () => {
  const first = resultOf(begin('chance', [], 'run-1'));
  assert.deepEqual(first, resultOf(begin('chance', [], 'run-1')));
  assert.notDeepEqual(first, resultOf(begin('chance', [], 'run-2')));
  const [drawn, before, inside, after, sameTime, goesOn] = first as [unknown[], number, number[], number, boolean, boolean];
  // The numbers that Temporal's TypeScript SDK draws: histories carry over.
  assert.deepEqual([drawn, before, inside, after], GOLDEN);
  assert.ok(sameTime && goesOn);
});

const GOLDEN: unknown = [[0.4392947908490896, '8a48fc15-16d1-4230-9df9-7f7184f16501', [226, 108, 173, 155]], 0.5926900620106608, [0.6952623801771551, '3fb34b69-91ac-454f-a8ef-a608a113386c', 0.0799916977994144], 0.18497731140814722];

test('__enhanced_stack_trace tells as data where a run waits', () => {
  const run = begin('asked');
  run.takeCommands();
  const answer = realm.ask(run, { id: '', name: '__enhanced_stack_trace', input: [], headers: undefined });
  assert.ok(answer.ok);
  const { stacks, sdk } = defaultPayloadConverter.fromPayload<{ stacks: { locations: Record<string, unknown>[] }[]; sdk: { name: string } }>(answer.payload);
  assert.equal(sdk.name, 'perdure');
  assert.match(String(stacks[0]?.locations[0]?.['file_path']), /test-lasting\.[jt]s$/);
  assert.ok(Number(stacks[0]?.locations[0]?.['line']) > 1);
  assert.equal(stacks[0]?.locations[0]?.['function_name'], 'asked');
});
