/** Workflows of the deployment scenarios: they tell the build of the worker that ran each of their steps. */
import { condition, continueAsNew, defineSignal, executeChild, makeContinueAsNewFunc, proxyActivities, setHandler, setWorkflowOptions, workflowInfo } from 'perdure/workflow';
import type { Activities } from './activities.js';

export const look = defineSignal('look');
export const end = defineSignal('end');

const { work } = proxyActivities<Activities>({ startToCloseTimeout: '1 minute', allowEagerDispatch: false, retry: { maximumAttempts: 1 } });

const build = (): string => workflowInfo().currentDeploymentVersion?.buildId ?? 'none';

/** The build that began the run, and one for each `look`. */
async function looking(): Promise<string[]> {
  const builds = [build()];
  let isOver = false;
  setHandler(look, () => void builds.push(build()));
  setHandler(end, () => void (isOver = true));
  await condition(() => isOver);
  return builds;
}

export async function pinned(): Promise<string[]> {
  return looking();
}
setWorkflowOptions({ versioningBehavior: 'PINNED' }, pinned);

export async function moving(): Promise<string[]> {
  return looking();
}
setWorkflowOptions({ versioningBehavior: 'AUTO_UPGRADE' }, moving);

/** Says nothing: the worker's default holds. */
export async function usual(): Promise<string> {
  return build();
}

/** Waits, and then does something elsewhere. */
async function working(): Promise<string> {
  await looking();
  return work();
}

export async function pinnedWork(): Promise<string> {
  return working();
}
setWorkflowOptions({ versioningBehavior: 'PINNED' }, pinnedWork);

export async function movingWork(): Promise<string> {
  return working();
}
setWorkflowOptions({ versioningBehavior: 'AUTO_UPGRADE' }, movingWork);

/** Waits, and then starts a child. */
export async function pinnedParent(childId: string): Promise<string> {
  await looking();
  return executeChild(usual, { workflowId: childId });
}
setWorkflowOptions({ versioningBehavior: 'PINNED' }, pinnedParent);

/** Goes on as a new run, with its own version or with the one that is current then; the last run says which. */
export async function chain(turn: 'first' | 'same' | 'upgrade'): Promise<string> {
  if (turn === 'first') {
    await looking();
    return continueAsNew<typeof chain>('same');
  }
  if (turn === 'same') {
    const mine = build();
    return makeContinueAsNewFunc<(turn: string, before: string) => Promise<string>>({ workflowType: 'lastOfChain', initialVersioningBehavior: 'AUTO_UPGRADE' })('upgrade', mine);
  }
  return build();
}
setWorkflowOptions({ versioningBehavior: 'PINNED' }, chain);

/** Goes on with the ramping version. */
export async function trial(): Promise<string[]> {
  return makeContinueAsNewFunc<(turn: string, before: string) => Promise<string[]>>({ workflowType: 'lastOfChain', initialVersioningBehavior: 'USE_RAMPING_VERSION' })('trial', build());
}
setWorkflowOptions({ versioningBehavior: 'PINNED' }, trial);

export async function lastOfChain(_turn: string, before: string): Promise<string[]> {
  return [before, build()];
}
