/** Who gets a slot and who waits: for the kinds of slots that depend on time, on the machine, or on code of the user's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ValueError } from '../../common/index.js';
import type { WorkerTime } from '../../common/worker-time.js';
import { settle, silentLogger } from '../testing-server.js';
import { PacedSlots } from './paced-slots.js';
import { ResourceBasedController, systemUsage, type ResourceUsage } from './resource-controller.js';
import { ResourceSlots } from './resource-slots.js';
import { SharedSlots } from './shared-slots.js';
import { FixedSlots, type Slot, type SlotSource } from './slots.js';
import { compileTuner, openActivitySlots, openWorkflowSlots, slotContext, type CustomSlotSupplier, type SlotReserveContext, type WorkflowSlotInfo } from './tuner.js';

/** A clock that the test moves. */
class ManualTime implements WorkerTime {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now = () => this.#now;
  monotonic = () => this.#now;
  beginWork = () => () => {};

  setDelay(delayMs: number, run: () => void): { cancel(): void } {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  get timers(): number {
    return this.#timers.size;
  }

  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.run();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Takes one, and keeps it in `got` once it has come. */
function wait(slots: SlotSource, got: (Slot | undefined)[]): void {
  void Promise.resolve(slots.take()).then((slot) => got.push(slot));
}

const target = { targetMemoryUsage: 0.8, targetCpuUsage: 0.9 };

test('resource-based: the minimum always, more only while there is room, one per throttle, never above the maximum', async () => {
  const time = new ManualTime();
  let usage: ResourceUsage = { memory: 0.1, cpu: 0.99 };
  const controller = ResourceBasedController.measuring(target, () => usage);
  const slots = new ResourceSlots({ minimumSlots: 2, maximumSlots: 4, rampThrottleMs: 50 }, controller, time);
  const taken = [slots.tryTake(), slots.tryTake()];
  assert.ok(taken.every((slot) => slot !== undefined));
  assert.equal(slots.tryTake(), undefined, 'the machine is busy');

  const got: (Slot | undefined)[] = [];
  for (let i = 0; i < 3; i++) wait(slots, got);
  await time.pass(1_000);
  assert.equal(got.length, 0);
  usage = { memory: 0.9, cpu: 0 };
  await time.pass(2_000);
  assert.equal(got.length, 0, 'memory counts as well');
  usage = { memory: 0.1, cpu: 0 };
  await time.pass(200);
  assert.equal(got.length, 2);
  await time.pass(60_000);
  assert.equal(slots.used, 4, 'the maximum');
  assert.equal(time.timers, 0, 'nobody looks for room that cannot come');
  taken[0]?.release();
  await time.pass(200);
  assert.equal(got.length, 3);
  wait(slots, got);
  slots.close();
  await settle();
  assert.deepEqual([got.length, got[3], time.timers], [4, undefined, 0]);
});

test('one busy moment is not load; load is', () => {
  let cpu = 0;
  const controller = ResourceBasedController.measuring(target, () => ({ memory: 0, cpu }));
  assert.ok(controller.hasRoom(0));
  cpu = 1;
  assert.ok(controller.hasRoom(100));
  for (let at = 200; at < 1_500; at += 100) controller.hasRoom(at);
  assert.equal(controller.hasRoom(1_500), false);
});

test('what is measured of this machine are shares', () => {
  const measure = systemUsage();
  for (const { memory, cpu } of [measure(), measure()]) {
    assert.ok(memory > 0 && memory < 1, `${memory}`);
    assert.ok(cpu >= 0 && cpu <= 1, `${cpu}`);
  }
});

test('a rate: what starts is counted, what comes back unused is not, and nothing is saved up for long', async () => {
  const time = new ManualTime();
  const slots = new PacedSlots(new FixedSlots(1_000), 20, time);
  await time.pass(3_600_000);
  let started = 0;
  const used = (slot: Slot | undefined): void => {
    slot?.use('charge');
    started += 1;
    slot?.release();
  };
  // Twenty polls, each of which finds a task at once.
  const poll = async (): Promise<void> => {
    for (;;) {
      const slot = await slots.take();
      if (slot === undefined) return;
      used(slot);
    }
  };
  for (let i = 0; i < 20; i++) void poll();
  await settle();
  assert.equal(started, 2);
  await time.pass(1_000);
  assert.ok(started >= 20 && started <= 23, `${started} in the first second`);
  await time.pass(9_000);
  assert.ok(started >= 198 && started <= 203, `${started} in ten seconds`);
  slots.close();
});

test('a rate below one per second; a poll that brings nothing gives its turn back', async () => {
  const time = new ManualTime();
  const slots = new PacedSlots(new FixedSlots(10), 0.5, time);
  const first = slots.tryTake();
  assert.equal(slots.tryTake(), undefined);
  first?.release();
  const second = slots.tryTake();
  assert.ok(second);
  second.use('charge');
  const got: (Slot | undefined)[] = [];
  wait(slots, got);
  await time.pass(1_900);
  assert.equal(got.length, 0);
  await time.pass(200);
  assert.equal(got.length, 1);
  // An open poll holds the only turn, however long it takes: no second one may bring a task with it.
  wait(slots, got);
  await time.pass(60_000);
  assert.equal(got.length, 1);
});

const context: SlotReserveContext = { slotType: 'workflow', taskQueue: 'orders', workerIdentity: 'me', workerBuildId: '', isSticky: false };

function supplierOf(calls: unknown[], methods: Partial<CustomSlotSupplier<WorkflowSlotInfo>>): CustomSlotSupplier<WorkflowSlotInfo> {
  return {
    type: 'custom',
    reserveSlot: async ({ isSticky }) => ({ permit: isSticky }),
    tryReserveSlot: () => null,
    markSlotUsed: (used) => void calls.push(['used', used]),
    releaseSlot: (released) => void calls.push(['released', released]),
    ...methods,
  };
}

function customSlots(methods: Partial<CustomSlotSupplier<WorkflowSlotInfo>>) {
  const calls: unknown[] = [];
  const time = new ManualTime();
  const logger = silentLogger();
  const holder = { workflowTaskSlotSupplier: supplierOf(calls, methods), activityTaskSlotSupplier: fixed(1), localActivityTaskSlotSupplier: fixed(1) };
  const slots = openWorkflowSlots(compileTuner(holder).workflow, { context, logger, time });
  return { slots, calls, time, logger };
}

const fixed = (numSlots: number) => ({ type: 'fixed-size', numSlots }) as const;

test('custom: the supplier is told what its permits are for, and gets them back, used or not', async () => {
  const { slots, calls } = customSlots({});
  const slot = await slots.take(true);
  slot?.use('order');
  slot?.release();
  const unused = await slots.take();
  assert.equal(slots.used, 1);
  unused?.release();
  const slotInfo = { type: 'workflow', workflowType: 'order', isSticky: true };
  assert.deepEqual(calls, [
    ['used', { slotInfo, permit: { permit: true } }],
    ['released', { slotInfo, permit: { permit: true } }],
    ['released', { permit: { permit: false } }],
  ]);
  assert.equal(slots.tryTake(), undefined, 'null is no permit');
});

test('custom: a supplier that throws is asked again later; the worker goes on', async () => {
  let fails = true;
  const { slots, time, logger } = customSlots({
    reserveSlot: () => {
      if (fails) throw new Error('no database');
      return Promise.resolve({});
    },
    releaseSlot: () => {
      throw new Error('cannot release');
    },
  });
  const got: (Slot | undefined)[] = [];
  wait(slots, got);
  await settle();
  assert.match(logger.lines.join(), /reserveSlot.*workflow.*no database/);
  fails = false;
  await time.pass(1_000);
  assert.equal(got.length, 1);
  got[0]?.release();
  assert.match(logger.lines.join(), /releaseSlot.*cannot release/);
});

test('custom: a supplier that never answers does not keep the worker from closing; what it gives too late goes back', async () => {
  let give: ((permit: object) => void) | undefined;
  const { slots, calls } = customSlots({ reserveSlot: () => new Promise((resolve) => (give = resolve)) });
  const got: (Slot | undefined)[] = [];
  wait(slots, got);
  await settle();
  slots.close();
  await settle();
  assert.deepEqual(got, [undefined]);
  give?.({ late: true });
  await settle();
  assert.deepEqual(calls, [['released', { permit: { late: true } }]]);
});

test('a tuner: defaults, one controller for all kinds, and wrong numbers are named', () => {
  const tuner = compileTuner({ tunerOptions: target });
  assert.ok(tuner.workflow.type === 'resource-based' && tuner.activity.type === 'resource-based');
  assert.equal(tuner.workflow.controller, tuner.activity.controller);
  assert.deepEqual([tuner.workflow.minimumSlots, tuner.workflow.maximumSlots, tuner.workflow.rampThrottleMs], [2, 1_000, 10]);
  assert.deepEqual([tuner.activity.minimumSlots, tuner.activity.maximumSlots, tuner.activity.rampThrottleMs], [1, 2_000, 50]);
  const wrong = (make: () => unknown, message: RegExp): void => assert.throws(make, (error: unknown) => error instanceof ValueError && message.test(error.message));
  wrong(() => compileTuner({ tunerOptions: { ...target, targetCpuUsage: 90 } }), /targetCpuUsage.*90/);
  wrong(() => compileTuner({ tunerOptions: target, activityTaskSlotOptions: { minimumSlots: 5, maximumSlots: 4 } }), /activityTaskSlotSupplier\.maximumSlots.*4/);
  wrong(() => compileTuner({ workflowTaskSlotSupplier: fixed(1), activityTaskSlotSupplier: fixed(1), localActivityTaskSlotSupplier: fixed(1) }), /workflowTaskSlotSupplier\.numSlots.*2/);
  const worker = { taskQueue: 'orders', identity: 'me', code: { buildId: 'v1', useVersioning: false, deployment: undefined, options: undefined, behavior: 0 } } as const;
  assert.equal(slotContext(worker, 'activity').workerBuildId, 'v1');
  assert.equal(openActivitySlots(tuner.activity, { context, logger: silentLogger(), time: new ManualTime() }).limit, 2_000);
});

test('two queues share few slots: none is without a poll while the other has two', async () => {
  const slots = new SharedSlots(new FixedSlots(3));
  const open: [string, Slot][] = [];
  const poll = (queue: 'normal' | 'sticky') => void slots.take(queue === 'sticky').then((slot) => slot && open.push([queue, slot]));
  const polls = (): string => open.map(([queue]) => queue).sort().join();
  for (let i = 0; i < 5; i++) poll('normal');
  await settle();
  assert.equal(polls(), 'normal', 'the others wait for the other queue');
  for (let i = 0; i < 5; i++) poll('sticky');
  await settle();
  assert.equal(polls(), 'normal,normal,sticky');

  // The sticky poll brings a task; all slots are taken. The next one to be free is for the queue that has no poll.
  const task = open.splice(open.findIndex(([queue]) => queue === 'sticky'), 1)[0]?.[1];
  task?.use('order');
  poll('normal');
  await settle();
  assert.equal(polls(), 'normal,normal');
  assert.equal(slots.tryTake(false), undefined);
  open.pop()?.[1].release();
  await settle();
  assert.equal(polls(), 'normal,sticky');
  task?.release();
  slots.close();
  await settle();
  assert.equal(await slots.take(), undefined);
});
