/**
 * Runs the scenarios as tests: all at the same time on one site, with the workers of each area keeping runs in memory, and once more with
 * workers that keep none, where every task replays its run. Then checks each scenario's claims against what was seen, and hands the
 * histories to a last check.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { RpcError } from '#perdure/protocol/index';
import type { WorkerOptions } from 'perdure/worker';
import { loadActivity } from '../../bench/sdk.js';
import { loadAreas, type Area } from './areas.js';
import { historiesOf, historyOf, type RecordedRun } from './histories.js';
import { historyRows } from './history-rows.js';
import { NAMESPACE, OTHER_NAMESPACE } from './namespaces.js';
import { markOf, Recorder } from './recorder.js';
import { RecordingTransport } from './recording-transport.js';
import { isObservable } from './rows.js';
import type { Scenario, Stage } from './scenario.js';
import { bundleArea, sites, startOwnServer, type OwnServer, type Site } from './site.js';

/** Scenarios under way at the same time. They mostly wait. */
const CONCURRENCY = 12;
const CLAIM_ATTEMPTS = 10;

export interface ScenarioRun {
  readonly label: string;
  readonly connect: (recorder: Recorder) => Promise<Site>;
  /** Whether the server is ours, so that what is missing there is skipped. */
  readonly isOurServer: boolean;
  /** Whether the site's server is a process, so that scenarios with a server of their own can run as well. */
  readonly isProcess: boolean;
  /** Called with what each scenario that passed left behind. */
  readonly finished?: (finished: Finished) => void;
  /** A last check on all histories. */
  readonly after?: (t: TestContext, areas: readonly AreaHistories[]) => Promise<void>;
}

export interface Finished {
  readonly area: string;
  readonly scenario: Scenario;
  readonly cached: boolean;
  readonly mark: string;
  readonly recorder: Recorder;
  readonly histories: readonly RecordedRun[];
  readonly error?: unknown;
}

export interface AreaHistories {
  readonly area: Area;
  readonly bundle: WorkerOptions['workflowBundle'];
  readonly histories: RecordedRun[];
}

export async function runScenarios(run: ScenarioRun): Promise<void> {
  const areas = await loadAreas();
  await test(run.label, { concurrency: CONCURRENCY }, async (t) => {
    const recorder = new Recorder();
    const site = await run.connect(recorder);
    const left: AreaHistories[] = [];
    try {
      for (const area of areas) {
        const bundle = await bundleArea(site.sdk, area).catch((error: unknown) => t.test(`${area.name}: its workflows can be bundled`, () => Promise.reject(error)).then(() => undefined));
        left.push({ area, bundle, histories: [] });
      }
      for (const cached of [true, false]) await new Round(run, site, recorder, cached, t).play(left);
      await run.after?.(t, left);
    } finally {
      await site.close();
    }
  });
}

let rounds = 0;

/** All scenarios once, with or without cached runs. */
class Round {
  readonly #name = `s${process.pid.toString(36)}${rounds++}`;
  #count = 0;

  constructor(
    readonly run: ScenarioRun,
    readonly site: Site,
    readonly recorder: Recorder,
    readonly cached: boolean,
    readonly t: TestContext,
  ) {}

  async play(areas: readonly AreaHistories[]): Promise<void> {
    const shared = await this.site.open();
    const workers: AsyncDisposable[] = [];
    try {
      for (const { area, bundle } of areas) {
        if (bundle !== undefined && area.scenarios.some((scenario) => !usesOwn(scenario))) workers.push(await startWorker(shared.createWorker, { ...(await this.#workerOptions(area, bundle)), taskQueue: this.#queue(area) }));
      }
      await Promise.all(areas.flatMap((left) => left.area.scenarios.map((scenario) => this.#test(left, scenario))));
    } finally {
      for (const worker of workers) await worker[Symbol.asyncDispose]();
      await shared.close();
    }
  }

  #queue(area: Area): string {
    return `${this.#name}-${area.name}`;
  }

  async #workerOptions(area: Area, bundle: WorkerOptions['workflowBundle']): Promise<Omit<WorkerOptions, 'taskQueue'>> {
    return {
      ...(bundle && { workflowBundle: bundle }),
      activities: area.activities(await loadActivity(this.site.sdk)),
      ...(!this.cached && { maxCachedWorkflows: 0 }),
    };
  }

  async #test(left: AreaHistories, scenario: Scenario): Promise<void> {
    const mark = markOf(this.#name, this.#count++);
    const name = `${left.area.name}: ${scenario.name}${this.cached ? '' : ' (nothing cached)'}`;
    const skip = this.#skip(scenario);
    await this.t.test(name, { skip: skip ?? false, timeout: scenario.timeoutMs ?? 60_000 }, async () => {
      if (skip !== undefined) return;
      let error: unknown;
      const histories = await this.#perform(left, scenario, mark).catch((thrown: unknown) => {
        error = thrown;
        return [];
      });
      this.run.finished?.({ area: left.area.name, scenario, cached: this.cached, mark, recorder: this.recorder, histories, ...(error !== undefined && { error }) });
      if (error !== undefined) throw error;
      if (scenario.unreplayable === undefined) left.histories.push(...histories);
    });
  }

  #skip(scenario: Scenario): string | undefined {
    if (scenario.only !== undefined && scenario.only.sdk !== this.site.sdk) return scenario.only.because;
    if (scenario.server === 'own' && !(this.run.isOurServer && this.run.isProcess)) return 'needs a server process of its own';
    if (this.run.isOurServer) return scenario.missing;
    return undefined;
  }

  async #perform(left: AreaHistories, scenario: Scenario, mark: string): Promise<RecordedRun[]> {
    let own: OwnServer | undefined;
    let site = this.site;
    if (scenario.server === 'own') {
      own = await startOwnServer(scenario.settings);
      site = await sites.at(this.site.sdk, own.address, this.recorder);
    }
    try {
      await this.#playOn(site, own, left, scenario, mark);
      return await this.#checkClaims(site, scenario, mark);
    } finally {
      if (own !== undefined) {
        await site.close();
        await own.stop();
      }
    }
  }

  async #playOn(site: Site, own: OwnServer | undefined, { area, bundle }: AreaHistories, scenario: Scenario, mark: string): Promise<void> {
    const opened = await site.open(mark);
    const recorded = new RecordingTransport(site.transport, this.recorder, mark);
    const ownQueue = `${mark}~queue`;
    const workerOptions = await this.#workerOptions(area, bundle);
    const stage: Stage = {
      sdk: site.sdk,
      namespace: NAMESPACE,
      otherNamespace: OTHER_NAMESPACE,
      client: opened.client,
      taskQueue: usesOwn(scenario) ? ownQueue : this.#queue(area),
      cached: this.cached,
      id: (name) => `${mark}~${name}`,
      // A real server refuses a poll that names no deadline.
      call: (method, request) => recorded.call(method, request, { timeoutMs: 60_000 }),
      worker: (options) => startWorker(opened.createWorker, { ...workerOptions, taskQueue: ownQueue, ...options }),
      history: (workflowId, runId) => historyOf(site.transport, NAMESPACE, workflowId, runId),
      ...(own && { server: own }),
    };
    try {
      if (own !== undefined && scenario.worker !== 'own') {
        await using _worker = await stage.worker();
        await scenario.run(stage);
      } else {
        await scenario.run(stage);
      }
    } catch (error) {
      // The test runner shows the message only.
      if (error instanceof RpcError) throw new Error(`RpcError ${error.code}: ${error.message}`, { cause: error });
      throw error;
    } finally {
      await opened.close();
    }
  }

  /** Checks the claims, after a moment if need be: a worker's last call may be answered after the scenario's. */
  async #checkClaims(site: Site, scenario: Scenario, mark: string): Promise<RecordedRun[]> {
    for (let attempt = 1; ; attempt++) {
      const histories = await historiesOf(site.transport, NAMESPACE, this.recorder.of(mark));
      const seen = new Set(this.recorder.of(mark).rows);
      for (const { events } of histories) for (const row of historyRows(events)) seen.add(row);
      const unseen = scenario.covers.filter((row) => isObservable(row) && !seen.has(row));
      if (unseen.length === 0) return histories;
      if (attempt === CLAIM_ATTEMPTS) assert.fail(`the scenario claims to cover what was not seen on the wire or in its histories: ${unseen.join(', ')}`);
      await delay(100);
    }
  }
}

/** Whether the area's worker has no part in it. */
function usesOwn(scenario: Scenario): boolean {
  return scenario.worker === 'own' || scenario.server === 'own';
}

async function startWorker(create: (options: WorkerOptions) => Promise<{ run(): Promise<void>; shutdown(): void; getState(): string }>, options: WorkerOptions): Promise<AsyncDisposable> {
  const worker = await create(options);
  const running = worker.run();
  running.catch(() => undefined); // thrown again below
  return {
    [Symbol.asyncDispose]: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown(); // it may have given up by itself: then `running` says why
      await running;
    },
  };
}
