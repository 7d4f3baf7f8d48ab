/**
 * A step costs what it changes, not what exists: what is written and read for one does not grow with the history of the run, nor with
 * what is pending in it. Counted in bytes and calls at the store, because time on a busy machine proves nothing.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandType, WorkflowService, type Command, type Init } from '../protocol/index.js';
import { silentLogger } from '../ports/index.js';
import { SimulatedStore } from '../store/simulated/simulated-store.js';
import type { HistoryBatch, HistoryLimit, Transition } from '../store/store.js';
import { openEngine, type Engine } from './engine.js';
import { payloads, sticky } from './testing/stage.js';

class CountingStore extends SimulatedStore {
  recordBytes = 0;
  snapshotBytes = 0;
  snapshots = 0;
  historyReads = 0;
  batchesRead = 0;

  override commit(transitions: readonly Transition[]): Promise<void> {
    for (const { history, private: privateEvents, snapshot } of transitions) {
      this.recordBytes += (history?.bytes.length ?? 0) + (privateEvents?.length ?? 0);
      this.snapshotBytes += snapshot?.length ?? 0;
      if (snapshot !== undefined) this.snapshots += 1;
    }
    return super.commit(transitions);
  }

  override async history(machine: string, from: number, limit: HistoryLimit): Promise<readonly HistoryBatch[]> {
    const batches = await super.history(machine, from, limit);
    this.historyReads += 1;
    this.batchesRead += batches.length;
    return batches;
  }

  reset(): void {
    this.recordBytes = this.snapshotBytes = this.snapshots = this.historyReads = this.batchesRead = 0;
  }
}

const namespace = 'default';
const activity = (activityId: string): Init<Command> => ({
  commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
  scheduleActivityTaskCommandAttributes: { activityId, activityType: { name: 'x' }, taskQueue: { name: 'nobody' }, input: payloads('x'.repeat(200)), startToCloseTimeout: 3_600_000 },
});

/** A run with so many pending activities, driven by a sticky worker: each step completes one and schedules another. */
class Driver {
  #first = 0;
  #next = 0;

  constructor(readonly engine: Engine) {}

  async start(pending: number): Promise<void> {
    const { transport } = this.engine;
    await transport.call(WorkflowService.StartWorkflowExecution, { namespace, workflowId: 'w', workflowType: { name: 't' }, taskQueue: { name: 'q' } });
    await this.#complete(await this.#poll('q'), Array.from({ length: pending }, () => activity(`${10_000 + this.#next++}`)));
  }

  async steps(count: number): Promise<void> {
    for (let step = 0; step < count; step++) {
      const task = this.#poll(sticky.stickyAttributes.workerTaskQueue.name);
      const activityId = `${10_000 + this.#first++}`;
      await this.engine.transport.call(WorkflowService.RespondActivityTaskCompletedById, { namespace, workflowId: 'w', activityId });
      await this.#complete(await task, [activity(`${10_000 + this.#next++}`)]);
    }
  }

  #poll(name: string): Promise<{ readonly taskToken: Uint8Array }> {
    return this.engine.transport.call(WorkflowService.PollWorkflowTaskQueue, { namespace, taskQueue: { name, kind: name === 'q' ? 1 : 2, normalName: 'q' } });
  }

  #complete({ taskToken }: { readonly taskToken: Uint8Array }, commands: readonly Init<Command>[]): Promise<unknown> {
    return this.engine.transport.call(WorkflowService.RespondWorkflowTaskCompleted, { taskToken, commands, ...sticky });
  }
}

async function driven(pending: number): Promise<AsyncDisposable & { readonly store: CountingStore; readonly driver: Driver }> {
  const store = new CountingStore();
  const engine = await openEngine({ store, logger: silentLogger });
  const driver = new Driver(engine);
  await driver.start(pending);
  return { store, driver, [Symbol.asyncDispose]: () => engine.close() };
}

test('with a thousand pending activities a step writes what it writes with one, and snapshots stay in proportion', async () => {
  await using one = await driven(1);
  await using thousand = await driven(1_000);
  const measured = [one, thousand];
  for (const { store, driver } of measured) {
    store.reset();
    await driver.steps(1_000);
  }
  const [few, many] = measured.map(({ store }) => store.recordBytes / 1_000) as [number, number];
  assert.ok(Math.abs(many / few - 1) < 0.05, `${few} bytes a step with one pending, ${many} with a thousand`);
  // A snapshot holds everything that is pending, so it must be rare.
  const { snapshotBytes, recordBytes, snapshots } = thousand.store;
  assert.ok(snapshots > 0 && snapshotBytes <= 4 * recordBytes, `${snapshots} snapshots of ${snapshotBytes} bytes beside ${recordBytes}`);
});

test('a long history: a step of a worker that keeps up reads nothing and writes what it wrote at the beginning', async () => {
  await using run = await driven(1);
  const { store, driver } = run;
  await driver.steps(50);
  store.reset();
  await driver.steps(50);
  const early = store.recordBytes;
  await driver.steps(1_500);
  store.reset();
  await driver.steps(50);
  assert.ok(Math.abs(store.recordBytes / early - 1) < 0.05, `${early} bytes at the beginning, ${store.recordBytes} bytes after 9,000 events`);
  assert.equal(store.historyReads, 0);

  // A cold worker reads the history once: as many batches as there are, and not again for the next page.
  store.reset();
  const { transport } = driver.engine;
  let pages = 0;
  let nextPageToken: Uint8Array = new Uint8Array(0);
  do {
    const page: { nextPageToken: Uint8Array } = await transport.call(WorkflowService.GetWorkflowExecutionHistory, { namespace, execution: { workflowId: 'w' }, nextPageToken });
    nextPageToken = page.nextPageToken;
    pages += 1;
  } while (nextPageToken.byteLength > 0);
  const { batchesRead } = store;
  const journal = await store.history((await transport.call(WorkflowService.DescribeWorkflowExecution, { namespace, execution: { workflowId: 'w' } })).workflowExecutionInfo?.execution?.runId ?? '', 1, { bytes: 1e9 });
  assert.ok(pages > 3 && batchesRead <= journal.length * 1.1 + pages, `${batchesRead} batches read of ${journal.length} in ${pages} pages`);
});
