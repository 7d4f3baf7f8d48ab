/** Workflows whose data travel by hints of types. Bundled as a user's would be; only tests name this file. */
import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  defineWorkflowOptions,
  executeChild,
  getExternalWorkflowHandle,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  startChild,
} from 'perdure/workflow';
import { Money, money, turned } from './testing-hints.js';

interface Activities {
  double(amount: Money, by: string): Promise<Money>;
}

export const deposit = defineSignal<[Money, string]>('deposit', { typeInfo: { inputTypes: [money, turned] } });
export const balance = defineQuery<Money, [Money]>('balance', { typeInfo: { inputTypes: [money], outputType: money } });
export const spend = defineUpdate<Money, [Money]>('spend', { typeInfo: { inputTypes: [money], outputType: money } });

const options = { startToCloseTimeout: '1 minute', activityTypeInfo: { double: { inputTypes: [money, turned], outputType: money } } } as const;
const { double } = proxyActivities<Activities>(options);
const { double: doubleHere } = proxyLocalActivities<Activities>(options);

/** Fails unless all that it handles are of the class. */
export async function account(opening: Money, rounds: number): Promise<Money> {
  let total = opening.plus(new Money(0n));
  let from = '';
  setHandler(deposit, (amount, giver) => {
    total = total.plus(amount);
    from = giver;
  });
  setHandler(balance, (offset) => total.plus(offset));
  setHandler(spend, (amount) => (total = total.plus(new Money(-amount.cents))), { validator: (amount) => void amount.plus(amount) });
  if (rounds > 0) return continueAsNew<typeof account>(total, rounds - 1);
  await condition(() => from === 'Ada');
  total = await double(total, 'two');
  return (await doubleHere(total, 'two')).plus(new Money(0n));
}
defineWorkflowOptions(account, { staticOptions: { typeInfo: { inputTypes: [money], outputType: money } } });

/** Starts an account by its function and by its name, and pays in. */
export async function parent(): Promise<string[]> {
  const child = await startChild(account, { workflowId: 'child', args: [new Money(1n), 0] });
  await child.signal(deposit, new Money(2n), 'Ada');
  const byName = { args: [new Money(10n), 0], workflowId: 'named', typeInfo: { inputTypes: [money], outputType: money } };
  const named = executeChild<(opening: Money, rounds: number) => Promise<Money>>('account', byName as never);
  await condition(() => true);
  await getExternalWorkflowHandle('named').signalWithOptions('deposit', { args: [new Money(5n), 'Ada'], typeInfo: { inputTypes: [money, turned] } });
  return [(await child.result()).cents, (await named).cents].map(String);
}
