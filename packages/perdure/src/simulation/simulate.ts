/**
 * `simulate`: a workflow under everything that can go wrong, seed after seed, until an invariant breaks.
 *
 * The first run has no faults: it shows whether the workflow works at all, and how many commits it takes, so that the seeds can let the
 * server and a worker die at each of them in turn, beside the faults that chance brings. The first seed that fails is made smaller and
 * thrown, with the test that repeats it.
 */
import { createHash } from 'node:crypto';
import { seededRandom } from '../ports/index.js';
import { DefaultLogger, msToNumber, type Workflow } from '../sdk/common/index.js';
import { createWorkflowExecutor } from '../sdk/replay/executor.js';
import { Realm } from '../sdk/sandbox/realm.js';
import { cachedBundle } from '../testing/bundle-cache.js';
import { FixedFaults, noFaults, RandomFaults, type CallFault, type CommitFault, type Fault, type FaultKind } from './faults.js';
import { play, SinksOfSeed, type PlayedRun, type Stage } from './play.js';
import { shrink, type Plan } from './shrink.js';
import { SimulationError } from './simulation-error.js';
import type { Delivery, SimulationOptions, SimulationReport } from './simulation-options.js';

const DEADLOCK_AFTER_MS = 2_000;
const DEFAULT_SEEDS = 100;
const DEFAULT_MOST_FAULTS = 8;
const DEFAULT_WORKERS = 2;
const DEFAULT_WITHIN_MS = 60_000;
/** Runs that may be spent on making a failure smaller. */
const MOST_TRIES = 200;

/**
 * Plays a workflow again and again, on the production engine in this process, with crashes of server and workers, lost, late and repeated
 * calls, a store that refuses, and clocks that jump. Time is virtual.
 *
 * The same seed gives the same run, byte for byte, if activities depend on nothing but their arguments, mocks and what `setup` made.
 *
 * @throws SimulationError for the first seed in which an invariant does not hold, the workflow does not end, or its code breaks. TypeError
 * for options that contradict each other.
 * @example
 * ```ts
 * await simulate(transfer, {
 *   workflowsPath,
 *   args: ['a', 'b', 100],
 *   seeds: 1000,
 *   setup: () => new Bank({ a: 500, b: 0 }),
 *   activities: (bank) => ({ withdraw: bank.withdraw, deposit: bank.deposit }),
 *   always: ({ state }) => assert.ok(state.balanceOf('a') >= 0),
 *   finally: ({ state }) => assert.equal(state.total, 500),
 * });
 * ```
 */
export async function simulate<W extends Workflow, State = undefined>(workflow: W | string, options: SimulationOptions<W, State>): Promise<SimulationReport> {
  checkOptions(options);
  const stage = await stageOf(typeof workflow === 'string' ? workflow : workflow.name, options);
  const tally = new Tally();
  const { seed, faults, firstSeed = 1, seeds = DEFAULT_SEEDS } = options;
  if (faults !== undefined) {
    const plan = { faults, deliveries: options.deliveries ?? deliveriesOf(options, seed as number) };
    tally.add(await playPlan(options, stage, seed as number, plan), faults);
    return tally.report(1);
  }
  const rehearsal = { faults: [], deliveries: options.deliveries ?? deliveriesOf(options, 0) };
  const { commits } = await playPlan(options, stage, 0, rehearsal);
  const all = seed === undefined ? Array.from({ length: seeds }, (_, index) => firstSeed + index) : [seed];
  for (const one of all) {
    const { run, drawn } = await playSeed(options, stage, one, commits);
    tally.add(run, drawn);
  }
  return tally.report(all.length);
}

function checkOptions<W extends Workflow, State>({ workflowsPath, workflowBundle, seed, faults, deliveries, workers = DEFAULT_WORKERS, taskQueue = 'simulated', taskQueues = {} }: SimulationOptions<W, State>): void {
  if ((workflowsPath === undefined) === (workflowBundle === undefined)) throw new TypeError('A simulation needs the workflow code: give either workflowsPath or workflowBundle.');
  if (seed === undefined && (faults !== undefined || deliveries !== undefined)) throw new TypeError('`faults` and `deliveries` repeat one run: give its `seed` as well.');
  for (const [name, count] of [[taskQueue, workers] as const, ...Object.entries(taskQueues).map(([queue, { workers: own = 1 }]) => [queue, own] as const)]) {
    if (!Number.isInteger(count) || count < 1) throw new TypeError(`Task queue '${name}' needs at least one worker, not ${count}.`);
  }
  if (taskQueue in taskQueues) throw new TypeError(`Task queue '${taskQueue}' is that of the workflow: say of it with \`activities\` and \`workers\`, and in \`taskQueues\` of others.`);
}

/** On all task queues. */
function allWorkers<W extends Workflow, State>({ workers = DEFAULT_WORKERS, taskQueues = {} }: SimulationOptions<W, State>): number {
  return Object.values(taskQueues).reduce((sum, { workers: own = 1 }) => sum + own, workers);
}

async function stageOf<W extends Workflow, State>(workflowType: string, options: SimulationOptions<W, State>): Promise<Stage> {
  const { workflowsPath = '', dataConverter, interceptors, workflowBundle } = options;
  const bundle = workflowBundle ?? (await cachedBundle({ taskQueue: 'simulated', workflowsPath, ...(dataConverter && { dataConverter }), ...(interceptors && { interceptors }) }));
  const sinks = new SinksOfSeed();
  const realm = new Realm(bundle, options.workerLogger ?? new DefaultLogger('ERROR'), { deadlockAfterMs: DEADLOCK_AFTER_MS, sinks });
  if (!realm.workflowNames().includes(workflowType)) {
    throw new TypeError(`The workflow code does not export '${workflowType}'. It exports: ${realm.workflowNames().join(', ') || 'nothing'}.`);
  }
  return { workflowType, sinks, workflows: { bundle, realm, createExecutor: createWorkflowExecutor } };
}

interface PlayedSeed {
  readonly run: PlayedRun;
  readonly drawn: readonly Fault[];
}

async function playSeed<W extends Workflow, State>(options: SimulationOptions<W, State>, stage: Stage, seed: number, commits: number): Promise<PlayedSeed> {
  const { faultKinds: kinds, mostFaults: most = DEFAULT_MOST_FAULTS } = options;
  const workers = allWorkers(options);
  const deliveries = options.deliveries ?? deliveriesOf(options, seed);
  const random = new RandomFaults(seededRandom(seed ^ 0x5eed_0005, { now: () => 0 }), { kinds, most, workers, certain: certainCrash(seed, commits, workers, kinds) });
  const run = await play(options, stage, seed, random, deliveries);
  const { drawn } = random;
  if (run.failure === undefined) return { run, drawn };
  const { kind } = run.failure;
  const { messages = [] } = options;
  const smallest = await shrink(
    { faults: drawn, deliveries },
    {
      isOptional: ({ message }) => messages[message]?.optional === true,
      stillFails: async (plan) => (await play(options, stage, seed, new FixedFaults(plan.faults), plan.deliveries)).failure?.kind === kind,
      mostTries: MOST_TRIES,
    },
  );
  await playPlan(options, stage, seed, smallest);
  throw new SimulationError({ workflowType: stage.workflowType, seed, kind, cause: run.failure.error, faults: drawn, deliveries });
}

/** @throws SimulationError */
async function playPlan<W extends Workflow, State>(options: SimulationOptions<W, State>, stage: Stage, seed: number, { faults, deliveries }: Plan): Promise<PlayedRun> {
  const run = await play(options, stage, seed, faults.length === 0 ? noFaults : new FixedFaults(faults), deliveries);
  if (run.failure === undefined) return run;
  throw new SimulationError({ workflowType: stage.workflowType, seed, kind: run.failure.kind, cause: run.failure.error, faults, deliveries });
}

/** Seed after seed, each commit of the rehearsal meets a crash of the server before it, after it, and one of a worker; and each activity is done without anybody hearing of it. */
function certainCrash(seed: number, commits: number, workers: number, kinds: readonly FaultKind[] | undefined): CommitFault | CallFault | undefined {
  const commit = 1 + (Math.floor(seed / 4) % Math.max(1, commits));
  const fault: CommitFault | CallFault =
    seed % 4 === 0
      ? { kind: 'serverCrash', commit, moment: 'before', downMs: 0 }
      : seed % 4 === 1
        ? { kind: 'serverCrash', commit, moment: 'after', downMs: 0 }
        : seed % 4 === 2
          ? { kind: 'workerCrash', commit, worker: seed % workers, downMs: 0, silentMs: 0 }
          : { kind: 'workerCrashInCall', call: 'RespondActivityTaskCompleted', nth: commit, moment: 'before', downMs: 0, silentMs: 0 };
  return kinds?.includes(fault.kind) === false ? undefined : fault;
}

/** Which messages are sent, and when. Depends on the seed alone. */
function deliveriesOf<W extends Workflow, State>({ messages = [] }: SimulationOptions<W, State>, seed: number): Delivery[] {
  const random = seededRandom(seed ^ 0x5eed_0006, { now: () => 0 });
  return messages.flatMap(({ within, optional = false }, message) => {
    const chance = random.next();
    const atMs = Math.floor(random.next() * (within === undefined ? DEFAULT_WITHIN_MS : msToNumber(within)));
    return optional && chance < 0.3 ? [] : [{ message, atMs }];
  });
}

/** Adds up what the runs of a simulation were. */
class Tally {
  readonly #faults: Partial<Record<FaultKind, number>> = {};
  readonly #hash = createHash('sha256');
  #commits = 0;

  add({ commits, fingerprint }: PlayedRun, faults: readonly Fault[]): void {
    this.#commits += commits;
    this.#hash.update(fingerprint);
    for (const { kind } of faults) this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
  }

  report(seeds: number): SimulationReport {
    return { seeds, faults: this.#faults, commits: this.#commits, fingerprint: this.#hash.digest('hex') };
  }
}
