/** Workflows that wait many times while something else lasts, and what else each run has for itself; for `lasting.test.ts`. */
import {
  AsyncLocalStorage,
  CancellationScope,
  condition,
  enhancedStackTraceQuery,
  getRandomStream,
  now,
  race,
  random,
  setHandler,
  sleep,
  Trigger,
  uuid4,
  workflowRandom,
  type WorkflowRandomStream,
} from 'perdure/workflow';

export async function races(times: number): Promise<void> {
  const lasting = new Trigger<void>();
  for (let turn = 0; turn < times; turn++) await race([lasting, Promise.resolve(turn)]);
  await sleep(1);
  await lasting;
}

export async function conditions(times: number): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    let done = false;
    const waiting = condition(() => done);
    done = true;
    await Promise.resolve();
    await waiting;
  }
  await sleep(1);
}

export async function triggers(times: number): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const trigger = new Trigger<number>();
    trigger.resolve(turn);
    await trigger;
  }
  await sleep(1);
}

/** How races end. */
export async function outcomes(): Promise<unknown[]> {
  const first = new Trigger<string>();
  const second = new Trigger<string>();
  const both = [race([first, second]), race([second, first]), race([first, 'at hand'])];
  second.resolve('second');
  first.resolve('first');
  const late = await race([first, second]);
  const failed = await race([Promise.reject(new Error('lost')), new Trigger()]).catch((error: Error) => error.message);
  return [...(await Promise.all(both)), late, failed];
}

const context = new AsyncLocalStorage<string>();
const other = new AsyncLocalStorage<number>();

/** What follows an await, a callback and a nested run; and what does not leak. */
export async function contexts(): Promise<unknown[]> {
  const seen: unknown[] = [context.getStore()];
  const inner = (name: string): Promise<void> =>
    context.run(name, async () => {
      await sleep(1);
      other.run(1, () => seen.push(context.getStore(), other.getStore()));
      context.exit(() => seen.push(context.getStore()));
    });
  await Promise.all([inner('a'), inner('b')]);
  seen.push(context.getStore());
  try {
    context.enterWith('x');
  } catch (error) {
    seen.push((error as Error).name);
  }
  return seen;
}

/** Chance and time under their own names. */
export async function chance(): Promise<unknown> {
  const stream = getRandomStream('test');
  const drawn = [stream.random(), stream.uuid4(), Array.from(bytesOf(stream))];
  const before = random();
  const inside = await stream.with(async () => {
    await sleep(1);
    return [Math.random(), uuid4(), workflowRandom.random()];
  });
  return [drawn, before, inside, Math.random(), now() === Date.now(), getRandomStream('test').random() !== getRandomStream('test').random()];
}

/** The workflow's own reaction to a cancellation stands between two waits. */
export async function cancelled(): Promise<void> {
  const scope = new CancellationScope();
  await scope.run(async () => {
    const waits = [sleep(1_000)];
    void scope.cancelRequested.catch(() => void CancellationScope.nonCancellable(() => sleep(5)));
    waits.push(sleep(2_000), sleep(3_000));
    scope.cancel();
    await Promise.allSettled(waits);
  });
}

export async function asked(): Promise<void> {
  setHandler(enhancedStackTraceQuery, undefined);
  await sleep('1 day');
}

function bytesOf(stream: WorkflowRandomStream): Uint8Array {
  const fill = stream.fill.bind(stream);
  return fill(new Uint8Array(4));
}
