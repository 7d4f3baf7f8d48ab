/**
 * What the clients of the crash test do: each story starts workflows of one kind, drives them to their end while the server dies again and
 * again, and then knows exactly what must have come of it. Requests are repeated until they are answered (`insistence.ts`).
 */
import assert from 'node:assert/strict';
import { Code, EventType, RpcError } from '#perdure/protocol/index';
import { WithStartWorkflowOperation, WorkflowExecutionAlreadyStartedError, WorkflowUpdateFailedError, type Client } from 'perdure/client';
import { insist, signal } from './insistence.js';
import type * as workflows from './workflows.js';

export interface Scene {
  readonly client: Client;
  /** Unique. */
  readonly id: string;
  /** An execution of `inbox` that is open throughout. */
  readonly inbox: string;
  readonly random: () => number;
  /** Writes down an execution whose histories are looked at in the end. */
  readonly saw: (workflowId: string) => void;
  /** A note that must come to the inbox. */
  readonly expectNote: (text: string) => void;
}

export type Story = (scene: Scene) => Promise<void>;

const options = { taskQueue: 'crash', workflowTaskTimeout: '1 second' } as const;

async function start<T extends keyof typeof workflows & string>(scene: Scene, type: T, workflowId: string, ...args: readonly unknown[]): Promise<void> {
  scene.saw(workflowId);
  await insist(async () => {
    try {
      await scene.client.workflow.start(type, { ...options, workflowId, args: [...args], workflowIdReusePolicy: 'REJECT_DUPLICATE' });
    } catch (error) {
      // An earlier try was not answered; perhaps the workflow is even at its end already.
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  });
}

const resultOf = (scene: Scene, workflowId: string): Promise<unknown> => insist(() => scene.client.workflow.getHandle(workflowId).result());
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

const signals: Story = async (scene) => {
  const count = 8;
  await start(scene, 'collector', scene.id, count);
  for (const n of upTo(count)) await signal(scene.client, scene.id, 'add', n);
  assert.deepEqual(await resultOf(scene, scene.id), upTo(count));
};

const updates: Story = async (scene) => {
  const { client, id, random } = scene;
  scene.saw(id);
  const withStart = random() < 0.5;
  if (!withStart) await start(scene, 'account', id);
  const handle = client.workflow.getHandle(id);
  const update = (amount: number): Promise<number> =>
    insist(async () => {
      const call = { updateId: `deposit ${amount}`, args: [amount] as [number] };
      if (!withStart || amount % 3 !== 0) return handle.executeUpdate<number, [number]>('deposit', call);
      const startWorkflowOperation = new WithStartWorkflowOperation('account', { ...options, workflowId: id, args: [], workflowIdConflictPolicy: 'USE_EXISTING' });
      return client.workflow.executeUpdateWithStart('deposit', { ...call, startWorkflowOperation }) as Promise<number>;
    });
  assert.equal(await update(0), 0);
  for (const amount of [1, 2]) assert.equal(await update(amount), amount * 10);
  await assert.rejects(update(-1), WorkflowUpdateFailedError, 'a rejected update is told to be');
  assert.deepEqual(await Promise.all([3, 4, 5].map(update)), [30, 40, 50]);
  const accepted = await insist(() => handle.startUpdate<number, [number]>('deposit', { updateId: 'deposit 6', args: [6], waitForStage: 'ACCEPTED' }));
  assert.equal(await insist(() => accepted.result()), 60);
  assert.equal(await update(2), 20, 'the same update again has the same answer');
  await signal(client, id, 'close');
  const result = (await resultOf(scene, id)) as { accepted: number[]; completed: number[] };
  assert.deepEqual(result.accepted.slice(0, 3), [0, 1, 2]);
  assert.deepEqual([...result.accepted].sort(), upTo(7));
  assert.deepEqual([...result.completed].sort(), upTo(7));
};

const chains: Story = async (scene) => {
  await start(scene, 'chain', scene.id, 5);
  assert.deepEqual(await resultOf(scene, scene.id), upTo(5));
};

const localActivities: Story = async (scene) => {
  await start(scene, 'locals', scene.id);
  const key = (what: string) => `${scene.id}/${what}`;
  assert.deepEqual(await resultOf(scene, scene.id), ['short', 'side', 'remote', 'flaky', 'long'].map(key));
};

const sleepers: Story = async (scene) => {
  await start(scene, 'timers', scene.id, 40);
  assert.equal(await resultOf(scene, scene.id), 40);
};

const families: Story = async (scene) => {
  const { client, id } = scene;
  const child = (name: string) => `${id}/${name}`;
  await start(scene, 'family', id);
  const [steps, locals, failure, stopped] = (await resultOf(scene, id)) as unknown[];
  for (const name of ['chain', 'locals', 'failing', 'stopped', 'terminated', 'cancelled', 'abandoned']) scene.saw(child(name));
  assert.deepEqual(steps, upTo(3));
  assert.equal((locals as string[]).length, 5);
  assert.equal(failure, 'as it was told');
  assert.equal(stopped, 'cancelled');
  await signal(client, child('abandoned'), 'close');
  assert.equal(await resultOf(scene, child('abandoned')), 'closed');
  const ends = { terminated: 'TERMINATED', cancelled: 'CANCELLED', stopped: 'CANCELLED', failing: 'FAILED', chain: 'COMPLETED' } as const;
  for (const [name, status] of Object.entries(ends)) {
    await resultOf(scene, child(name)).catch(() => undefined);
    assert.equal((await insist(() => client.workflow.getHandle(child(name)).describe())).status.name, status, child(name));
  }
};

const couriers: Story = async (scene) => {
  const count = 6;
  for (const n of upTo(count)) scene.expectNote(`${scene.id} ${n}`);
  await start(scene, 'courier', scene.id, scene.inbox, count);
  await resultOf(scene, scene.id);
};

/** Resets come while signals do: these reach the run before or the run after, and either way the work. */
const resets: Story = async (scene) => {
  const { client, id, random } = scene;
  const count = 6;
  const last = count - 1;
  await start(scene, 'collector', id, count);
  const sending = (async () => {
    for (const n of upTo(last)) await signal(client, id, 'add', n);
  })();
  for (const round of [1, 2]) await reset(scene, `${id}/reset ${round}`, random);
  await sending;
  await signal(client, id, 'add', last);
  assert.deepEqual(await resultOf(scene, id), upTo(count));
};

async function reset({ client, id, saw }: Scene, requestId: string, random: () => number): Promise<void> {
  const completed = async (): Promise<number[]> => {
    const { events } = await insist(() => client.workflow.getHandle(id).fetchHistory());
    return events.filter(({ eventType }) => eventType === EventType.WORKFLOW_TASK_COMPLETED).map(({ eventId }) => eventId);
  };
  let points = await completed();
  while (points.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    points = await completed();
  }
  const { runId: base } = await insist(() => client.workflow.getHandle(id).describe());
  const workflowTaskFinishEventId = points[0] as number;
  const request = { namespace: 'default', workflowExecution: { workflowId: id, runId: base }, workflowTaskFinishEventId, requestId, reason: 'crash test', identity: 'crash' };
  const again = () => insist(() => client.connection.workflowService.resetWorkflowExecution(request));
  const { runId } = await again();
  saw(`${id} ${base}`);
  if (random() < 0.5) assert.equal((await again()).runId, runId, 'the same reset again made the same run');
}

const deletions: Story = async (scene) => {
  const { client, id } = scene;
  await start({ ...scene, saw: () => undefined }, 'timers', id, 3);
  const remove = () => client.connection.workflowService.deleteWorkflowExecution({ namespace: 'default', workflowExecution: { workflowId: id } });
  const isGone = (error: unknown): boolean => error instanceof RpcError && error.code === Code.NOT_FOUND;
  if (scene.random() < 0.5) await resultOf(scene, id);
  // An earlier try may have done it without being answered.
  await insist(() => remove().then(() => undefined, (error: unknown) => (isGone(error) ? undefined : Promise.reject(error))));
  const view = () => client.connection.workflowService.describeWorkflowExecution({ namespace: 'default', execution: { workflowId: id } });
  await assert.rejects(insist(view), isGone, 'what was deleted stays deleted');
};

export const STORIES: Readonly<Record<string, Story>> = { signals, updates, chains, localActivities, sleepers, families, couriers, resets, deletions };
