/** Workflows of the basic scenarios. The text runs with our SDK and, its imports renamed, with the official one. */
import { ApplicationFailure, condition, defineSignal, setHandler, sleep, uuid4, workflowInfo } from 'perdure/workflow';

export async function hello(name: string): Promise<string> {
  return `hello, ${name}`;
}

export async function manySleeps(count: number): Promise<number> {
  for (let i = 0; i < count; i++) await sleep(1);
  return count;
}

export async function waitsForRelease(): Promise<string> {
  let by: string | undefined;
  setHandler(defineSignal<[string]>('release'), (name) => {
    by = name;
  });
  await condition(() => by !== undefined);
  return `released by ${by}`;
}

export async function businessFailure(): Promise<void> {
  throw ApplicationFailure.create({ message: 'no stock', type: 'OutOfStock', nonRetryable: true, details: ['sku-1', 3] });
}

export async function deterministic(): Promise<{ first: string; second: string; random: number; elapsed: number; runId: string }> {
  const from = Date.now();
  const first = uuid4();
  const random = Math.random();
  await sleep(20);
  return { first, second: uuid4(), random, elapsed: Date.now() - from, runId: workflowInfo().runId };
}
