/**
 * A million tasks: one workflow, a thousand children, a thousand activities each, all begun at once.
 *
 * Tells every tenth of the way how fast it goes, what it costs and how much memory server and worker take: none of it may grow with
 * what exists. The client stays in this process: it does next to nothing.
 */
import { Client, Connection } from 'perdure/client';
import type { Child } from './processes.js';

export interface TreeSize {
  readonly children: number;
  readonly activities: number;
}

const LOOK_EVERY_MS = 2000;

export async function measureTree(sdk: string, address: string, taskQueue: string, size: TreeSize, server: Child | undefined, worker: Child): Promise<void> {
  const { children, activities } = size;
  const connection = await Connection.connect({ address });
  const { workflow } = new Client({ connection });
  const from = performance.now();
  const before = cpuOf(server, worker);
  // A run with a thousand results is replayed now and then: ten seconds are few for that on a busy machine.
  const handle = await workflow.start('tree', { taskQueue, workflowId: `tree-${taskQueue}`, args: [children, activities], workflowTaskTimeout: '1 minute' });
  const result = handle.result() as Promise<number>;
  const end = result.then(() => true);
  for (let told = 0, ended = false; !ended; ) {
    ended = await Promise.race([end, new Promise<false>((resolve) => setTimeout(resolve, LOOK_EVERY_MS, false))]);
    // A worker that is busy with it may be too late for a query: look again then.
    const closed = ended ? children : await handle.query<number>('grown').catch(() => 0);
    const tenth = Math.floor((closed * 10) / children);
    if (tenth <= told && !ended) continue;
    told = tenth;
    const seconds = (performance.now() - from) / 1000;
    const done = closed * activities;
    const [serverCpu, workerCpu] = cpuOf(server, worker).map((cpu, index) => (((cpu - (before[index] ?? 0)) * 1000) / done).toFixed(2));
    console.log(
      `${sdk} | ${children} children with ${activities} activities each | ${done} activities done after ${seconds.toFixed(0)} s, ${(done / seconds).toFixed(0)}/s` +
        ` | CPU per 1,000 so far: server ${serverCpu} s, worker ${workerCpu} s | MiB now (peak): server ${memoryOf(server)}, worker ${memoryOf(worker)}`,
    );
  }
  const count = await result;
  if (count !== children * activities) throw new Error(`${count} activities were counted, ${children * activities} should be`);
  await connection.close();
}

const cpuOf = (...processes: (Child | undefined)[]): number[] => processes.map((child) => child?.cpuSeconds() ?? 0);

const memoryOf = (child: Child | undefined): string => (child === undefined ? '-' : `${child.memoryMb().toFixed(0)} (${child.peakMemoryMb().toFixed(0)})`);
