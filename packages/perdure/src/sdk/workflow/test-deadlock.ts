/** Workflows that never yield, and one that does. Bundled as a user's would be; only tests name this file. */
import { condition, defineQuery, setHandler, sleep } from 'perdure/workflow';

export async function spinning(): Promise<void> {
  for (;;);
}

/** The loop is reached in a microtask, and leaves others behind. */
export async function spinningLater(): Promise<void> {
  void Promise.resolve().then(() => sleep(1));
  await Promise.resolve();
  for (;;) void Promise.resolve().then(() => sleep(2));
}

/** The loop is reached after a condition has come true. */
export async function spinningOnCondition(): Promise<void> {
  let ready = false;
  void Promise.resolve().then(() => (ready = true));
  await condition(() => ready);
  for (;;);
}

export async function patient(): Promise<string> {
  setHandler(defineQuery<string>('state'), () => 'waiting');
  await sleep(10);
  return 'done';
}
