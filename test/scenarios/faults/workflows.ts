/** Workflows that go wrong. The text runs with our SDK and, its imports renamed, with the official one. */
import { sleep } from 'perdure/workflow';

export async function changesItsMind(): Promise<void> {
  await sleep('1 hour');
}

export async function throwsAtFirst(): Promise<void> {
  throw new Error('a bug');
}
