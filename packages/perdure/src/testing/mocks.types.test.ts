/** The types of mocks are those of what they mock: a wrong answer does not compile. Checked by the compiler; nothing runs. */
import type { Mocks } from './mocks.js';
import type * as activities from './test-activities.js';
import type { parcel } from './test-workflows.js';

export function check(mock: Mocks, charge: typeof activities.charge, child: typeof parcel): void {
  mock.activity(charge).returns('receipt');
  // @ts-expect-error -- the activity gives text
  mock.activity(charge).returns(7);
  mock.activity<typeof activities.charge>('charge').does((orderId, amount) => `${orderId.toUpperCase()} ${amount.toFixed(2)}`);
  // @ts-expect-error -- the second argument is a number
  mock.activity<typeof activities.charge>('charge').does((_orderId: string, amount: string) => amount);
  const [call] = mock.activity(charge).calls;
  const args: readonly [string, number] | undefined = call?.args;
  // @ts-expect-error -- the workflow gives text
  mock.childWorkflow(child).returnsOnce(args);
  mock.childWorkflow(child).doesOnce(async (orderId) => orderId.trim());
  // A name alone says nothing of types.
  mock.activity('anything').returns({ whatever: true });
}
