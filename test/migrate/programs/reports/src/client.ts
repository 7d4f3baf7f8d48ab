import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import {
  ActivityNotFoundError,
  Client,
  Connection,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  WorkflowFailedError,
} from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { due, pages, region, tags } from './search-attributes.js';
import { report, signedBy, summary } from './workflows.js';

const connection = await Connection.connect({ address: process.env['TEMPORAL_ADDRESS'] });
const namespace = process.env['TEMPORAL_NAMESPACE'] ?? 'default';
const client = new Client({ connection, namespace });
const taskQueue = 'reports';
const until = async <T>(read: () => Promise<T | undefined>): Promise<T> => {
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    await setTimeout(20);
  }
};

const attributes = (place: string) =>
  new TypedSearchAttributes([
    { key: region, value: place },
    { key: due, value: new Date('2030-01-31T12:00:00Z') },
  ]);
const start = (place: string) => client.workflow.start(report, { taskQueue, workflowId: place, args: [place], typedSearchAttributes: attributes(place) });

// Completed by the token of the task, from the worker's process.
assert.equal(await (await start('north')).result(), 'north: 5 pages, written, north, signed by the desk');

// Completed by id, from here, after a heartbeat.
const south = await start('south');
const pending = await until(async () => {
  const { raw, typedSearchAttributes } = await south.describe();
  const activity = raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'sign');
  return activity && typedSearchAttributes.get(tags)?.includes('unsigned') ? activity : undefined;
});
const id = { workflowId: 'south', activityId: pending.activityId ?? '' };
await client.activity.heartbeat(id, 'read');
await client.activity.complete(id, 'the boss');
assert.equal(await south.result(), 'south: 5 pages, written, south, signed by the boss');
assert.equal(await south.query(signedBy), 'the boss');
await assert.rejects(client.activity.complete(id, 'too late'), ActivityNotFoundError);

// A failure from outside counts as an attempt.
await assert.rejects((await start('void')).result(), (err) => err instanceof WorkflowFailedError && /Illegible/.test(String(err.cause?.cause)));

// Found by what they say of themselves.
const described = await south.describe();
assert.equal(described.typedSearchAttributes.get(due)?.toISOString(), '2030-01-31T12:00:00.000Z');
const found = await until(async () => {
  const ids: string[] = [];
  for await (const info of client.workflow.list({ query: "ReportTags = 'written' AND ReportPages >= 5 AND ReportDue > '2030-01-01T00:00:00Z' AND WorkflowType = 'report'" })) {
    assert.equal(info.typedSearchAttributes.get(pages), 5);
    ids.push(info.workflowId);
  }
  return ids.length === 2 ? ids.sort() : undefined;
});
assert.deepEqual(found, ['north', 'south']);

// A schedule: made, read, changed, run by hand, gone.
const schedule = await client.schedule.create({
  scheduleId: 'summaries',
  spec: { calendars: [{ comment: 'each Monday at seven', dayOfWeek: 'MONDAY', hour: 7 }], intervals: [{ every: '30d', offset: '2h' }], timezone: 'Europe/Berlin' },
  action: { type: 'startWorkflow', workflowType: summary, args: ['weekly'], taskQueue, workflowId: 'summary', typedSearchAttributes: attributes('west') },
  policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL, catchupWindow: '1 day' },
  state: { paused: true, note: 'not yet' },
  memo: { owner: 'Ada' },
});
await assert.rejects(
  client.schedule.create({ scheduleId: 'summaries', spec: {}, action: { type: 'startWorkflow', workflowType: summary, args: ['x'], taskQueue } }),
  ScheduleAlreadyRunning,
);
const made = await schedule.describe();
assert.equal(made.state.paused, true);
assert.equal(made.state.note, 'not yet');
assert.equal(made.action.type, 'startWorkflow');
assert.deepEqual(made.action.args, ['weekly']);
assert.deepEqual(made.memo, { owner: 'Ada' });
assert.equal(made.spec.intervals?.[0]?.every, 30 * 86_400_000);
assert.equal(made.policies.overlap, ScheduleOverlapPolicy.ALLOW_ALL);
assert.ok((made.info.nextActionTimes[0] ?? new Date(0)) > new Date());

await schedule.update(({ spec, action, policies }) => ({ spec, policies, action: { ...action, args: ['monthly'] }, state: { paused: false } }));
await schedule.trigger(ScheduleOverlapPolicy.ALLOW_ALL);
const [run] = await until(async () => {
  const { recentActions } = (await schedule.describe()).info;
  return recentActions.length === 1 ? recentActions : undefined;
});
assert.ok(run?.action.type === 'startWorkflow');
assert.match(run.action.workflow.workflowId, /^summary-\d{4}-/);
assert.equal(await client.workflow.getHandle(run.action.workflow.workflowId).result(), 'monthly of west');
await schedule.backfill({ start: new Date('2030-01-07T00:00:00Z'), end: new Date('2030-01-08T00:00:00Z'), overlap: 'ALLOW_ALL' });
await until(async () => ((await schedule.describe()).info.numActionsTaken >= 2 ? true : undefined));
await schedule.pause('holidays');
assert.equal((await schedule.describe()).state.note, 'holidays');
await schedule.unpause();
const listed: string[] = [];
for await (const { scheduleId, spec } of client.schedule.list()) listed.push(`${scheduleId} ${spec?.timezone}`);
assert.deepEqual(listed, ['summaries Europe/Berlin']);
await schedule.delete();
await assert.rejects(schedule.describe(), ScheduleNotFoundError);
assert.equal(defineSearchAttributeKey('ReportRegion', 'KEYWORD').name, region.name);

await connection.close();
console.log('reports: all is as it should be');
