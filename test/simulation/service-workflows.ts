/** Workflows that call operations of a service, those behind them, and workflows that stay on a version of the code or move on. */
import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  createNexusServiceClient,
  defineSignal,
  defineUpdate,
  executeChild,
  isCancellation,
  NexusOperationFailure,
  proxyActivities,
  setHandler,
  setWorkflowOptions,
  sleep,
  TimeoutFailure,
  workflowInfo,
  type NexusOperationCancellationType,
} from 'perdure/workflow';
import type { Activities, VersionActivities } from './activities.js';
import { desk, type Behind } from './desk.js';

const { step } = proxyActivities<Activities>({ startToCloseTimeout: '20 seconds', retry: { initialInterval: '200 ms', maximumInterval: '2 seconds' } });

const behind = (workflowId: string, how: Behind['how'] = 'succeed'): Behind => ({ call: `${workflowId} ${workflowInfo().runId}`, workflowId, how });

/** Of an operation that fails: the innermost message. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'no failure';
  } catch (error) {
    if (!(error instanceof NexusOperationFailure)) throw error;
    let cause: unknown = error.cause;
    if (cause instanceof TimeoutFailure) return `timed out: ${cause.timeoutType}`;
    while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** Operations that end at once, later, in failure; one after the other and side by side. */
export async function operations(endpoint: string, name: string): Promise<string[]> {
  const client = createNexusServiceClient({ endpoint, service: desk });
  const seen = [await client.executeOperation('quote', { call: `${name}/quote`, failures: 2 })];
  const handle = await client.startOperation('charge', behind(`${name}/first`));
  seen.push(await handle.result());
  seen.push(
    ...(await Promise.all([
      client.executeOperation('charge', behind(`${name}/second`)),
      client.executeOperation('quote', { call: `${name}/beside` }),
      failureOf(client.executeOperation('charge', behind(`${name}/failing`, 'fail'))),
      failureOf(client.executeOperation('refuse', { call: `${name}/refused` })),
      step(`${name}/step`, 1),
    ])),
  );
  return seen;
}

/** Begins an operation, wants it no more after some time, and says how it ended. */
export async function canceller(endpoint: string, name: string, cancellationType: NexusOperationCancellationType, afterMs: number): Promise<string> {
  const scope = new CancellationScope();
  const result = scope.run(() => createNexusServiceClient({ endpoint, service: desk }).executeOperation('charge', behind(`${name}/behind`, 'wait'), { cancellationType }));
  result.catch(() => undefined);
  await sleep(afterMs);
  scope.cancel();
  try {
    return await result;
  } catch (error) {
    if (!isCancellation(error)) throw error;
    return 'cancelled';
  }
}

/** Each timeout that an operation has. Nobody serves `nobody`. */
export async function deadlines(endpoint: string, nobody: string, name: string): Promise<string[]> {
  const served = createNexusServiceClient({ endpoint, service: desk });
  const alone = createNexusServiceClient({ endpoint: nobody, service: desk });
  return Promise.all([
    failureOf(served.executeOperation('byHand', { call: `${name}/started` }, { startToCloseTimeout: '4 seconds' })),
    failureOf(served.executeOperation('byHand', { call: `${name}/whole` }, { scheduleToCloseTimeout: '5 seconds' })),
    failureOf(alone.executeOperation('quote', { call: `${name}/alone` }, { scheduleToStartTimeout: '3 seconds' })),
  ]);
}

/** Its operation is ended by somebody who has its callback. */
export async function calledBack(endpoint: string, name: string): Promise<string> {
  return createNexusServiceClient({ endpoint, service: desk }).executeOperation('byHand', { call: name });
}

/** Two operations that updates of a running workflow stand behind. */
export async function asker(endpoint: string, name: string, workflowId: string): Promise<string[]> {
  const client = createNexusServiceClient({ endpoint, service: desk });
  return Promise.all(['one', 'two'].map((which) => client.executeOperation('approve', { call: `${name}/${which}`, workflowId })));
}

/** Says yes, and keeps to what. */
export async function approver(name: string): Promise<string[]> {
  const approved: string[] = [];
  let finished = false;
  setHandler(defineUpdate<string, [string]>('approve'), async (what) => {
    await step(`${name}-${what}`, 1);
    approved.push(what);
    return `${what} approved`;
  });
  setHandler(defineSignal('finish'), () => void (finished = true));
  await condition(() => finished);
  await condition(allHandlersFinished);
  return approved;
}

/** Is reset now and then: what stands behind its operations is there already, or begun again. */
export async function goesBack(endpoint: string, name: string): Promise<string[]> {
  const client = createNexusServiceClient({ endpoint, service: desk });
  const seen = [await step(`${name}/step`, 1)];
  const beside = client.executeOperation('charge', behind(`${name}/beside`));
  seen.push(await client.executeOperation('charge', behind(`${name}/behind`)));
  await sleep(700);
  return [...seen, await beside];
}

/** Behind the operation `charge`. Goes on as a new run once, and is the same operation. */
export async function charging(name: string, how: Behind['how'], again = true): Promise<string> {
  if (how === 'wait') {
    try {
      await sleep('30 days');
    } catch (error) {
      if (isCancellation(error)) await CancellationScope.nonCancellable(() => step(`${name}-cleanup`, 1));
      throw error;
    }
  }
  await step(`${name}-step`, 1);
  if (again) await continueAsNew<typeof charging>(name, how, false);
  if (how === 'fail') throw ApplicationFailure.nonRetryable('no cover, as planned', 'Planned');
  return `${name} charged`;
}

// ── versions ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const { whichBuild } = proxyActivities<VersionActivities>({ startToCloseTimeout: '20 seconds', retry: { initialInterval: '200 ms', maximumInterval: '2 seconds' } });

/** The build of the worker that runs this, and of the one that ran an activity, again and again. */
async function builds(turns: number): Promise<string[]> {
  const seen: string[] = [];
  for (let turn = 0; turn < turns; turn++) {
    seen.push(workflowInfo().currentDeploymentVersion?.buildId ?? 'none', await whichBuild());
    await sleep(1_300);
  }
  return seen;
}

/** Stays on the version that began it, with its child and the run that follows it. */
export async function staying(name: string, turns: number, before: string[] = []): Promise<string[]> {
  const seen = [...before, ...(await builds(turns))];
  if (before.length > 0) return seen;
  seen.push(...(await executeChild(stayingChild, { workflowId: `${name}/child`, args: [turns] })));
  return continueAsNew<typeof staying>(name, turns, seen);
}
setWorkflowOptions({ versioningBehavior: 'PINNED' }, staying);

export async function stayingChild(turns: number): Promise<string[]> {
  return builds(turns);
}
setWorkflowOptions({ versioningBehavior: 'PINNED' }, stayingChild);

/** Moves on with the version that is current, or to the one that it is told to take. */
export async function moving(turns: number, again = true): Promise<string[]> {
  const seen = await builds(turns);
  if (again) await continueAsNew<typeof moving>(turns, false);
  return seen;
}
setWorkflowOptions({ versioningBehavior: 'AUTO_UPGRADE' }, moving);
