/** Workflows whose data are of a class. The text runs with our SDK and, its imports renamed, with the official one. */
import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  defineWorkflowOptions,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  startChild,
} from 'perdure/workflow';
import type { Activities } from './activities.js';
import { Money, money, takesAndGives } from './types.js';

export const deposit = defineSignal<[Money]>('deposit', { typeInfo: { inputTypes: [money] } });
export const close = defineSignal('close');
export const balance = defineQuery<Money, [Money]>('balance', { typeInfo: takesAndGives });
export const spend = defineUpdate<Money, [Money]>('spend', { typeInfo: takesAndGives });

const options = { startToCloseTimeout: '10s', activityTypeInfo: { double: takesAndGives } } as const;
const { double } = proxyActivities<Activities>(options);
const { double: doubleHere } = proxyLocalActivities<Activities>(options);

export async function account(opening: Money, goesOn: boolean): Promise<Money> {
  if (goesOn) return continueAsNew<typeof account>(opening.plus(opening), false);
  let total = opening;
  let closed = false;
  setHandler(deposit, (amount) => void (total = total.plus(amount)));
  setHandler(balance, (offset) => total.plus(offset));
  setHandler(spend, (amount) => (total = total.plus(new Money(-amount.cents))));
  setHandler(close, () => void (closed = true));
  await condition(() => closed);
  return doubleHere(await double(total));
}
defineWorkflowOptions(account, { staticOptions: { typeInfo: { inputTypes: [money], outputType: money } } });

export async function parent(childId: string): Promise<string> {
  const child = await startChild(account, { workflowId: childId, args: [new Money(1n), false] });
  await child.signal(deposit, new Money(2n));
  await child.signalWithOptions('deposit', { args: [new Money(3n)], typeInfo: { inputTypes: [money] } });
  await child.signal(close);
  return String((await child.result()).cents);
}
