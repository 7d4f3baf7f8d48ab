/**
 * Stories of runs that go back to an earlier workflow task and come to the same end: what their activities, their children and their
 * clients told them is neither lost nor there twice.
 */
import type { HistoryEvent } from '#perdure/protocol/index';
import { LONGEST_DELAY_MS } from '#perdure/simulation/faults';
import type { SimulatedWorld } from '#perdure/simulation/simulated-world';
import type { Problems } from './checks.js';
import type * as workflows from './workflows.js';

export const QUEUE = 'simulation';

export interface Scene {
  readonly world: SimulatedWorld;
  readonly problems: Problems;
  /** A whole number below this one, by chance. */
  below(limit: number): number;
  pause(ms: number): Promise<void>;
}

/** Activities are done again, or taken over. */
export async function resetSteps(scene: Scene, name: string): Promise<void> {
  const { client } = scene.world;
  await client.workflow.start<typeof workflows.steps>('steps', { workflowId: name, taskQueue: QUEUE, args: [name, 2] });
  await scene.pause(500 + scene.below(5_000));
  await reset(scene, name, 0);
  const seen: unknown = await client.workflow.getHandle(name).result();
  if (!Array.isArray(seen) || seen.length !== 5) scene.problems.add(`${name} returned ${JSON.stringify(seen)} after its reset`);
}

/** The new run meets the children of the old one: it hears of their end, or that they run already. */
export async function resetFamily(scene: Scene, name: string): Promise<void> {
  const { client } = scene.world;
  await client.workflow.start<typeof workflows.family>('family', { workflowId: name, taskQueue: QUEUE, args: [name] });
  for (let times = 1 + scene.below(2); times > 0; times--) {
    await scene.pause(scene.below(4_000));
    await reset(scene, name, scene.below(3));
  }
  const settled: unknown = await client.workflow.getHandle(name).result();
  if (settled !== 2) scene.problems.add(`${name} returned ${JSON.stringify(settled)} after its reset`);
}

/** Signals that came before a reset are told to the new run; each is there once. */
export async function resetListener(scene: Scene, name: string): Promise<void> {
  const { client } = scene.world;
  await client.workflow.start<typeof workflows.listener>('listener', { workflowId: name, taskQueue: QUEUE });
  const handle = client.workflow.getHandle<typeof workflows.listener>(name);
  const texts = Array.from({ length: 3 + scene.below(4) }, (_, index) => `${name}/${index}`);
  for (const text of texts) {
    await Promise.all([handle.signal('add', text), scene.below(3) === 0 ? reset(scene, name, scene.below(3)) : scene.pause(scene.below(1_000))]);
  }
  await handle.signal('finish');
  const heard = await handle.result();
  if ([...heard].sort().join() !== texts.join()) scene.problems.add(`${name} was told ${texts.join(' ')} and has, after its resets, ${heard.join(' ')}`);
}

/**
 * Back to the n-th completed workflow task of the latest run, counted around. A reset that is repeated is known as long as its run is the
 * current one, so this ends when no repetition can be on its way any more.
 */
export async function reset({ world, pause }: Scene, workflowId: string, nth: number): Promise<void> {
  const service = world.client.workflowService;
  const { runId, completed } = await completedTasks(world, pause, workflowId);
  const workflowTaskFinishEventId = completed[nth % completed.length]?.eventId ?? 0;
  const workflowExecution = { workflowId, runId };
  await service.resetWorkflowExecution({ namespace: 'default', workflowExecution, workflowTaskFinishEventId, requestId: `reset ${workflowId} ${world.random.next()}`, reason: 'chance' });
  await pause(LONGEST_DELAY_MS);
}

async function completedTasks(world: SimulatedWorld, pause: Scene['pause'], workflowId: string): Promise<{ readonly runId: string; readonly completed: readonly HistoryEvent[] }> {
  for (;;) {
    const runId = world.disk.runs.findLast((run) => run.workflowId === workflowId)?.runId ?? '';
    const completed = world.disk.events(runId).filter(({ workflowTaskCompletedEventAttributes: attributes }) => attributes !== undefined);
    if (completed.length > 0) return { runId, completed };
    await pause(200);
  }
}
