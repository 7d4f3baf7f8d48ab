/** Schedules through the whole server: in whatever write it dies, each firing starts one execution, or is accounted for in another way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../ports/index.js';
import { ScheduleOverlapPolicy, WorkflowExecutionStatus, WorkflowService } from '../protocol/index.js';
import type { Init, Schedule, SchedulePatch } from '../protocol/index.js';
import { everyDeath, MortalServer } from './testing/mortal-server.js';
import { NAMESPACE } from './testing/stage.js';

const HALF_MINUTE = 30_000;
const FIRINGS = 4;

interface Variant {
  readonly schedule: Init<Schedule>;
  /** Sent after the creation, under the same request id in each life. */
  readonly patch?: Init<SchedulePatch>;
  readonly update?: Init<Schedule>;
  /** Executions that are not those of its own firings. */
  readonly manual?: number;
}

const spec = { interval: [{ interval: 2 * HALF_MINUTE }] };
const action = { startWorkflow: { workflowId: 'w', workflowType: { name: 'T' }, taskQueue: { name: 'q' } } };
const { SKIP, BUFFER_ONE, BUFFER_ALL, CANCEL_OTHER, TERMINATE_OTHER, ALLOW_ALL } = ScheduleOverlapPolicy;
const EPOCH = new VirtualClock().now();
const backfillRequest = [{ startTime: EPOCH - 6 * HALF_MINUTE, endTime: EPOCH - 2 * HALF_MINUTE, overlapPolicy: ALLOW_ALL }];

const VARIANTS: Readonly<Record<string, Variant>> = {
  'terminate the other': { schedule: { policies: { overlapPolicy: TERMINATE_OTHER } } },
  'cancel the other': { schedule: { policies: { overlapPolicy: CANCEL_OTHER } } },
  skip: { schedule: { policies: { overlapPolicy: SKIP } } },
  'buffer one': { schedule: { policies: { overlapPolicy: BUFFER_ONE } } },
  'buffer all, and a trigger': { schedule: { policies: { overlapPolicy: BUFFER_ALL } }, patch: { triggerImmediately: { overlapPolicy: ALLOW_ALL } }, manual: 1 },
  'allow all, and a backfill': { schedule: { policies: { overlapPolicy: ALLOW_ALL } }, patch: { backfillRequest }, manual: 3 },
  'two actions': { schedule: { policies: { overlapPolicy: ALLOW_ALL }, state: { limitedActions: true, remainingActions: 2 } } },
  'an update': { schedule: { policies: { overlapPolicy: SKIP } }, update: { policies: { overlapPolicy: ALLOW_ALL } } },
};

/** Sends what was not answered before the server died once more. */
async function request(server: MortalServer, { schedule, patch, update }: Variant): Promise<void> {
  const about = { namespace: NAMESPACE, scheduleId: 's' };
  await server.call(WorkflowService.CreateSchedule, { ...about, requestId: 'create', schedule: { spec, action, ...schedule } });
  if (patch !== undefined) await server.call(WorkflowService.PatchSchedule, { ...about, requestId: 'patch', patch });
  if (update !== undefined) await server.call(WorkflowService.UpdateSchedule, { ...about, requestId: 'update', schedule: { spec, action, ...update } });
}

/** One life of a server, unless it has died on the way. */
async function live(server: MortalServer, variant: Variant): Promise<void> {
  request(server, variant).catch(() => {});
  await server.clock.settle();
  for (let step = 0; step < 2 * FIRINGS && !server.isDead; step++) await server.clock.advance(HALF_MINUTE);
}

async function check(variant: Variant, server: MortalServer): Promise<void> {
  const asking = Promise.all([
    server.call(WorkflowService.DescribeSchedule, { namespace: NAMESPACE, scheduleId: 's' }),
    server.call(WorkflowService.ListWorkflowExecutions, { namespace: NAMESPACE }),
  ]);
  await server.clock.settle();
  const [{ info, schedule }, { executions }] = await asking;
  assert.ok(info?.createTime !== undefined);
  const ids = executions.map(({ execution }) => execution?.workflowId);
  assert.ok(info.actionCount === ids.length && new Set(ids).size === ids.length, `one execution for each of ${info.actionCount} actions: ${ids.join()}`);
  const due = Math.floor(server.clock.now() / (2 * HALF_MINUTE)) - Math.floor(info.createTime / (2 * HALF_MINUTE));
  const { limitedActions = false, remainingActions = 0 } = schedule?.state ?? {};
  const own = info.actionCount - (variant.manual ?? 0);
  if (limitedActions) assert.deepEqual([own, remainingActions], [2, 0]);
  else assert.deepEqual([own + info.overlapSkipped + info.bufferSize, info.missedCatchupWindow, info.bufferDropped], [due, 0, 0], 'each firing is accounted for once');
  if (variant.schedule.policies?.overlapPolicy !== TERMINATE_OTHER) return;
  const { TERMINATED, RUNNING } = WorkflowExecutionStatus;
  assert.deepEqual(info.recentActions.map(({ startWorkflowStatus }) => startWorkflowStatus), ids.map((_, index) => (index === ids.length - 1 ? RUNNING : TERMINATED)));
}

for (const [name, variant] of Object.entries(VARIANTS)) {
  test(`a server that dies in any write starts nothing twice and forgets nothing: ${name}`, async () => {
    const deaths = await everyDeath(async (death) => {
      const server = new MortalServer({ groupRecords: 1 });
      server.diesAt(death);
      if (await server.begin()) await live(server, variant);
      const died = server.isDead;
      await server.beginAgain();
      await live(server, variant);
      await check(variant, server);
      await server.engine.close();
      return died;
    });
    assert.ok(deaths > 12, `${deaths} deaths`);
  });
}
