/** Brings an SDK and a server together for the scenarios, and runs all of them as tests. */
import { test } from 'node:test';
import type { Client } from 'perdure/client';
import type { Worker, WorkerOptions } from 'perdure/worker';
import { loadActivity, workflowsFor, type SdkName } from '../../bench/sdk.js';
import * as activities from './activities.js';
import { SCENARIOS, WORKER_SCENARIOS, type Stage } from './scenarios.js';

export interface SdkOnServer {
  readonly client: Client;
  createWorker(options: WorkerOptions): Promise<Worker>;
  close(): Promise<void>;
}

export interface ScenarioRun {
  readonly label: string;
  readonly sdk: SdkName;
  readonly connect: () => Promise<SdkOnServer>;
  /** Names of scenarios that this SDK cannot run, and why. */
  readonly skip?: Readonly<Record<string, string>>;
  /** A last check, on the workflows that all scenarios left. */
  readonly after?: (workflowIds: readonly string[]) => Promise<void>;
}

export async function runScenarios({ label, sdk, connect, skip = {}, after }: ScenarioRun): Promise<void> {
  await test(label, async (t) => {
    const { bind, tokens: _, ...activityFunctions } = activities;
    bind(await loadActivity(sdk));
    const { client, createWorker, close } = await connect();
    const used: string[] = [];
    const prefix = `${label}-${process.pid}`.replaceAll(/[ ,]+/g, '-');
    const stageOn = (taskQueue: string): Stage => ({
      client,
      taskQueue,
      id: (name) => {
        const id = `${prefix}-${name}-${used.length}`;
        used.push(id);
        return id;
      },
      worker: (options) => startWorker(createWorker, { taskQueue, workflowsPath: workflowsFor(sdk, 'test/scenarios/workflows.js'), activities: activityFunctions, ...options }),
    });
    try {
      {
        const stage = stageOn(`${prefix}-queue`);
        await using _worker = await stage.worker();
        for (const scenario of SCENARIOS) await t.test(scenario.name, { timeout: 60_000 }, () => scenario.run(stage));
      }
      for (const [index, scenario] of WORKER_SCENARIOS.entries()) {
        await t.test(scenario.name, { timeout: 60_000, skip: skip[scenario.name] ?? false }, () => scenario.run(stageOn(`${prefix}-queue-${index}`)));
      }
      if (after) await t.test('every history replays', () => after(used));
    } finally {
      await close();
    }
  });
}

async function startWorker(create: SdkOnServer['createWorker'], options: WorkerOptions): Promise<AsyncDisposable> {
  const worker = await create(options);
  const running = worker.run();
  return {
    [Symbol.asyncDispose]: async () => {
      worker.shutdown();
      await running;
    },
  };
}
