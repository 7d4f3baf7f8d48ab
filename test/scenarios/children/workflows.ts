/** Workflows of the scenarios about children and other workflows. The text runs with our SDK and, its imports renamed, with the official one. */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  executeChild,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
  startChild,
  workflowInfo,
  type ChildWorkflowOptions,
} from 'perdure/workflow';

export const go = defineSignal<[string]>('go');
export const received = defineQuery<string[]>('received');

type Way = 'completes' | 'fails' | 'waits' | 'continues' | 'fails at first' | 'waits through cancellation';

/** A child that ends as it is told. */
export async function child(way: Way, value?: string): Promise<string> {
  const words: string[] = [];
  setHandler(go, (word) => void words.push(word));
  setHandler(received, () => words);
  const { attempt, continuedFromExecutionRunId } = workflowInfo();
  if (way === 'continues' && continuedFromExecutionRunId === undefined) await continueAsNew<typeof child>(way, value);
  if (way === 'fails' || (way === 'fails at first' && attempt === 1)) {
    throw way === 'fails' ? ApplicationFailure.nonRetryable('the child is broken', 'Broken', { detail: 1 }) : ApplicationFailure.create({ message: 'not yet' });
  }
  if (way === 'waits') await condition(() => words.length > 0);
  if (way === 'waits through cancellation') {
    await condition(() => words.length > 0).catch(() => CancellationScope.nonCancellable(() => condition(() => words.length > 0)));
  }
  return value ?? words[0] ?? 'done';
}

export async function family(): Promise<unknown> {
  const { parent, root, workflowId } = workflowInfo();
  return { parent: parent?.workflowId, root: root?.workflowId, hasParent: parent !== undefined, workflowId };
}

export async function generations(childId: string, grandchildId: string): Promise<unknown> {
  return executeChild('parentOf', { workflowId: childId, args: ['family', grandchildId] });
}

/** Executes one child of any type, and gives back its result. */
export async function parentOf(type: string, workflowId: string, args: unknown[] = [], options: Partial<ChildWorkflowOptions> = {}): Promise<unknown> {
  return executeChild(type, { ...options, workflowId, args });
}

export interface Told {
  name: string;
  message: string;
  type?: string;
  retryState?: string;
  cause?: Told;
}

function told(error: unknown): Told {
  const { name, message, type, retryState, cause } = error as Told;
  return { name, message, ...(type && { type }), ...(retryState && { retryState }), ...(cause !== undefined && { cause: told(cause) }) };
}

/** Like `parentOf`, and tells how it went wrong. */
export async function tellsOf(workflowId: string, way: Way, options: Partial<ChildWorkflowOptions> = {}): Promise<Told | string> {
  return executeChild(child, { ...options, workflowId, args: [way] }).catch(told);
}

/** Starts children and, once all run, ends as it is told. */
export async function leaves(ids: Record<'terminated' | 'abandoned' | 'cancelled', string>, way: 'completes' | 'continues' | 'waits'): Promise<string> {
  if (workflowInfo().continuedFromExecutionRunId !== undefined) return 'continued';
  await startChild(child, { workflowId: ids.terminated, args: ['waits'], parentClosePolicy: 'TERMINATE' });
  await startChild(child, { workflowId: ids.abandoned, args: ['waits'], parentClosePolicy: 'ABANDON' });
  await startChild(child, { workflowId: ids.cancelled, args: ['waits'], parentClosePolicy: 'REQUEST_CANCEL' });
  if (way === 'waits') await condition(() => false);
  if (way === 'continues') await continueAsNew<typeof leaves>(ids, way);
  return 'completed';
}

/** Cancels its child while it runs, and tells what came of the wait. */
export async function cancels(workflowId: string, cancellationType: NonNullable<ChildWorkflowOptions['cancellationType']>, way: Way): Promise<string> {
  const scope = new CancellationScope();
  const running = scope.run(async () => {
    const handle = await startChild(child, { workflowId, args: [way], cancellationType });
    started = true;
    return handle.result();
  });
  let started = false;
  await condition(() => started);
  scope.cancel();
  try {
    return await running;
  } catch (error) {
    return isCancellation(error) ? 'cancelled' : 'failed';
  }
}

/** Signals its child, which then completes with the word. */
export async function signalsChild(workflowId: string, word: string): Promise<string> {
  const handle = await startChild(child, { workflowId, args: ['waits'] });
  await handle.signal(go, word);
  return handle.result();
}

/** Signals or cancels a workflow that is not its child. */
export async function writesTo(what: 'signal' | 'cancel', workflowId: string, runId?: string): Promise<Told | string> {
  const handle = getExternalWorkflowHandle(workflowId, runId);
  try {
    if (what === 'signal') await handle.signal(go, 'from outside');
    else await handle.cancel();
    return 'delivered';
  } catch (error) {
    return told(error);
  }
}

export async function fanOut(prefix: string, count: number): Promise<number> {
  const results = await Promise.all(
    Array.from({ length: count }, (_, n) => executeChild(child, { workflowId: `${prefix}-${n}`, args: ['completes', `${n}`] })),
  );
  return results.reduce((sum, result) => sum + Number(result), 0);
}

/** Starts a child and signals a workflow, and does not wait for either. */
export async function closesAtOnce(childId: string, targetId: string): Promise<void> {
  startChild(child, { workflowId: childId, args: ['completes'], parentClosePolicy: 'ABANDON' }).catch(() => undefined);
  getExternalWorkflowHandle(targetId).signal(go, 'too late').catch(() => undefined);
}

/** Its tasks are answered by the scenario; here only so that what it leaves can be replayed. */
export async function byHand(): Promise<void> {
  await condition(() => false);
}
