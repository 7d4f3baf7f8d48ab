/** The official SDK's side of the scenarios: a server to talk to, and the official replayer. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { HistoryEvent } from '#perdure/protocol/index';
import { loadWorker, type SdkName } from '../../bench/sdk.js';
import { root } from '../../bench/processes.js';
import { bundleArea, startOwnServer } from './site.js';
import type { AreaHistories } from './stage.js';

/** The server that the scenarios talk to: `PERDURE_ADDRESS=host:port` names one, else ours is started. */
export async function withServer(run: (address: string, isOurServer: boolean) => Promise<void>): Promise<void> {
  const given = process.env['PERDURE_ADDRESS'];
  if (given !== undefined) return run(given, false);
  const server = await startOwnServer();
  try {
    await run(server.address, true);
  } finally {
    await server.stop();
  }
}

/** The official SDK tells much; this keeps it to errors, and quiet about those that scenarios make on purpose. Once per process. */
export async function quietOfficialSdk(): Promise<void> {
  const { Runtime, DefaultLogger } = await loadWorker('official');
  Runtime.install({ logger: new DefaultLogger('ERROR') });
}

interface Replayed {
  readonly workflowId: string;
  readonly error?: unknown;
}

/** What both SDKs' `Worker` offers; the history is in each SDK's own form. */
interface Replayer {
  runReplayHistories(options: object, histories: Iterable<object>): AsyncIterable<Replayed>;
}

interface OfficialProto {
  readonly temporal: { api: { history: { v1: { History: { decode(bytes: Uint8Array): unknown } } } } };
}

export interface EncodedHistory {
  readonly workflowId: string;
  readonly encoded: Uint8Array;
}

/** Replays all histories with both SDKs: what one wrote, the other can go on with. */
export async function replayWithBothSdks(t: TestContext, areas: readonly AreaHistories[]): Promise<void> {
  // Ours first: the official replayer leaves a promise hook in its thread that makes code from strings, which our realms forbid.
  for (const sdk of ['ours', 'official'] as const) {
    for (const { area, histories } of areas) {
      if (area.workflows === undefined) continue;
      await t.test(`${area.name}: ${histories.length} histories replay with ${sdk === 'ours' ? 'our' : 'the official'} SDK`, { timeout: 120_000 }, async () => {
        const workflowBundle = await bundleArea(sdk, area);
        // What a scenario wrote by hand is no workflow's history.
        const begun = histories.filter(({ events }) => typeOf(events) !== 'byHand' && events.some((event) => event.workflowTaskCompletedEventAttributes !== undefined));
        assert.deepEqual(await (sdk === 'ours' ? replayOurs : replayOfficially)({ workflowBundle }, begun), []);
      });
    }
  }
}

const typeOf = (events: readonly HistoryEvent[]): string | undefined => events[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name;

/** @param options of the replayer: a bundle or a path @returns what did not replay */
export async function replayOurs(options: object, histories: readonly EncodedHistory[]): Promise<readonly string[]> {
  return replay('ours', options, histories.map(({ workflowId, encoded }) => ({ workflowId, history: encoded })));
}

/** The same, with the official SDK. */
export async function replayOfficially(options: object, histories: readonly EncodedHistory[]): Promise<readonly string[]> {
  const { temporal } = createRequire(path.join(root, 'test/official/package.json'))('@temporalio/proto') as OfficialProto;
  return replay('official', options, histories.map(({ workflowId, encoded }) => ({ workflowId, history: temporal.api.history.v1.History.decode(encoded) })));
}

async function replay(sdk: SdkName, options: object, histories: readonly object[]): Promise<readonly string[]> {
  const { Worker } = await loadWorker(sdk);
  const failed: string[] = [];
  for await (const { workflowId, error } of (Worker as unknown as Replayer).runReplayHistories(options, histories)) {
    if (error !== undefined) failed.push(`${workflowId}: ${String(error)}`);
  }
  return failed;
}
