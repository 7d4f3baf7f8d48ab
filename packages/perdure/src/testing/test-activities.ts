/** Activities that the tests of this folder run, or mock. */
import { setTimeout as delay } from 'node:timers/promises';
import { Context, sleep } from '../sdk/activity/index.js';

export async function charge(orderId: string, amount: number): Promise<string> {
  return `receipt of ${orderId}: ${amount}`;
}

export async function ship(orderId: string): Promise<string> {
  return `parcel of ${orderId}`;
}

export async function notify(_message: string): Promise<void> {}

/** Waits on the worker's clock. */
export async function sleeps(ms: number): Promise<void> {
  await sleep(ms);
}

/** Takes real time. */
export async function works(ms: number): Promise<void> {
  await delay(ms);
}

/** Copies rows, tells how far it is, and goes on where the attempt before it stopped. */
export async function copyRows(total: number): Promise<number> {
  const context = Context.current();
  let copied = 0;
  for (let row = Number(context.info.heartbeatDetails ?? 0); row < total; row++) {
    await context.sleep('1 second');
    context.heartbeat(row + 1);
    copied++;
  }
  return copied;
}
