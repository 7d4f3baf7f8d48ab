/**
 * SIGKILL of the real server at random moments under load.
 *
 * Several clients start workflows and signal them, a workflow worker and hand-made activity workers serve them, and every
 * acknowledged start, signal and completion is written down. The server is killed again and again at random moments and started on
 * the same file. In the end every workflow must finish, and the histories must hold exactly what was acknowledged: nothing lost,
 * nothing twice, ids without gaps, and a cold worker must be able to replay every one of them.
 *
 * PERDURE_CRASH_ROUNDS: how many kills (default 8; `npm run test:crash` 100). PERDURE_CRASH_SEED: the moments of the kills.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection, WorkflowNotFoundError, type WorkflowHandle } from 'perdure/client';
import { Payloads } from '#perdure/protocol/index';
import { Context } from 'perdure/activity';
import { DefaultLogger, Runtime, Worker } from 'perdure/worker';
import { ServerProcess } from './crash/server-process.js';

const rounds = Number(process.env['PERDURE_CRASH_ROUNDS'] ?? 8);
const seed = Number(process.env['PERDURE_CRASH_SEED'] ?? Date.now() % 1_000_000);
const SIGNALS = 6;
const taskQueue = 'crash';
const workflowsPath = path.join(path.dirname(fileURLToPath(import.meta.url)), 'crash/workflows.js');

function seeded(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

Runtime.install({ logger: new DefaultLogger('ERROR') });

/** What the server has said yes to. */
const acknowledged = { starts: new Map<string, string>(), signals: new Map<string, Set<number>>() };

test(`nothing acknowledged is lost when the server is killed ${rounds} times`, { timeout: 15 * 60_000 }, async (t) => {
  t.diagnostic(`PERDURE_CRASH_SEED=${seed}`);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-crash-'));
  await using server = new ServerProcess(path.join(folder, 'crash.db'));
  await server.start();
  const executions = new Map<string, number>();
  const connection = await Connection.connect({ address: server.address });
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowsPath,
    activities: {
      async work(n: number): Promise<number> {
        const { workflowExecution, activityId, attempt } = Context.current().info;
        const key = `${workflowExecution?.workflowId}/${activityId}/${attempt}`;
        executions.set(key, (executions.get(key) ?? 0) + 1);
        return n;
      },
    },
  });
  const client = new Client({ connection });
  const finished = worker.runUntil(async () => {
    const stop = new AbortController();
    const load = Promise.all([0, 1, 2, 3].map((index) => drive(client, index, stop.signal)));
    const random = seeded(seed);
    for (let round = 0; round < rounds; round++) {
      await delay(20 + random() * 400);
      await server.kill();
      await server.start();
    }
    stop.abort();
    await load;
    t.diagnostic(`${acknowledged.starts.size} workflows, ${[...acknowledged.signals.values()].reduce((sum, set) => sum + set.size, 0)} signals acknowledged`);
    for (const workflowId of acknowledged.starts.keys()) await complete(client, workflowId);
  });
  await finished;
  await connection.close();

  for (const [attempt, times] of executions) assert.equal(times, 1, `attempt ${attempt} was handed out ${times} times`);
  await checkHistories(server);
  fs.rmSync(folder, { recursive: true, force: true });
});

/** Starts workflows and signals them until told to stop; writes down what was acknowledged. */
async function drive(client: Client, index: number, stop: AbortSignal): Promise<void> {
  for (let i = 0; !stop.aborted; i++) {
    const workflowId = `collector-${index}-${i}`;
    try {
      const handle = await client.workflow.start('collector', { taskQueue, workflowId, args: [SIGNALS] });
      acknowledged.starts.set(workflowId, handle.firstExecutionRunId);
    } catch {
      continue; // not acknowledged: it may or may not exist
    }
    await signalAll(client, workflowId, SIGNALS - 1); // the last one is kept, so that it still runs at the end
    await delay(10);
  }
}

async function signalAll(client: Client, workflowId: string, count: number): Promise<void> {
  const known = acknowledged.signals.get(workflowId) ?? new Set();
  acknowledged.signals.set(workflowId, known);
  const handle = client.workflow.getHandle(workflowId);
  for (let n = 0; n < count; n++) {
    await handle.signal('add', n).then(
      () => known.add(n),
      () => undefined,
    );
  }
}

/** The calm after: sends more signals, under new numbers, until the workflow has what it waits for. */
async function complete(client: Client, workflowId: string): Promise<void> {
  const known = acknowledged.signals.get(workflowId) as Set<number>;
  const handle = client.workflow.getHandle(workflowId, acknowledged.starts.get(workflowId));
  const received = signalsIn((await handle.fetchHistory()).events ?? []);
  // One that is still buffered behind a started task is not in the history yet: then this sends more than are needed.
  for (let n = 100; n < 100 + SIGNALS - received.length; n++) {
    await handle.signal('add', n).then(
      () => known.add(n),
      (error: unknown) => assert.ok(error instanceof WorkflowNotFoundError, String(error)),
    );
  }
  const result = (await handle.result()) as number[];
  assert.equal(result.length, SIGNALS);
  assert.equal(new Set(result).size, SIGNALS, `${workflowId} did some work twice: ${result.join()}`);
}

type Events = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>;

/** The numbers that the signals of a history carry. */
function signalsIn(events: Events): number[] {
  return events.flatMap(({ workflowExecutionSignaledEventAttributes: signaled }) => {
    if (signaled?.input === undefined) return [];
    const [payload] = Payloads.decode(signaled.input).payloads;
    return [Number(Buffer.from(payload?.data ?? []).toString())];
  });
}

async function checkHistories(server: ServerProcess): Promise<void> {
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection });
  // No cache and no activities: each query replays a whole history from its first event.
  const cold = await Worker.create({ connection, taskQueue, workflowsPath, maxCachedWorkflows: 0 });
  await cold.runUntil(async () => {
    for (const [workflowId, runId] of acknowledged.starts) {
      const handle = client.workflow.getHandle(workflowId, runId);
      const events = (await handle.fetchHistory()).events ?? [];
      events.forEach((event, index) => assert.equal(event.eventId, index + 1, `${workflowId}: a gap in the history`));
      const completed = events.flatMap((event) => event.activityTaskCompletedEventAttributes?.scheduledEventId ?? []);
      assert.equal(new Set(completed).size, completed.length, `${workflowId}: an activity completed twice`);
      assert.equal(completed.length, SIGNALS);
      const description = await handle.describe();
      assert.equal(description.runId, runId);
      const signals = signalsIn(events);
      assert.equal(new Set(signals).size, signals.length, `${workflowId}: a signal came twice: ${signals.join()}`);
      for (const n of acknowledged.signals.get(workflowId) ?? []) assert.ok(signals.includes(n), `${workflowId}: the acknowledged signal ${n} is lost`);
      assert.deepEqual(await handle.query<number[]>('seen'), await handle.result(), `${workflowId}: the replay gives another state`);
    }
  });
  await connection.close();
}
