/** Workflows that use sagas, semaphores, queues, versions, and one for all other types. Bundled as a user's would be; only tests name this file. */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNewIfSuggested,
  defineSignal,
  getVersion,
  isCancellation,
  Mutex,
  proxyActivities,
  Queue,
  runSaga,
  Semaphore,
  setHandler,
  sleep,
  workflowInfo,
  type SagaOptions,
} from 'perdure/workflow';

const { reserve, charge, ship, release, refund, recall } = proxyActivities({ startToCloseTimeout: '1 minute', retry: { maximumAttempts: 1 } });

export const add = defineSignal<[amount: number]>('add');
export const close = defineSignal('close');

export async function saga(options?: SagaOptions): Promise<unknown> {
  return runSaga(async (undo) => {
    undo.compensate(() => release!(), 'release');
    await reserve!();
    undo.compensate(() => refund!(), 'refund');
    await charge!();
    undo.compensate(() => recall!(), 'recall');
    return ship!();
  }, options);
}

export async function cancelledSaga(): Promise<void> {
  await runSaga(async (undo) => {
    undo.compensate(() => release!(), 'release');
    await sleep('1 day');
  });
}

export async function buggySaga(): Promise<void> {
  await runSaga(async (undo) => {
    undo.compensate(() => release!(), 'release');
    (undefined as unknown as { no(): void }).no();
  });
}

/** Without the mutex the second signal would read the sum before the first has written it. */
export async function mutex(): Promise<number> {
  const lock = new Mutex();
  let sum = 0;
  let closed = false;
  setHandler(add, (amount) =>
    lock.run(async () => {
      const before = sum;
      await sleep(10);
      sum = before + amount;
    }),
  );
  setHandler(close, () => void (closed = true));
  await condition(() => closed);
  await condition(allHandlersFinished);
  return sum;
}

export async function semaphore(): Promise<unknown> {
  const places = new Semaphore(2);
  const log: string[] = [];
  const visit = (name: string, permits = 1) =>
    places.run(async () => {
      log.push(`${name} in, ${places.available} free`);
      await sleep(10);
      log.push(`${name} out`);
    }, permits);
  const left = new CancellationScope();
  const cancelled = left.run(() => visit('d')).catch((error: unknown) => log.push(isCancellation(error) ? 'd gave up' : String(error)));
  const first = [visit('a'), visit('b', 2), visit('c')];
  const gaveUp = new CancellationScope();
  const late = gaveUp.run(() => visit('e')).catch((error: unknown) => log.push(isCancellation(error) ? 'e gave up' : String(error)));
  gaveUp.cancel();
  await Promise.all([...first, cancelled, late]);
  const taken = places.tryAcquire(2);
  const [locked, waiting] = [places.tryAcquire() === undefined, places.waiting];
  taken?.();
  taken?.();
  return { log, locked, waiting, available: places.available, refused: await places.acquire(3).catch((error: Error) => error.name) };
}

export async function queue(): Promise<unknown> {
  const amounts = new Queue<number>({ capacity: 2 });
  setHandler(add, (amount) => amounts.put(amount));
  setHandler(close, () => amounts.close());
  const taken: number[] = [];
  for await (const amount of amounts) {
    taken.push(amount);
    await sleep(10);
  }
  const refused = await amounts.put(1).catch((error: Error) => error.name);
  return { taken, size: amounts.size, refused, rest: amounts.tryTake() ?? 'none', end: await amounts.take().catch((error: Error) => error.name) };
}

export async function queueWithoutLoss(): Promise<unknown> {
  const items = new Queue<string>({ capacity: 1 });
  const scope = new CancellationScope();
  const impatient = scope.run(() => items.take()).catch((error: unknown) => (isCancellation(error) ? 'gave up' : String(error)));
  scope.cancel();
  const gaveUp = await impatient;
  await items.put('kept');
  const full = items.tryPut('refused');
  const late = items.put('late');
  const order = [await items.take(), await items.take()];
  await late;
  return { gaveUp, full, order };
}

export async function versions(minimum: number, maximum: number): Promise<unknown> {
  const first = getVersion('change', minimum, maximum);
  await sleep(10);
  return [first, getVersion('change', minimum, maximum), getVersion('other', -1, 0)];
}

export async function renewing(total: number): Promise<number> {
  let closed = false;
  setHandler(add, async (amount) => {
    await sleep(10);
    total += amount;
  });
  setHandler(close, () => void (closed = true));
  await condition(() => closed || total > 0);
  await continueAsNewIfSuggested<typeof renewing>(() => [total]);
  return total;
}

/** Takes every type that has no function. */
export default async function anyType(...args: unknown[]): Promise<string> {
  return `${workflowInfo().workflowType}: ${args.join()}`;
}
