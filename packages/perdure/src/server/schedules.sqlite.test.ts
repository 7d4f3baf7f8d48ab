/** Schedules on a real file, through stops and starts of the whole engine, on virtual time: what was due while nothing ran. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../ports/virtual-clock.js';
import { seededRandom } from '../ports/random.js';
import { PerdureService, ScheduleOverlapPolicy, SkippedActionReason, WorkflowService } from '../protocol/index.js';
import type { Init, Schedule, ScheduleInfo } from '../protocol/index.js';
import { openEngine, type Engine } from './engine.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const namespace = 'default';
const { SKIP, BUFFER_ONE, BUFFER_ALL, CANCEL_OTHER, TERMINATE_OTHER, ALLOW_ALL } = ScheduleOverlapPolicy;

/** One file, and one clock that goes on while no engine runs. */
class Site implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly #folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-schedules-'));
  #engine: Engine | undefined;

  get engine(): Engine {
    return this.#engine ?? assert.fail('the engine runs');
  }

  async start(): Promise<void> {
    this.#engine = await openEngine({ filename: path.join(this.#folder, 'engine.db'), clock: this.clock, random: seededRandom(1, this.clock), verify: true });
    await this.clock.advance(0);
  }

  async down(ms: number): Promise<void> {
    await this.engine.close();
    await this.clock.advance(ms);
    await this.start();
  }

  async create(scheduleId: string, schedule: Init<Schedule>): Promise<void> {
    const action = { startWorkflow: { workflowId: scheduleId, workflowType: { name: 'T' }, taskQueue: { name: 'nobody' } } };
    const given = { spec: { interval: [{ interval: 10 * MINUTE }] }, action, ...schedule };
    await this.engine.transport.call(WorkflowService.CreateSchedule, { namespace, scheduleId, requestId: scheduleId, schedule: given });
  }

  async info(scheduleId: string): Promise<ScheduleInfo> {
    const { info } = await this.engine.transport.call(WorkflowService.DescribeSchedule, { namespace, scheduleId });
    return info ?? assert.fail('it is described');
  }

  async startedBy(scheduleId: string): Promise<string[]> {
    const { executions } = await this.engine.transport.call(WorkflowService.ListWorkflowExecutions, { namespace, query: `TemporalScheduledById = '${scheduleId}'` });
    return executions.map(({ execution }) => execution?.workflowId.slice(-9, -4) ?? '').sort();
  }

  async skipped(scheduleId: string): Promise<[number, number | undefined][]> {
    const { skippedActions } = await this.engine.transport.call(PerdureService.ListSkippedActions, { namespace, scheduleId });
    return skippedActions.map(({ reason, count }) => [reason, count]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine?.close();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

test('a server that was down takes what the catch-up window says, late, and says what it left out', async () => {
  await using site = new Site();
  await site.start();
  await site.create('all', { policies: { overlapPolicy: ALLOW_ALL } });
  await site.create('half an hour', { policies: { overlapPolicy: ALLOW_ALL, catchupWindow: 30 * MINUTE } });
  await site.create('paused', { policies: { overlapPolicy: ALLOW_ALL }, state: { paused: true } });
  await site.create('two left', { policies: { overlapPolicy: ALLOW_ALL }, state: { limitedActions: true, remainingActions: 2 } });
  await site.create('until ten past', { spec: { interval: [{ interval: 10 * MINUTE }], endTime: site.clock.now() + 10 * MINUTE }, policies: { overlapPolicy: ALLOW_ALL } });
  await site.down(HOUR + MINUTE);
  assert.deepEqual(await site.startedBy('all'), ['00:10', '00:20', '00:30', '00:40', '00:50', '01:00']);
  assert.deepEqual(await site.startedBy('half an hour'), ['00:40', '00:50', '01:00']);
  assert.deepEqual([(await site.info('half an hour')).missedCatchupWindow, await site.skipped('half an hour')], [3, [[SkippedActionReason.CATCHUP_WINDOW, 3]]]);
  assert.deepEqual(await site.startedBy('paused'), []);
  assert.deepEqual(await site.startedBy('two left'), ['00:10', '00:20']);
  assert.deepEqual(await site.startedBy('until ten past'), ['00:10']);
  const before = await site.info('all');
  await site.down(0);
  assert.deepEqual(await site.info('all'), before, 'a stop in between takes nothing twice');
  await site.clock.advance(9 * MINUTE);
  assert.deepEqual((await site.startedBy('all')).at(-1), '01:10', 'it goes on at its time');
});

test('each overlap policy holds for what comes late', async () => {
  await using site = new Site();
  await site.start();
  const policies = { SKIP, BUFFER_ONE, BUFFER_ALL, CANCEL_OTHER, TERMINATE_OTHER, ALLOW_ALL };
  for (const [name, overlapPolicy] of Object.entries(policies)) await site.create(name, { policies: { overlapPolicy } });
  await site.clock.advance(10 * MINUTE);
  await site.down(40 * MINUTE);
  const seen: Record<string, unknown> = {};
  for (const name of Object.keys(policies)) {
    const { actionCount, overlapSkipped, bufferSize } = await site.info(name);
    seen[name] = [actionCount, overlapSkipped, bufferSize];
  }
  assert.deepEqual(seen, {
    SKIP: [1, 4, 0],
    BUFFER_ONE: [1, 3, 1],
    BUFFER_ALL: [1, 0, 4],
    // Nobody answers the cancellation; the latest waits.
    CANCEL_OTHER: [1, 3, 1],
    // The running one is ended at once, and the next one takes its place.
    TERMINATE_OTHER: [2, 3, 0],
    ALLOW_ALL: [5, 0, 0],
  });
});

test('a backfill that was cut off goes on after the start', async () => {
  await using site = new Site();
  await site.start();
  await site.create('s', { state: { paused: true } });
  const startTime = site.clock.now() - 1000 * 10 * MINUTE;
  await site.engine.transport.call(WorkflowService.PatchSchedule, { namespace, scheduleId: 's', requestId: 'p', patch: { backfillRequest: [{ startTime, endTime: site.clock.now(), overlapPolicy: ALLOW_ALL }] } });
  await site.down(MINUTE);
  await site.clock.advance(MINUTE);
  assert.equal((await site.info('s')).actionCount, 1001);
  const { count } = await site.engine.transport.call(WorkflowService.CountWorkflowExecutions, { namespace, query: "TemporalScheduledById = 's'" });
  assert.equal(count, 1001);
});
