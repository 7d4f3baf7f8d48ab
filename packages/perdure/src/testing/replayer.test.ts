/** Histories of yesterday against the code of today: from files, from a server, in the formats of the field; and the report when they differ. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EventType, History } from '../protocol/index.js';
import { describeReplay, historiesFromServer, historyFromJson, HistoryFormatError, readHistoryFile, Replayer, TestEnvironment } from './index.js';
import * as activities from './test-activities.js';
import { order, pays } from './test-workflows.js';

const workflowsPath = fileURLToPath(new URL('./test-workflows.js', import.meta.url));
const cli = fileURLToPath(new URL('../../bin/perdure.js', import.meta.url));

/** The histories of `order` and `pays`, as a server has them. */
async function recorded(): Promise<{ readonly workflowId: string; readonly history: History }[]> {
  await using env = await TestEnvironment.create({ startTime: 0 });
  await env.worker({ workflowsPath, activities });
  await env.run(order, { args: ['o-1'], workflowId: 'first' });
  await env.run(pays, { args: ['o-2'], workflowId: 'second' });
  const histories = [];
  for await (const history of historiesFromServer(env.client, ['first', 'second'])) histories.push(history);
  return histories;
}

/** What the code would have left behind had it shipped before it charged. */
function shippedFirst(history: History): History {
  const copy = History.decode(History.encode(history));
  const scheduled = copy.events.find(({ eventType }) => eventType === EventType.ACTIVITY_TASK_SCHEDULED);
  assert.ok(scheduled?.activityTaskScheduledEventAttributes?.activityType);
  scheduled.activityTaskScheduledEventAttributes.activityType.name = 'ship';
  return copy;
}

test('histories straight from a server replay', async () => {
  await using replayer = await Replayer.create({ workflowsPath });
  const reports = await replayer.replayAll(await recorded());
  assert.deepEqual(reports.map(({ workflowId, workflowType, outcome }) => [workflowId, workflowType, outcome]), [
    ['first', 'order', 'replayed'],
    ['second', 'pays', 'replayed'],
  ]);
});

test('a report says what history has, what the code did instead, and where', async () => {
  const [first] = await recorded();
  await using replayer = await Replayer.create({ workflowsPath });
  const report = await replayer.replay({ workflowId: 'first', history: shippedFirst(first!.history) });
  assert.equal(report.outcome, 'nondeterminism');
  assert.match(report.expected?.description ?? '', /^ActivityTaskScheduled \(activity 'ship'/);
  assert.equal(report.expected?.eventId, 5);
  assert.match(report.actual?.description ?? '', /charge/);
  assert.match(report.location ?? '', /test-workflows\.(js|ts):\d+:\d+$/);
  assert.match(describeReplay(report), /DIFFERS first .*\n {2}history has {2}event 5, ActivityTaskScheduled .*'ship'.*\n {2}the code did .*charge.*\n {2}at .*test-workflows/);
});

test('a replay can stop before the difference', async () => {
  const [first] = await recorded();
  await using replayer = await Replayer.create({ workflowsPath });
  const history = shippedFirst(first!.history);
  assert.equal((await replayer.replay({ workflowId: 'first', history }, { untilEventId: 4 })).outcome, 'replayed');
});

test('a history of a workflow that the code no longer has is a failure', async () => {
  const [first] = await recorded();
  first!.history.events[0]!.workflowExecutionStartedEventAttributes!.workflowType = { name: 'gone' };
  await using replayer = await Replayer.create({ workflowsPath });
  const report = await replayer.replay(first!);
  assert.equal(report.outcome, 'failed');
  assert.match(report.message ?? '', /gone/);
});

const encoded = (text: string): string => Buffer.from(text).toString('base64');
/** The same few events as two tools write them. */
const LONG_JSON = {
  events: [
    {
      eventId: '1',
      eventTime: '2026-03-04T05:06:07.123456789Z',
      eventType: 'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED',
      taskId: '1048587',
      workflowExecutionStartedEventAttributes: {
        workflowType: { name: 'nap' },
        taskQueue: { name: 'q', kind: 'TASK_QUEUE_KIND_NORMAL' },
        input: { payloads: [{ metadata: { encoding: encoded('json/plain') }, data: encoded('60000') }] },
        workflowTaskTimeout: '10s',
        originalExecutionRunId: 'run-1',
        firstExecutionRunId: 'run-1',
        attempt: 1,
        header: { fields: {} },
        someNewerField: { of: ['a newer tool'] },
      },
    },
    { eventId: '2', eventTime: '2026-03-04T05:06:07.2Z', eventType: 'EVENT_TYPE_WORKFLOW_TASK_SCHEDULED', workflowTaskScheduledEventAttributes: { startToCloseTimeout: '10s', attempt: 1 } },
    { eventId: '3', eventTime: '2026-03-04T05:06:08Z', eventType: 'EVENT_TYPE_WORKFLOW_TASK_STARTED', workflowTaskStartedEventAttributes: { scheduledEventId: '2' } },
    { eventId: '4', eventTime: '2026-03-04T05:06:08Z', eventType: 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED', workflowTaskCompletedEventAttributes: { scheduledEventId: '2', startedEventId: '3' } },
    { eventId: '5', eventTime: '2026-03-04T05:06:08Z', eventType: 'EVENT_TYPE_TIMER_STARTED', timerStartedEventAttributes: { timerId: '1', startToFireTimeout: '60s', workflowTaskCompletedEventId: '4' } },
  ],
};

test('JSON of the field is read: full and short names, times, numbers as text, unknown names', async () => {
  const { events } = historyFromJson(JSON.stringify(LONG_JSON));
  assert.deepEqual(events.map(({ eventId, eventType }) => [eventId, eventType]), [
    [1, EventType.WORKFLOW_EXECUTION_STARTED],
    [2, EventType.WORKFLOW_TASK_SCHEDULED],
    [3, EventType.WORKFLOW_TASK_STARTED],
    [4, EventType.WORKFLOW_TASK_COMPLETED],
    [5, EventType.TIMER_STARTED],
  ]);
  assert.equal(Math.floor(events[0]!.eventTime!), Date.parse('2026-03-04T05:06:07.123Z'));
  assert.equal(events[4]!.timerStartedEventAttributes?.startToFireTimeout, 60_000);
  const shortEvents = LONG_JSON.events.map((event) => {
    const name = event.eventType.slice('EVENT_TYPE_'.length).toLowerCase().replace(/(^|_)(.)/g, (_, __, letter: string) => letter.toUpperCase());
    return JSON.parse(JSON.stringify({ ...event, eventType: name }).replace(/\{"payloads":\[.*?\]\}/, '[60000]').replace('TASK_QUEUE_KIND_NORMAL', 'Normal')) as unknown;
  });
  assert.deepEqual(historyFromJson(shortEvents), historyFromJson(LONG_JSON));
  await using replayer = await Replayer.create({ workflowsPath });
  assert.equal((await replayer.replay({ workflowId: 'w', history: historyFromJson(LONG_JSON) })).outcome, 'replayed');
});

test('what is no history says where it is wrong', () => {
  assert.throws(() => historyFromJson('{"nothing": 1}'), HistoryFormatError);
  assert.throws(() => historyFromJson('{'), /no JSON/);
  const wrong = structuredClone(LONG_JSON);
  wrong.events[1]!.eventType = 'EVENT_TYPE_OF_MY_OWN';
  assert.throws(() => historyFromJson(wrong), /History\.events\[1\]\.eventType: "EVENT_TYPE_OF_MY_OWN" is no temporal\.api\.enums\.v1\.EventType/);
});

test('files of either format are read, and the command says by its exit code how it went', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'perdure-replay-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [first] = await recorded();
  writeFileSync(path.join(folder, 'good.pb'), History.encode(first!.history));
  writeFileSync(path.join(folder, 'nap.json'), JSON.stringify(LONG_JSON));
  assert.equal(readHistoryFile(path.join(folder, 'good.pb')).workflowId, 'good');
  const run = (...flags: string[]) => spawnSync(process.execPath, [cli, 'replay', ...flags], { encoding: 'utf8' });
  const good = run('--workflows-path', workflowsPath, '--history', folder);
  assert.deepEqual([good.status, good.stdout.split('\n').at(-2)], [0, '2 histories: 2 replayed, 0 not'], good.stderr);
  writeFileSync(path.join(folder, 'changed.pb'), History.encode(shippedFirst(first!.history)));
  const bad = run('--workflows-path', workflowsPath, '--history', folder);
  assert.equal(bad.status, 1);
  assert.match(bad.stdout, /DIFFERS changed/);
  writeFileSync(path.join(folder, 'broken.json'), '{"nothing": 1}');
  writeFileSync(path.join(folder, 'from-a-shell.json'), Buffer.from(`\ufeff${JSON.stringify(LONG_JSON)}`, 'utf16le'));
  const mixed = run('--workflows-path', workflowsPath, '--history', folder);
  assert.deepEqual([mixed.status, mixed.stdout.split('\n').at(-2)], [1, '5 histories: 3 replayed, 2 not'], 'a file that is no history does not hide the others');
  assert.match(mixed.stdout, /FAILED {2}broken\.json[^]*list of events/);
  const asJson = run('--workflows-path', workflowsPath, '--history', path.join(folder, 'changed.pb'), '-o', 'json');
  assert.equal((JSON.parse(asJson.stdout) as { outcome: string }[])[0]?.outcome, 'nondeterminism');
  assert.equal(run('--workflows-path', workflowsPath).status, 2);
  const missing = run('--workflows-path', workflowsPath, '--history', path.join(folder, 'none.json'));
  assert.deepEqual([missing.status, missing.stderr.includes('none.json')], [1, true]);
});
