import { ApplicationFailure, condition, defineQuery, defineSignal, executeChild, proxyActivities, proxyLocalActivities, proxySinks, setHandler } from '@temporalio/workflow';
import type * as activities from './activities';
import { Money } from './money';
import type { AuditSinks } from './sinks';

const { double, whoPays, leak } = proxyActivities<typeof activities>({ startToCloseTimeout: '10s' });
const local = proxyLocalActivities<typeof activities>({ startToCloseTimeout: '5s', retry: { initialInterval: 5, maximumAttempts: 5 } });
const { audit } = proxySinks<AuditSinks>();

export const pay = defineSignal<[Money, ...unknown[]]>('pay');
export const balance = defineQuery<string>('balance');

export async function account(opening: Money): Promise<Money> {
  let sum = opening;
  const marks: unknown[] = [];
  if (!(opening instanceof Money)) throw ApplicationFailure.nonRetryable('The argument lost its class');
  setHandler(balance, () => `${sum} ${marks.join()}`);
  setHandler(pay, (amount, ...rest) => {
    sum = sum.plus(amount);
    marks.push(...rest);
  });
  await condition(() => marks.length > 0);
  audit.total(sum.toString());
  return double(sum);
}

export async function household(letter: Uint8Array): Promise<{ payers: string[]; bytes: number }> {
  const payers = [await whoPays(), await local.whoPays(), await executeChild(child)];
  return { payers, bytes: letter.length };
}

export async function heard(): Promise<string[]> {
  return proxyActivities<{ heard(): Promise<string[]> }>({ startToCloseTimeout: '10s' }).heard();
}

export async function child(): Promise<string> {
  return whoPays();
}

export async function leaking(): Promise<void> {
  await leak('swordfish');
}
