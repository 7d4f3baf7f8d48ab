/**
 * Random inputs, faults, crashes and evictions, from one seed each. After it has healed: what was acknowledged is there,
 * nothing happened twice, and everything that was owed has been handed out, fired or delivered.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, type Random } from '../ports/random.js';
import { VirtualClock } from '../ports/virtual-clock.js';
import { SimulatedDisk } from '../store/simulated/simulated-disk.js';
import { SimulatedStore } from '../store/simulated/simulated-store.js';
import { toyWithListing, NAMESPACE, pollOf, queue, startToyServer, toy, TOY, type ToyInput, type ToyServer } from './testing.js';

const KEYS = ['a', 'b', 'ab', 'c'];
const RUNS = 300;

class Run {
  readonly clock = new VirtualClock();
  readonly disk = new SimulatedDisk();
  readonly random: Random;
  readonly acknowledged: { key: string; input: ToyInput }[] = [];
  readonly attempts = new Map<string, number>();
  /** Machines of the key `mortal`: those that exist, and those whose deletion was acknowledged. */
  readonly mortals: string[] = [];
  readonly deleted = new Set<string>();
  /** Messages of mortals that were acknowledged. */
  readonly lastWords: { readonly to: string; readonly id: string }[] = [];
  faultRate: number;
  server: ToyServer;
  store!: SimulatedStore;
  starts = 0;
  names = 0;

  constructor(readonly seed: number) {
    this.random = seededRandom(seed, this.clock);
    this.faultRate = this.random.next() < 0.5 ? 0 : this.random.next() * 0.2;
    this.server = this.start();
  }

  below(limit: number): number {
    return Math.floor(this.random.next() * limit);
  }

  start(): ToyServer {
    this.starts += 1;
    this.store = new SimulatedStore({
      clock: this.clock,
      disk: this.disk,
      faults: () => {
        const chance = this.random.next();
        if (chance < this.faultRate / 2) return { kind: 'unavailable', reason: 'io' };
        return chance < this.faultRate ? { kind: 'slow', delayMs: this.below(50) } : undefined;
      },
    });
    const small = this.below(3);
    return startToyServer({
      clock: this.clock,
      store: this.store,
      machines: [toyWithListing],
      seed: this.seed * 100 + this.starts,
      limits: { cachedMachines: small, evictionRecords: this.below(4), snapshotRecords: 2 + this.below(6), groupRecords: 1 + this.below(5), tailBytes: this.below(100), recoveryLoads: 1 + this.below(3) },
      matchingLimits: { readyTasks: 1 + this.below(6) },
    });
  }

  send(key: string, input: ToyInput): void {
    this.server.send(key, input).then(() => this.acknowledged.push({ key, input }), () => {});
  }

  poll(timeoutMs: number): void {
    this.names += 1;
    const controller = new AbortController();
    if (this.below(4) === 0) this.clock.setDelay(this.below(20), () => controller.abort());
    pollOf(this.server.matching, 'normal', `poll${this.names}`, { signal: controller.signal, timeoutMs }).then(
      (task) => {
        if (task === undefined) return;
        const { task: id, machine } = task as { task: string; machine: string };
        this.attempts.set(`${machine}/${id}`, (this.attempts.get(`${machine}/${id}`) ?? 0) + 1);
      },
      () => {},
    );
  }

  input(): ToyInput {
    this.names += 1;
    const id = `i${this.names}`;
    switch (this.below(8)) {
      case 0:
        return { type: 'start' };
      case 1:
      case 2:
        return { type: 'add', amount: 1, id };
      case 3:
        return { type: 'task', id, queue: queue('normal') };
      case 4:
        return { type: 'task', id, queue: queue('sticky'), sticky: true };
      case 5:
        return { type: 'timer', id, at: this.clock.now() + this.below(300_000) - 1_000 };
      case 6:
        return { type: 'post', id, to: toy(KEYS[this.below(KEYS.length)] as string), input: { type: 'add', amount: 1, id } };
      default:
        return this.below(6) === 0 ? { type: 'throw' } : { type: 'add', amount: 0, id };
    }
  }

  /** A machine begins, leaves a message, or is deleted. */
  liveAndDie(): void {
    this.names += 1;
    const id = `last${this.names}`;
    const mortal = this.mortals[this.below(this.mortals.length)];
    const choice = this.below(3);
    if (mortal === undefined || choice === 0) {
      this.server.send<string>('mortal', { type: 'start' }).then((machine) => this.mortals.push(machine), () => {});
    } else if (choice === 1) {
      const to = KEYS[this.below(KEYS.length)] as string;
      const input: ToyInput = { type: 'post', id, to: toy(to), input: { type: 'add', amount: 1, id } };
      const exists = this.acknowledged.some((earlier) => earlier.key === to && earlier.input.type === 'start');
      this.server.send('mortal', input, mortal).then(() => void (exists && this.lastWords.push({ to, id })), () => {});
    } else {
      this.server.send('mortal', { type: 'delete' }, mortal).then(() => this.deleted.add(mortal), () => {});
    }
  }

  /** What lists say of each key: its count. */
  async list(): Promise<Map<string, string>> {
    const listed = this.server.host.list({ kind: TOY, namespace: NAMESPACE, limit: 1_000 });
    const [outcome] = await Promise.allSettled([listed, this.clock.advance(1_000)]);
    if (outcome.status === 'rejected') throw outcome.reason;
    const { items } = outcome.value;
    for (const { machine } of items) assert.ok(!this.deleted.has(machine), `${machine} was deleted and is listed`);
    return new Map(items.map(({ key, listing }) => [key, Buffer.from(listing ?? []).toString()]));
  }

  async crash(): Promise<void> {
    this.store.crash();
    this.server = this.start();
    await this.recover();
  }

  async recover(): Promise<void> {
    for (;;) {
      const recovered = this.server.host.recover().then(() => true, () => false);
      await this.clock.advance(1_000);
      if (await recovered) return;
    }
  }

  async play(): Promise<void> {
    await this.recover();
    for (const key of KEYS) this.send(key, { type: 'start' });
    const steps = 20 + this.below(60);
    for (let step = 0; step < steps; step++) {
      const choice = this.below(100);
      if (choice < 70) this.send(KEYS[this.below(KEYS.length)] as string, this.input());
      else if (choice < 78) this.poll(this.below(1_000));
      else if (choice < 83) this.liveAndDie();
      else if (choice < 85) await this.list().catch(() => {});
      else if (choice < 97) await this.clock.advance(choice < 95 ? this.below(30) : this.below(100_000));
      else await this.crash();
    }
    this.faultRate = 0;
    if (this.below(2) === 0) await this.crash();
    // Long enough for every pause and timer; polls come until nobody needs them.
    for (let round = 0; round < 60; round++) {
      for (let index = 0; index < 5; index++) this.poll(5_000);
      await this.clock.advance(10_000);
    }
  }

  async check(): Promise<void> {
    const states = new Map<string, Awaited<ReturnType<ToyServer['toy']>>>();
    for (const key of KEYS) {
      await this.server.send(key, { type: 'start' });
      states.set(key, await this.server.toy(key));
    }
    for (const { key, input } of this.acknowledged) {
      const state = states.get(key);
      assert.ok(state !== undefined);
      if (input.type === 'add') assert.ok((input.id as string) in state.taken, `${key}: ${input.id} was acknowledged and is lost`);
      if (input.type === 'timer') assert.equal(state.fired[input.id], 1, `${key}: timer ${input.id}`);
      if (input.type === 'task') assert.ok(state.tasks[input.id]?.startedBy !== undefined, `${key}: task ${input.id} was never handed out`);
      if (input.type === 'post') {
        assert.ok(input.id in state.answers, `${key}: message ${input.id} was never answered`);
        assert.ok(input.id in (states.get(input.to.key)?.taken ?? {}) || state.answers[input.id] === 'error 5', `${key}: message ${input.id} never arrived`);
      }
    }
    const listed = await this.list();
    for (const [key, state] of states) {
      assert.equal(listed.get(key), `${state.count}`, `${key}: lists tell something else`);
      assert.ok(Object.values(state.fired).every((times) => times === 1), `${key}: a timer fired twice`);
      assert.deepEqual([Object.keys(state.timers), Object.keys(state.posts)], [[], []], `${key}: something is still owed`);
      assert.ok(Object.values(state.tasks).every(({ startedBy }) => startedBy !== undefined), `${key}: a task is still owed`);
      // Every id is taken once, so the count is the number of additions of 1.
      assert.ok(state.count <= Object.keys(state.taken).length, `${key}: something was added twice`);
    }
    for (const machine of this.deleted) assert.equal(this.disk.load(machine), undefined, `${machine} was deleted and is still there`);
    for (const { to, id } of this.lastWords) assert.ok(id in (states.get(to)?.taken ?? {}), `${to}: the last words ${id} never arrived`);
    for (const [task, times] of this.attempts) assert.equal(times, 1, `task ${task} was handed out ${times} times`);
    await this.server.host.close();
  }
}

test(`${RUNS} random runs with faults, crashes and a tiny memory keep every promise`, async () => {
  const seeds = process.env['PERDURE_SEED'] === undefined ? Array.from({ length: RUNS }, (_, index) => index + 1) : [Number(process.env['PERDURE_SEED'])];
  for (const seed of seeds) {
    const run = new Run(seed);
    try {
      await run.play();
      await run.check();
    } catch (error) {
      throw new Error(`Seed ${seed} (repeat it with PERDURE_SEED=${seed}): ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
});
