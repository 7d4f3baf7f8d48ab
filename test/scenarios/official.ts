/** The official SDK's side of the scenarios: a server to talk to, and the official replayer. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadClient, loadWorker, workflowsFor } from '../../bench/sdk.js';
import { ServerProcess } from '../crash/server-process.js';

/** Runs with the address of a server: our own, or the one that `PERDURE_ADDRESS=host:port` names. */
export async function withServerFor(run: (address: string) => Promise<void>): Promise<void> {
  const given = process.env['PERDURE_ADDRESS'];
  if (given !== undefined) return run(given);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-official-'));
  const server = new ServerProcess(path.join(folder, 'dev.db'));
  await server.start();
  try {
    await run(server.address);
  } finally {
    await server.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** The official SDK tells much; this keeps it to errors. Once per process. */
export async function quietOfficialSdk(): Promise<void> {
  const { Runtime, DefaultLogger } = await loadWorker('official');
  Runtime.install({ logger: new DefaultLogger('ERROR') });
}

interface Replayer {
  runReplayHistory(options: { workflowsPath: string }, history: unknown): Promise<void>;
}

/** Replays the histories of these workflows with the official SDK. @throws Error that lists those that do not replay */
export async function replayWithOfficialSdk(address: string, workflowIds: readonly string[]): Promise<void> {
  const { Client, Connection } = await loadClient('official');
  const { Worker } = await loadWorker('official');
  const replayer = Worker as unknown as Replayer;
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const failures: string[] = [];
  for (const workflowId of workflowIds) {
    const history = await client.workflow.getHandle(workflowId).fetchHistory();
    await replayer.runReplayHistory({ workflowsPath: workflowsFor('official', 'test/scenarios/workflows.js') }, history).catch((error: unknown) => {
      failures.push(`${workflowId}: ${String(error)}`);
    });
  }
  await connection.close();
  if (failures.length > 0) throw new Error(failures.join('\n'));
}
