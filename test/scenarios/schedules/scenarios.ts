/** Schedules: what they start, when, and what is said of it. */
import assert from 'node:assert/strict';
import { WorkflowService } from '#perdure/protocol/index';
import type { ScheduleDescription, ScheduleHandle } from 'perdure/client';
import { eventually, failure, type Scenario, type Stage } from '../scenario.js';

const YEARLY = { calendars: [{ month: 'JANUARY', dayOfMonth: 1, hour: 12 }] } as const;

async function create(stage: Stage, workflowType: string, options: object = {}, args: unknown[] = []): Promise<ScheduleHandle> {
  const scheduleId = stage.id('schedule');
  const action = { type: 'startWorkflow' as const, workflowType, taskQueue: stage.taskQueue, workflowId: stage.id('run'), args };
  return stage.client.schedule.create({ scheduleId, spec: { calendars: [{ ...YEARLY.calendars[0] }] }, action: action as never, ...options });
}

async function until(handle: ScheduleHandle, holds: (description: ScheduleDescription) => boolean, what: string): Promise<ScheduleDescription> {
  return eventually(async () => {
    const description = await handle.describe();
    return holds(description) && description;
  }, what);
}

const lastRun = ({ info }: ScheduleDescription): string => info.recentActions.at(-1)?.action.workflow.workflowId ?? assert.fail('an action was taken');

/** Before it is ended: or its history would depend on who is quicker. */
async function asleep(stage: Stage, workflowId: string): Promise<void> {
  await eventually(async () => (await stage.history(workflowId)).some(({ timerStartedEventAttributes }) => timerStartedEventAttributes !== undefined), 'its timer');
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a trigger starts the workflow under the id with the time, and the result is handed to the next run',
    covers: ['policy:scheduleOverlap.BUFFER_ALL', 'rpc:CreateSchedule', 'rpc:PatchSchedule', 'rpc:DescribeSchedule', 'rpc:DeleteSchedule'],
    varies: 'the time is part of the workflow id',
    run: async (stage) => {
      const handle = await create(stage, 'report', { policies: { overlap: 'BUFFER_ALL' } }, ['sales']);
      await handle.trigger('SKIP');
      const first = await until(handle, ({ info }) => info.numActionsTaken === 1 && info.runningActions.length === 0, 'the first action and its end');
      assert.match(lastRun(first), /-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.ok(lastRun(first).startsWith(stage.id('run')));
      assert.equal(await stage.client.workflow.getHandle(lastRun(first)).result(), 'sales by true after null');
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await handle.trigger('SKIP');
      const second = await until(handle, ({ info }) => info.numActionsTaken === 2, 'the second action');
      assert.equal(await stage.client.workflow.getHandle(lastRun(second)).result(), 'sales by true after "sales by true after null"');
      const [started] = await stage.history(lastRun(second));
      const attributes = started?.workflowExecutionStartedEventAttributes;
      assert.equal(attributes?.identity, `temporal-scheduler-${stage.namespace}-${handle.scheduleId}`);
      const { searchAttributes } = await stage.client.workflow.getHandle(lastRun(second)).describe();
      assert.deepEqual(searchAttributes['TemporalScheduledById'], [handle.scheduleId]);
      assert.ok(searchAttributes['TemporalScheduledStartTime']?.[0] instanceof Date);
      await handle.delete();
      assert.equal((await failure(handle.describe())).name, 'ScheduleNotFoundError');
    },
  },
  {
    name: 'what was written comes back in its one form; an update replaces it; pausing leaves notes',
    covers: ['rpc:UpdateSchedule', 'rpc:ListScheduleMatchingTimes'],
    run: async (stage) => {
      const spec = { cronExpressions: ['30 9 * * MON-FRI # office hours'], intervals: [{ every: '6h', offset: '10m' }], skip: [{ month: 'DECEMBER', dayOfMonth: 25, hour: '*', minute: '*' }], timezone: 'Europe/Berlin', jitter: '1m' };
      const handle = await create(stage, 'report', { spec, memo: { owner: 'Ada' }, state: { paused: true, note: 'not yet', remainingActions: 7 } }, ['x']);
      const before = await handle.describe();
      assert.deepEqual(before.spec.calendars?.[0]?.dayOfWeek, [{ start: 'MONDAY', end: 'FRIDAY', step: 1 }]);
      assert.equal(before.spec.calendars[0].comment, 'office hours');
      assert.deepEqual(before.spec.intervals, [{ every: 21_600_000, offset: 600_000 }]);
      assert.deepEqual([before.spec.timezone, before.spec.jitter, before.spec.skip?.length], ['Europe/Berlin', 60_000, 1]);
      assert.deepEqual(before.state, { paused: true, note: 'not yet', remainingActions: 7 });
      assert.deepEqual([before.memo, before.action.args, before.policies.overlap, before.policies.catchupWindow], [{ owner: 'Ada' }, ['x'], 'SKIP', 31_536_000_000]);
      assert.equal(before.info.nextActionTimes.length, 7);
      await handle.update((previous) => ({ ...previous, spec: { intervals: [{ every: '1d' }] }, policies: { overlap: 'BUFFER_ONE', pauseOnFailure: true, catchupWindow: '1m' } }) as never);
      const after = await until(handle, ({ policies }) => policies.pauseOnFailure, 'the update');
      assert.deepEqual([after.spec.calendars, after.spec.intervals?.map(({ every }) => every)], [[], [86_400_000]]);
      assert.deepEqual(after.policies, { overlap: 'BUFFER_ONE', pauseOnFailure: true, catchupWindow: 60_000 });
      assert.ok(after.info.lastUpdatedAt !== undefined);
      await handle.unpause('go');
      await until(handle, ({ state }) => !state.paused && state.note === 'go', 'the note');
      const startTime = Date.UTC(2031, 0, 1);
      const times = await stage.call(WorkflowService.ListScheduleMatchingTimes, { namespace: stage.namespace, scheduleId: handle.scheduleId, startTime, endTime: startTime + 2 * 86_400_000 });
      assert.deepEqual(times.startTime, [startTime + 86_400_000, startTime + 2 * 86_400_000], 'after the start, up to the end');
      await handle.delete();
    },
  },
  {
    name: 'times of day that a change of clocks skips do not come, those that it repeats come twice',
    covers: ['rpc:ListScheduleMatchingTimes'],
    run: async (stage) => {
      const day = 86_400_000;
      const cases = [
        { timezone: 'America/New_York', cron: '30 2 * * *', from: '2026-03-07T12:00:00Z', times: ['2026-03-09T06:30'] },
        { timezone: 'America/New_York', cron: '30 1 * * *', from: '2026-10-31T12:00:00Z', times: ['2026-11-01T05:30', '2026-11-01T06:30', '2026-11-02T06:30'] },
        { timezone: 'Australia/Lord_Howe', cron: '0,15,30,45 2 * * *', from: '2026-10-03T12:00:00Z', times: ['2026-10-03T15:30', '2026-10-03T15:45', '2026-10-04T15:00', '2026-10-04T15:15', '2026-10-04T15:30', '2026-10-04T15:45'] },
      ];
      for (const [index, { timezone, cron, from, times }] of cases.entries()) {
        const scheduleId = stage.id(`clock-${index}`);
        const handle = await create(stage, 'report', { scheduleId, spec: { cronExpressions: [cron], timezone }, state: { paused: true } });
        const startTime = Date.parse(from);
        const found = await stage.call(WorkflowService.ListScheduleMatchingTimes, { namespace: stage.namespace, scheduleId: handle.scheduleId, startTime, endTime: startTime + 2 * day });
        assert.deepEqual(found.startTime.map((time) => new Date(time).toISOString().slice(0, 16)), times, `${cron} in ${timezone}`);
        await handle.delete();
      }
    },
  },
  {
    name: 'overlap policies: skip, buffer, cancel, terminate',
    covers: [
      'rpc:PatchSchedule',
      'event:WORKFLOW_EXECUTION_CANCELED',
      'event:WORKFLOW_EXECUTION_TERMINATED',
      'policy:scheduleOverlap.SKIP',
      'policy:scheduleOverlap.BUFFER_ONE',
      'policy:scheduleOverlap.CANCEL_OTHER',
      'policy:scheduleOverlap.TERMINATE_OTHER',
    ],
    varies: 'the time is part of the workflow id',
    run: async (stage) => {
      const handle = await create(stage, 'sleeps');
      await handle.trigger('SKIP');
      await asleep(stage, lastRun(await until(handle, ({ info }) => info.runningActions.length === 1, 'the first action')));
      await handle.trigger('SKIP');
      await until(handle, ({ info }) => info.numActionsSkippedOverlap === 1, 'the skipped one');
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await handle.trigger('CANCEL_OTHER');
      const second = await until(handle, ({ info }) => info.numActionsTaken === 2, 'the one that cancelled the first');
      await asleep(stage, lastRun(second));
      const first = second.info.recentActions[0]?.action.workflow.workflowId ?? '';
      assert.equal((await stage.client.workflow.getHandle(first).describe()).status.name, 'CANCELLED');
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await handle.trigger('TERMINATE_OTHER');
      const third = await until(handle, ({ info }) => info.numActionsTaken === 3, 'the one that terminated the second');
      assert.equal((await stage.client.workflow.getHandle(lastRun(second)).describe()).status.name, 'TERMINATED');
      assert.deepEqual(third.info.runningActions.map(({ workflow }) => workflow.workflowId), [lastRun(third)]);
      await asleep(stage, lastRun(third));
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await handle.trigger('BUFFER_ONE');
      await until(handle, ({ raw }) => Number(raw.info?.bufferSize) === 1, 'the one that waits');
      await stage.client.workflow.getHandle(lastRun(third)).terminate();
      const fourth = await until(handle, ({ info }) => info.numActionsTaken === 4, 'the one that has waited');
      await handle.delete();
      await asleep(stage, lastRun(fourth));
      await stage.client.workflow.getHandle(lastRun(fourth)).terminate();
    },
  },
  {
    name: 'a backfill takes the actions of a past time, both ends included',
    covers: ['rpc:PatchSchedule', 'policy:scheduleOverlap.ALLOW_ALL'],
    run: async (stage) => {
      const handle = await create(stage, 'report', { spec: { intervals: [{ every: '1h' }] }, state: { paused: true } }, ['old']);
      await handle.backfill({ start: new Date('2025-03-01T10:00:00Z'), end: new Date('2025-03-01T12:00:00Z'), overlap: 'ALLOW_ALL' });
      const { info } = await until(handle, ({ info }) => info.numActionsTaken === 3, 'three actions');
      const taken = info.recentActions.map(({ action }) => action.workflow.workflowId.replace(stage.id('run'), ''));
      assert.deepEqual(taken.sort(), ['-2025-03-01T10:00:00Z', '-2025-03-01T11:00:00Z', '-2025-03-01T12:00:00Z']);
      for (const { action } of info.recentActions) await stage.client.workflow.getHandle(action.workflow.workflowId).result();
      await handle.delete();
    },
  },
  {
    name: 'a failed action pauses the schedule, if it is told to',
    covers: ['rpc:CreateSchedule', 'event:WORKFLOW_EXECUTION_FAILED'],
    varies: 'the time is part of the workflow id',
    run: async (stage) => {
      const handle = await create(stage, 'fails', { spec: { intervals: [{ every: '1s' }] }, policies: { pauseOnFailure: true } });
      const { state } = await until(handle, ({ state }) => state.paused, 'the pause');
      assert.match(state.note ?? '', /^paused due to workflow failure: .*: boom$/);
      await handle.delete();
    },
  },
  {
    name: 'an id that is taken, a spec that makes no sense, schedules that do not exist',
    covers: ['rpc:CreateSchedule', 'rpc:DeleteSchedule'],
    run: async (stage) => {
      const handle = await create(stage, 'report');
      assert.equal((await failure(create(stage, 'report'))).name, 'ScheduleAlreadyRunning');
      const broken = await failure(create(stage, 'report', { spec: { cronExpressions: ['61 * * * *'] } }));
      assert.deepEqual([broken.name, broken.message], ['TypeError', 'Minute is not in range [0-59]']);
      await handle.delete();
      for (const call of [handle.delete(), handle.describe(), handle.pause(), handle.trigger()]) assert.equal((await failure(call)).name, 'ScheduleNotFoundError');
    },
  },
  {
    name: 'a list shows schedules and what they will do',
    covers: ['rpc:ListSchedules', 'rpc:CountSchedules'],
    run: async (stage) => {
      const handle = await create(stage, 'report', { memo: { owner: 'Ada' }, state: { paused: true, note: 'later' } });
      const listed = await eventually(async () => {
        for await (const summary of stage.client.schedule.list({ query: `ScheduleId = '${handle.scheduleId}'` })) if (summary.scheduleId === handle.scheduleId) return summary;
        return undefined;
      }, 'the schedule in the list');
      const query = `ScheduleId = '${handle.scheduleId}' AND TemporalSchedulePaused = true`;
      await eventually(async () => (await stage.call(WorkflowService.CountSchedules, { namespace: stage.namespace, query })).count === 1, 'the schedule in the count');
      assert.deepEqual([listed.action?.workflowType, listed.memo, listed.state, listed.info.nextActionTimes.length], ['report', { owner: 'Ada' }, { paused: true, note: 'later' }, 5]);
      await handle.delete();
    },
  },
];
