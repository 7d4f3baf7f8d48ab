/**
 * SIGKILL of the real server, and now and then of a worker, at random moments under load.
 *
 * Clients run stories (`crash/stories.ts`): signals, updates, update-with-start, continue-as-new, children, local activities, timers, signals
 * to other workflows, resets, deletions. They repeat each request with the same ids until it is answered. So in the end every workflow
 * must have the result that its program says, to the last step: nothing acknowledged is lost and nothing happens twice. Activities write a
 * ledger; no attempt is handed out twice. Every history has ids without gaps and replays on a cold worker. Lists tell the latest, also right
 * after a kill.
 *
 * PERDURE_CRASH_ROUNDS: how many kills (default 8; `npm run test:crash` 100). PERDURE_CRASH_SEED: the moments of the kills and the stories.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from 'perdure/client';
import { DefaultLogger, Runtime, Worker } from 'perdure/worker';
import { EventType, type HistoryEvent } from '#perdure/protocol/index';
import { giveUp, insist, signal } from './crash/insistence.js';
import { Ledger } from './crash/ledger.js';
import { LoadWorkers } from './crash/load-workers.js';
import { ServerProcess } from './crash/server-process.js';
import { STORIES, type Scene } from './crash/stories.js';

const rounds = Number(process.env['PERDURE_CRASH_ROUNDS'] ?? 8);
const seed = Number(process.env['PERDURE_CRASH_SEED'] ?? Date.now() % 1_000_000);
const CLIENTS = 24;
/** Longer than any time-out of the workflows: what is not at its end by then never will be. */
const CALM_MS = 60_000;
/** A server that nobody works for lives so long. */
const LONGEST_REST_MS = 500;
const INBOX = 'inbox';
const workflowsPath = path.join(path.dirname(fileURLToPath(import.meta.url)), 'crash/workflows.js');

function seeded(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

Runtime.install({ logger: new DefaultLogger('ERROR') });

class Load {
  /** Executions that stories told of, as `workflowId` or, for a certain run, `workflowId runId`. */
  readonly seen = new Set<string>([INBOX]);
  readonly notes: string[] = [];
  readonly finished = new Map<string, number>();
  readonly running = new Set<string>();
  #stopped = false;

  constructor(readonly client: Client) {}

  get count(): number {
    return [...this.finished.values()].reduce((sum, one) => sum + one, 0);
  }

  stop(): void {
    this.#stopped = true;
  }

  async drive(index: number): Promise<void> {
    const random = seeded(seed * 31 + index);
    const names = Object.keys(STORIES);
    for (let i = 0; !this.#stopped; i++) {
      // All kinds come early, in an order of each client's own.
      const name = names[(index * 2 + i) % names.length] as string;
      const id = `${name}-${index}-${i}`;
      this.running.add(id);
      await STORIES[name]?.(this.#scene(id, random)).catch((error: unknown) => {
        throw new Error(`${id}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      });
      this.running.delete(id);
      this.finished.set(name, (this.finished.get(name) ?? 0) + 1);
    }
  }

  #scene(id: string, random: () => number): Scene {
    return { client: this.client, id, inbox: INBOX, random, saw: (workflowId) => this.seen.add(workflowId), expectNote: (text) => this.notes.push(text) };
  }
}

test(`nothing acknowledged is lost and nothing happens twice when the server is killed ${rounds} times`, { timeout: 10 * 60_000 }, async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-crash-'));
  const say = (text: string): void => t.diagnostic(text);
  try {
    await killAndCheck(folder, say);
  } catch (error) {
    giveUp.abort();
    const again = `PERDURE_CRASH_ROUNDS=${rounds} PERDURE_CRASH_SEED=${seed} npm run test:crash`;
    throw new Error(`${error instanceof Error ? error.message : String(error)}\nThe data is in ${folder}. To repeat it: ${again}`, { cause: error });
  }
  fs.rmSync(folder, { recursive: true, force: true });
});

async function killAndCheck(folder: string, say: (text: string) => void): Promise<void> {
  say(`PERDURE_CRASH_SEED=${seed}`);
  const ledger = new Ledger(path.join(folder, 'ledger'));
  await using server = new ServerProcess(path.join(folder, 'crash.db'));
  await server.start();
  await using connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection });
  const load = new Load(client);
  await client.workflow.start('inbox', { taskQueue: 'crash', workflowId: INBOX, workflowTaskTimeout: '1 second' });
  {
    await using workers = new LoadWorkers(server.address, ledger.filename, 2);
    // A worker is there.
    await insist(() => client.workflow.getHandle(INBOX).query('__stack_trace'));
    const clients = Promise.all(Array.from({ length: CLIENTS }, (_, index) => load.drive(index)));
    clients.catch(() => giveUp.abort());
    const began = performance.now();
    await Promise.race([clients, killAll(server, workers, ledger, client)]);
    load.stop();
    const calm = performance.now();
    say(`${rounds} kills in ${seconds(calm - began)} s; ${ledger.executions} activities were executed, ${load.count} stories are at their end, ${load.running.size} under way`);
    await Promise.race([clients, tooLong(load)]);
    await checkInbox(load);
    say(`the rest took ${seconds(performance.now() - calm)} s`);
  }
  say(`finished: ${[...load.finished].map(([name, count]) => `${count} ${name}`).join(', ')}`);
  ledger.read();
  say(`${ledger.size} activities`);
  ledger.checkAttempts();
  const histories = await checkHistories(load, ledger, say);
  await server.kill();
  await server.start();
  await checkLists(client, histories);
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1);

/** Mostly while workers are at work again, which the ledger tells; now and then while the server has hardly begun to live. */
async function killAll(server: ServerProcess, workers: LoadWorkers, ledger: Ledger, client: Client): Promise<void> {
  const random = seeded(seed);
  for (let round = 0; round < rounds; round++) {
    if (random() < 0.75) await growth(ledger);
    await delay(random() * 250);
    if (random() < 0.1) workers.kill(Math.floor(random() * 2));
    await server.kill();
    await server.start();
    if (round % 5 === 0) await checkRunning(client);
  }
}

/** What a list shows as running was running when it was asked for. */
async function checkRunning(client: Client): Promise<void> {
  const askedMs = Date.now();
  const running = await insist(async () => {
    const found: string[] = [];
    for await (const { workflowId, runId } of client.workflow.list({ query: "ExecutionStatus = 'Running'" })) found.push(`${workflowId} ${runId}`);
    return found;
  });
  for (const one of running) {
    const [workflowId = '', runId] = one.split(' ');
    const { closeTime } = await insist(() => client.workflow.getHandle(workflowId, runId).describe());
    assert.ok(closeTime === undefined || closeTime.getTime() >= askedMs, `${one} was listed as running after its end`);
  }
}

/** Every run is listed as what it is, with the length of its history. */
async function checkLists(client: Client, histories: readonly RunHistory[]): Promise<void> {
  const listed = new Map<string, string>();
  for await (const { workflowId, runId, status, historyLength } of client.workflow.list()) {
    assert.notEqual(status.name, 'RUNNING', `${workflowId} (${runId})`);
    listed.set(runId, `${status.name} ${historyLength}`);
  }
  for (const { workflowId, runId, history } of histories) {
    assert.equal(listed.get(runId), `${endOf(history.events)} ${history.events.length}`, `${workflowId} (${runId}) is listed as something else`);
  }
}

async function growth(ledger: Ledger): Promise<void> {
  const before = ledger.bytes;
  for (let waited = 0; waited < LONGEST_REST_MS && ledger.bytes === before; waited += 20) await delay(20);
}

async function tooLong({ running }: Load): Promise<never> {
  await delay(CALM_MS, undefined, { ref: false });
  throw new Error(`still running ${CALM_MS / 1000} s after the last kill: ${[...running].join(', ')}`);
}

/** Every note once, and those of one sender that were sent one after the other in that order. */
async function checkInbox({ client, notes }: Load): Promise<void> {
  await signal(client, INBOX, 'close');
  const came = await insist(() => client.workflow.getHandle(INBOX).result() as Promise<string[]>);
  assert.deepEqual([...came].sort(), [...notes].sort(), 'every signal to another workflow arrives once');
  const places = new Map(came.map((text, place) => [text, place]));
  for (const text of came) {
    const [, sender, n] = /^(.*) (\d+)$/.exec(text) ?? [];
    if (Number(n) >= 2) assert.ok((places.get(`${sender} ${Number(n) - 2}`) as number) < (places.get(text) as number), `${text} came before what was sent earlier`);
  }
}

interface RunHistory {
  readonly workflowId: string;
  readonly runId: string;
  readonly history: { readonly events: HistoryEvent[] };
}

async function checkHistories(load: Load, ledger: Ledger, say: (text: string) => void): Promise<readonly RunHistory[]> {
  const histories: RunHistory[] = [];
  for (const seen of load.seen) {
    const [workflowId, runId] = seen.split(' ') as [string, string | undefined];
    const first = runId ?? firstRunOf((await load.client.workflow.getHandle(workflowId).fetchHistory()).events);
    for (let next: string | undefined = first; next !== undefined; ) {
      const { events } = await load.client.workflow.getHandle(workflowId, next).fetchHistory();
      histories.push({ workflowId, runId: next, history: { events } });
      next = successorOf(events);
    }
  }
  for (const { workflowId, history } of histories) {
    checkHistory(workflowId, history.events);
    ledger.checkHistory(history.events);
  }
  for await (const { workflowId, runId, error } of Worker.runReplayHistories({ workflowsPath }, histories)) {
    assert.equal(error, undefined, `${workflowId} ${runId} does not replay: ${error?.message}`);
  }
  say(`${histories.length} histories replayed, ${histories.reduce((sum, { history }) => sum + history.events.length, 0)} events`);
  return histories;
}

function firstRunOf(events: readonly HistoryEvent[]): string {
  return events[0]?.workflowExecutionStartedEventAttributes?.firstExecutionRunId ?? '';
}

function successorOf(events: readonly HistoryEvent[]): string | undefined {
  return events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
}

function checkHistory(workflowId: string, events: readonly HistoryEvent[]): void {
  events.forEach((event, index) => assert.equal(event.eventId, index + 1, `${workflowId}: a gap in the history`));
  const once = (what: string, ids: readonly (number | string)[]): void => assert.equal(new Set(ids).size, ids.length, `${workflowId}: ${what} twice`);
  once('an activity completed', events.flatMap((event) => event.activityTaskCompletedEventAttributes?.scheduledEventId ?? []));
  once('a timer fired', events.flatMap((event) => event.timerFiredEventAttributes?.startedEventId ?? []));
  once('a signal came', events.flatMap((event) => event.workflowExecutionSignaledEventAttributes?.requestId ?? []));
  once('an update was completed', events.flatMap((event) => event.workflowExecutionUpdateCompletedEventAttributes?.meta?.updateId ?? []));
  once('a child was started', events.flatMap((event) => event.childWorkflowExecutionStartedEventAttributes?.initiatedEventId ?? []));
  assert.ok(endOf(events) !== undefined, `${workflowId} is still open`);
}

/** The status that lists show for the last event. */
const endOf = (events: readonly HistoryEvent[]): string | undefined => ENDS.get(events.at(-1)?.eventType ?? EventType.UNSPECIFIED);

const ENDS = new Map<EventType, string>([
  [EventType.WORKFLOW_EXECUTION_COMPLETED, 'COMPLETED'],
  [EventType.WORKFLOW_EXECUTION_FAILED, 'FAILED'],
  [EventType.WORKFLOW_EXECUTION_CANCELED, 'CANCELLED'],
  [EventType.WORKFLOW_EXECUTION_TERMINATED, 'TERMINATED'],
  [EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW, 'CONTINUED_AS_NEW'],
]);
