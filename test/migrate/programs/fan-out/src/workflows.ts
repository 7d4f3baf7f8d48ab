import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ChildWorkflowCancellationType,
  ChildWorkflowFailure,
  condition,
  defineQuery,
  defineSignal,
  executeChild,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  setHandler,
  sleep,
  startChild,
  Trigger,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';

export const found = defineSignal<[page: string, words: number]>('found');
export const goOn = defineSignal('goOn');
export const progress = defineQuery<{ done: number; failed: string[] }>('progress');

/** Counts the words of one page, and tells the collector. */
export async function page(name: string, collectorId?: string): Promise<number> {
  await sleep(5);
  if (name.startsWith('missing')) throw ApplicationFailure.nonRetryable(`No page ${name}`, 'NotFound');
  if (collectorId !== undefined) await getExternalWorkflowHandle(collectorId).signal(found, name, name.length);
  return name.length;
}

/** All pages, `width` at a time; pages that fail are counted, not fatal. */
export async function site(pages: string[], width: number, collectorId?: string): Promise<{ words: number; failed: string[] }> {
  let words = 0;
  let done = 0;
  const failed: string[] = [];
  setHandler(progress, () => ({ done, failed }));
  const left = pages.entries();
  const lane = async (): Promise<void> => {
    for (const [index, name] of left) {
      try {
        const count = await executeChild(page, { args: [name, collectorId], taskQueue: 'pages', workflowId: `${workflowInfo().workflowId}/${index}` });
        words += count; // not before the wait: other lanes add meanwhile
      } catch (err) {
        if (!(err instanceof ChildWorkflowFailure) || isCancellation(err)) throw err;
        failed.push(`${name}: ${(err.cause as ApplicationFailure).type}`);
      }
      done++;
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return { words, failed: failed.sort() };
}

/** Gathers what others signal until it has heard of so many. */
export async function collector(expected: number): Promise<string[]> {
  const heard = new Map<string, number>();
  setHandler(found, (name, words) => void heard.set(name, words));
  const inTime = await condition(() => heard.size >= expected, '1 minute');
  return inTime ? [...heard.keys()].sort() : ['too late'];
}

/** Waits to be cancelled; takes its time to clear up. */
export async function sitter(): Promise<void> {
  try {
    await sleep('10 days');
  } finally {
    await CancellationScope.nonCancellable(() => sleep(10));
  }
}

export async function pausing(): Promise<string> {
  const resumed = new Trigger<string>();
  setHandler(goOn, () => resumed.resolve('went on'));
  return resumed;
}

/** The children end with their parent, each as it was told. */
export async function family(): Promise<string> {
  const { workflowId } = workflowInfo();
  const waits = { cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED };
  const [first] = await Promise.all([
    startChild(sitter, { workflowId: `${workflowId}/first`, ...waits }),
    startChild(sitter, { workflowId: `${workflowId}/second`, ...waits }),
    startChild(pausing, {
      workflowId: `${workflowId}/abandoned`,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
      parentClosePolicy: ParentClosePolicy.ABANDON,
    }),
  ]);
  try {
    await first.result();
    return 'nobody cancelled';
  } catch (err) {
    if (!isCancellation(err)) throw err;
    return `${(err as Error).constructor.name} because of ${((err as Error).cause as Error).constructor.name}`;
  }
}

/** Whichever is first; the rest is cancelled. */
export async function race(): Promise<string[]> {
  const log: string[] = [];
  const quick = new CancellationScope();
  const winner = await quick.run(() =>
    Promise.race([
      sleep(20).then(() => 'quick'),
      sleep('1 hour').then(
        () => 'slow',
        (err) => {
          log.push(err instanceof CancelledFailure ? 'slow was cancelled' : 'slow broke');
          throw err;
        },
      ),
    ]).finally(() => quick.cancel()),
  );
  log.push(winner);
  try {
    await CancellationScope.withTimeout(20, () => sleep('1 day'));
  } catch (err) {
    log.push(isCancellation(err) ? 'timed out' : 'broke');
  }
  const scope = new CancellationScope({ cancellable: true });
  const inside = scope.run(() => sleep('1 day')).catch((err) => (isCancellation(err) ? 'stopped by hand' : 'broke'));
  scope.cancel();
  log.push(String(await inside));
  log.push(uuid4() === uuid4() ? 'same' : 'distinct');
  return log;
}

/** Asks a workflow that is no child of it. */
export async function neighbour(workflowId: string): Promise<string> {
  const other = getExternalWorkflowHandle(workflowId);
  await other.cancel();
  try {
    await getExternalWorkflowHandle('nobody-lives-here').signal(goOn);
    return 'somebody lives there';
  } catch (err) {
    return /not found/.test((err as Error).message) ? 'nobody lives there' : `it failed: ${err}`;
  }
}
