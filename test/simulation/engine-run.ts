/**
 * One seed of the engine's own simulation: a mix of stories under faults, then a calm phase in which everything must come to its end.
 *
 * The stories are what clients want; each is asked for until it is answered. What they were answered, and what is on the disk, is judged by
 * `checks.ts`.
 */
import { ScheduleOverlapPolicy, WorkflowExecutionAlreadyStartedError } from 'perdure/client';
import type { Workflow } from 'perdure/common';
import { Code, RpcError } from '#perdure/protocol/index';
import { seededRandom } from '#perdure/ports/index';
import { createWorkflowExecutor, type WorkflowExecutor } from '#perdure/sdk/replay/executor';
import type { WorkflowSource } from '#perdure/sdk/worker/create';
import { Realm } from '#perdure/sdk/sandbox/realm';
import { bundleWorkflowCode } from '#perdure/sdk/sandbox/bundle';
import { FixedFaults, RandomFaults, type CommitFault, type Fault, type FaultPlan } from '#perdure/simulation/faults';
import { SimulatedWorld } from '#perdure/simulation/simulated-world';
import { createActivities, Witness } from './activities.js';
import { checkAtRest, checkDisk, checkLists, Problems } from './checks.js';
import { batch, namespace, overlap, rate, staged } from './operations.js';
import { Services } from './repertoire.js';
import { QUEUE, resetFamily, resetListener, resetSteps, type Scene } from './resets.js';
import type * as workflows from './workflows.js';

export interface EngineRun {
  readonly problems: readonly string[];
  readonly faults: readonly Fault[];
  readonly fingerprint: string;
  readonly stories: readonly string[];
  /** Requests that reached the server after others that were made later. */
  readonly overtaken: number;
}

export interface EngineRunOptions {
  readonly source: WorkflowSource;
  /** Exactly these faults. Default: chance. */
  readonly faults?: readonly Fault[] | undefined;
  /** With the stories of activities that clients start, of operations and of versions. Default: of workflows alone. */
  readonly withServices?: boolean | undefined;
}

const STORM_MS = 40_000;
const MOST_FAULTS = 14;
const LONGEST_CALM_MS = 3 * 86_400_000;
/** Commits of a run, more or less. */
const MOST_CRASHED_COMMITS = 151;
/** Until nothing is done in the background any more; with deployments, until builds without runs have been found so. */
const REST_MS = 120_000;
const LONG_REST_MS = 900_000;
const COLLECTOR = 'collector';
export const STORIES = ['steps', 'locally', 'parent', 'add', 'update', 'cancel', 'delete', 'reset', 'schedule', 'family', 'listener', 'batch', 'namespace', 'rate', 'staged', 'overlap'] as const;

export async function workflowSource(workflowsPath: string): Promise<WorkflowSource> {
  const nothing = (): void => {};
  const bundle = await bundleWorkflowCode({ workflowsPath });
  const realm = new Realm(bundle, { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }, { deadlockAfterMs: 2_000 });
  return { bundle, realm, createExecutor: createWorkflowExecutor };
}

export async function playEngine(seed: number, options: EngineRunOptions): Promise<EngineRun> {
  return new Run(seed, options).play();
}

class Run {
  readonly #world: SimulatedWorld;
  readonly #problems = new Problems();
  readonly #witness = new Witness(() => this.#world.clock.now());
  readonly #services: Services | undefined;
  readonly #random: RandomFaults | undefined;
  readonly #given: readonly Fault[];
  readonly #stories: string[] = [];
  readonly #added: string[] = [];
  readonly #deleted: string[] = [];
  readonly #ordered: (readonly string[])[] = [];
  readonly #scene: Scene;
  #executor: WorkflowExecutor | undefined;
  #open = 0;
  #collectorEnded: string[] | undefined;

  constructor(seed: number, { source, faults, withServices }: EngineRunOptions) {
    this.#given = faults ?? [];
    this.#services = withServices === true ? new Services(seed, this.#witness) : undefined;
    const own = [{ taskQueue: QUEUE, workers: 2, activities: () => createActivities(this.#witness) }];
    const queues = this.#services?.queuesBehind(own) ?? own;
    const workers = queues.reduce((sum, queue) => sum + queue.workers, 0);
    this.#random = faults === undefined ? new RandomFaults(seededRandom(seed ^ 0x5eed_0005, { now: () => 0 }), { most: MOST_FAULTS, workers, certain: certainCrash(seed) }) : undefined;
    const plan: FaultPlan = this.#random ?? new FixedFaults(this.#given);
    this.#world = new SimulatedWorld({
      seed,
      plan,
      workflows: source,
      queues,
      executorOf: (inner) => (this.#executor = inner),
      // Every third run checks each step against the journal, which takes longer. In every other one hardly a machine stays in memory.
      engine: { verify: seed % 3 === 0, ...(seed % 2 === 0 && { limits: { groupRecords: 1 + (seed % 5), cachedMachines: 1 + (seed % 20) } }) },
    });
    const world = this.#world;
    this.#scene = { world, problems: this.#problems, below: (limit) => this.#below(limit), pause: (ms) => new Promise((resolve) => world.after(ms, resolve)) };
  }

  async play(): Promise<EngineRun> {
    const world = this.#world;
    try {
      await world.start();
      this.#collect();
      for (let stories = 2 + this.#below(4); stories > 0; stories--) this.#anyStory();
      // Time goes on to what is due next, which may be the end of a retention.
      world.after(STORM_MS, () => {});
      await world.run(() => world.now >= STORM_MS, STORM_MS);
      this.#random?.end();
      await this.#calm();
    } catch (error) {
      this.#problems.add(`the simulation failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    } finally {
      world.close();
    }
    const drawn = this.#random?.drawn ?? this.#given;
    // Where somebody set the clock, what times out does so early.
    const gaps = drawn.some(({ kind }) => kind === 'clockJump') ? [] : this.#witness.gaps;
    const problems = [...this.#problems.list, ...this.#witness.problems, ...gaps, ...(this.#services?.problems ?? [])];
    return { problems, faults: drawn, fingerprint: world.disk.fingerprint(), stories: this.#stories, overtaken: world.network.overtaken };
  }

  async #calm(): Promise<void> {
    const world = this.#world;
    const services = this.#services;
    const ending = await world.run(() => this.#open <= 1, LONGEST_CALM_MS);
    if (ending !== 'done') return this.#problems.add(`${ending} in the calm phase: ${this.#open} stories wait (${this.#stories.join(', ')})`);
    this.#want('finish', () => world.client.workflow.getHandle(COLLECTOR).signal('finish'));
    const last = await world.run(() => this.#open === 0, LONGEST_CALM_MS);
    if (last !== 'done') return this.#problems.add(`${last}: the collector does not end`);
    this.#checkCollected();
    await this.#ask('lists', () => checkLists(world, this.#problems));
    if (services !== undefined) await this.#ask('services', () => services.check(this.#scene));
    await checkDisk(world, this.#executor, this.#deleted, this.#problems);
    await checkAtRest(world, this.#problems, services === undefined ? { ms: REST_MS, check: async () => {} } : { ms: LONG_REST_MS, check: () => this.#ask('rest', () => services.checkRested(this.#scene)) });
  }

  /** Lets it happen, and waits for it. */
  async #ask(name: string, act: () => Promise<unknown>): Promise<void> {
    this.#want(name, act);
    if ((await this.#world.run(() => this.#open === 0, LONGEST_CALM_MS)) !== 'done') this.#problems.add(`${name} is not answered`);
  }

  /** A request that is repeated when the run has continued as new comes again: a run knows its own requests. `checkDisk` looks at those. */
  #checkCollected(): void {
    const kept = this.#collectorEnded ?? [];
    for (const value of this.#added) {
      if (!kept.includes(value)) this.#problems.add(`the collector was told "${value}" and acknowledged it, and does not have it`);
    }
    for (const texts of this.#ordered) {
      const places = texts.map((text) => kept.indexOf(text));
      if (places.some((place, index) => place < (places[index - 1] ?? -1))) this.#problems.add(`the collector got ${texts[0]} and those behind it in the order ${places.join(' ')}`);
    }
  }

  // ── stories ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #below(limit: number): number {
    return Math.floor(this.#world.random.next() * limit);
  }

  /** Something that a client wants, until it is answered. Whatever else is said to it is a finding. */
  #want(name: string, act: () => Promise<unknown>): void {
    this.#open += 1;
    act().then(
      () => (this.#open -= 1),
      (error: unknown) => {
        this.#open -= 1;
        const cause = error instanceof Error && error.cause !== undefined ? ` (${String(error.cause)})` : '';
        this.#problems.add(`${name}: ${String(error)}${cause}`);
      },
    );
  }

  #soon(act: () => void): void {
    this.#world.after(this.#below(STORM_MS / 2), act);
  }

  /** The one that all others tell something. It ends last. */
  #collect(): void {
    this.#want(COLLECTOR, async () => {
      // An answer that comes late may find a run that goes on from the one that was started: that one does not know the request.
      await this.#start<typeof workflows.collector>('collector', COLLECTOR, []).catch(alreadyStarted);
      this.#collectorEnded = await this.#world.client.workflow.getHandle<typeof workflows.collector>(COLLECTOR).result();
    });
  }

  async #start<W extends Workflow>(type: string, workflowId: string, args: Parameters<W>) {
    const handle = await this.#world.client.workflow.start<W>(type, { workflowId, taskQueue: QUEUE, args } as never);
    // The reply must not precede what it tells of.
    if (!this.#world.disk.runs.some(({ runId }) => runId === handle.firstExecutionRunId)) this.#problems.add(`the start of ${workflowId} was acknowledged before it was durable`);
    return handle;
  }

  /** With services, mostly one of theirs. */
  #anyStory(): void {
    const services = this.#services;
    if (services === undefined || this.#below(5) === 0) return this.#story(this.#below(STORIES.length));
    const { title, play } = services.story(this.#scene);
    const name = `${title}-${this.#stories.length}`;
    this.#stories.push(name);
    this.#soon(() => this.#want(name, () => play(name)));
  }

  #story(kind: number): void {
    const name = `${STORIES[kind]}-${this.#stories.length}`;
    this.#stories.push(name);
    const { client } = this.#world;
    switch (kind) {
      case 0:
        return this.#runsTo(name, () => this.#start<typeof workflows.steps>('steps', name, [name, 1 + this.#below(4)]), (seen) => seen.length >= 4);
      case 1:
        return this.#runsTo(name, () => this.#start<typeof workflows.locally>('locally', name, [name]), (seen) => seen.length === 3);
      case 2:
        return this.#runsTo(name, async () => {
          await this.#told(COLLECTOR);
          this.#added.push(`from ${name}`);
          return this.#start<typeof workflows.parent>('parent', name, [name, COLLECTOR]);
        }, (seen) => seen.length === 6);
      case 3:
        if (this.#below(2) === 0) return this.#tellInOrder(name, 3 + this.#below(6));
        for (let value = 2 + this.#below(4); value > 0; value--) this.#tell(`${name}/${value}`, (text) => client.workflow.getHandle(COLLECTOR).signal('add', text), true);
        return;
      case 4:
        for (let value = 1 + this.#below(3); value > 0; value--) this.#tell(`${name}/${value}`, (text) => this.#update(text), false);
        return;
      case 5:
        return this.#runsTo(name, async () => {
          const handle = await this.#start<typeof workflows.patient>('patient', name, [name]);
          this.#soon(() => this.#want(`cancel ${name}`, () => handle.cancel()));
          return handle;
        }, (result) => result === `${name}-cleanup`);
      case 6:
        return this.#deletes(name);
      case 7:
        return this.#soon(() => this.#want(name, () => resetSteps(this.#scene, name)));
      case 8:
        return this.#schedules(name);
      case 9:
        return this.#soon(() => this.#want(name, () => resetFamily(this.#scene, name)));
      case 10:
        return this.#soon(() => this.#want(name, () => resetListener(this.#scene, name)));
      default:
        return this.#operation(kind, name);
    }
  }

  #operation(kind: number, name: string): void {
    const story = [batch, namespace, rate, staged, overlap][kind - 11];
    if (story !== undefined) this.#soon(() => this.#want(name, () => story(this.#scene, name)));
  }

  #runsTo<Result>(name: string, start: () => Promise<{ result(): Promise<Result> }>, isRight: (result: Result) => boolean): void {
    this.#soon(() =>
      this.#want(name, async () => {
        const result = await (await start()).result();
        if (!isRight(result)) this.#problems.add(`${name} returned ${JSON.stringify(result)}`);
      }),
    );
  }

  /** Waits until the workflow exists. */
  async #told(workflowId: string): Promise<void> {
    while (!this.#world.disk.runs.some((run) => run.workflowId === workflowId)) await this.#scene.pause(100);
  }

  /** Tells the collector something, which it must then have once. */
  #tell(text: string, send: (text: string) => Promise<unknown>, isSignal: boolean): void {
    this.#soon(() =>
      this.#want(text, async () => {
        await this.#told(COLLECTOR);
        await send(text);
        this.#added.push(text);
        if (isSignal && !this.#isOnDisk(text)) this.#problems.add(`the signal "${text}" was acknowledged before it was durable`);
      }),
    );
  }

  /** A server takes no update while the workflow task has failed some times in a row, as it does when workers die. It says so, and it passes. */
  async #update(text: string): Promise<void> {
    for (;;) {
      try {
        await this.#world.client.workflow.getHandle(COLLECTOR).executeUpdate('addAndTell', { args: [text], updateId: text });
        return;
      } catch (error) {
        if (!(error instanceof Error) || !error.message.includes('Workflow Task in failed state')) throw error;
        await this.#scene.pause(3_000);
      }
    }
  }

  /** One after the other, each as soon as the one before is acknowledged: they must arrive in this order. */
  #tellInOrder(name: string, count: number): void {
    const handle = this.#world.client.workflow.getHandle(COLLECTOR);
    const texts = Array.from({ length: count }, (_, index) => `${name}/${index}`);
    this.#ordered.push(texts);
    this.#soon(() =>
      this.#want(name, async () => {
        await this.#told(COLLECTOR);
        for (const text of texts) {
          await handle.signal('add', text);
          this.#added.push(text);
        }
      }),
    );
  }

  /** In the history, or set aside until the workflow task that runs is over. */
  #isOnDisk(text: string): boolean {
    const { disk } = this.#world;
    return disk.runs
      .filter(({ workflowId }) => workflowId === COLLECTOR)
      .some(({ runId }) => {
        const { snapshot, records = [] } = disk.load(runId) ?? {};
        const bytes = [snapshot?.bytes, ...records.flatMap((record) => [record.private]), ...disk.history(runId, 1, { bytes: Infinity }).map((batch) => batch.bytes)];
        return bytes.some((some) => some !== undefined && Buffer.from(some).includes(JSON.stringify(text)));
      });
  }

  #deletes(name: string): void {
    const { client } = this.#world;
    this.#soon(() =>
      this.#want(name, async () => {
        const handle = await this.#start<typeof workflows.tick>('tick', name, []);
        if (this.#below(2) === 0) await handle.result();
        await client.workflowService.deleteWorkflowExecution({ namespace: 'default', workflowExecution: { workflowId: name } }).catch(alreadyGone);
        this.#deleted.push(handle.firstExecutionRunId);
      }),
    );
  }

  /** Starts a workflow three times, whatever dies between. */
  #schedules(name: string): void {
    const { client, disk } = this.#world;
    const count = (): number => new Set(disk.runs.filter(({ workflowId }) => workflowId.startsWith(`${name}/`)).map(({ workflowId }) => workflowId)).size;
    this.#soon(() =>
      this.#want(name, async () => {
        await client.schedule.create({
          scheduleId: name,
          spec: { intervals: [{ every: '7 seconds' }] },
          policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL, catchupWindow: '1 day' },
          state: { remainingActions: 3 },
          action: { type: 'startWorkflow', workflowType: 'tick', workflowId: `${name}/`, taskQueue: QUEUE },
        });
        while (count() < 3) await this.#scene.pause(1_000);
        await this.#scene.pause(30_000);
        if (count() !== 3) this.#problems.add(`the schedule ${name} was to start 3 workflows and started ${count()}`);
        const { info } = await client.schedule.getHandle(name).describe();
        if (info.numActionsTaken !== 3) this.#problems.add(`the schedule ${name} says that it took ${info.numActionsTaken} actions`);
      }),
    );
  }
}

/** In most seeds the server dies in one of its commits, in another one each time, so that none is left out for long. */
function certainCrash(seed: number): CommitFault | undefined {
  if (seed % 4 === 3) return undefined;
  return { kind: 'serverCrash', commit: 1 + ((seed * 37) % MOST_CRASHED_COMMITS), moment: seed % 4 === 0 ? 'before' : 'after', downMs: 0 };
}

/** An earlier try did it, and its answer was lost. */
function alreadyGone(error: unknown): void {
  if (!(error instanceof RpcError && error.code === Code.NOT_FOUND)) throw error;
}

function alreadyStarted(error: unknown): void {
  if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
}
