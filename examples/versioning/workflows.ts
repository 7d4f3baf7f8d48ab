/**
 * Changing a workflow while runs of it are under way: the old code stays for them, the new code is for those that get there later.
 *
 * This is the third version. `patched` is for one change; `getVersion` for a place that changes again and again. When no run is left that
 * began before a change, the old branch goes: `deprecatePatch` first, then nothing.
 */
import { DEFAULT_VERSION, getVersion, patched, proxyActivities, sleep } from 'perdure/workflow';
import type * as activities from './activities.js';

const { charge, chargeInParts, greet, ship, shipInsured } = proxyActivities<typeof activities>({ startToCloseTimeout: '1 minute' });

export async function subscription(customer: string): Promise<string[]> {
  const done: string[] = [];
  if (patched('greeting')) done.push(await greet(customer)); // new in version 2

  await sleep('30 days');

  const shipping = getVersion('shipping', DEFAULT_VERSION, 0);
  done.push(shipping === DEFAULT_VERSION ? await ship(customer) : await shipInsured(customer)); // changed in version 3

  const charging = getVersion('charging', DEFAULT_VERSION, 1);
  if (charging === DEFAULT_VERSION) done.push(await charge(customer)); // version 1
  else done.push(await chargeInParts(customer, charging === 0 ? 2 : 3)); // version 2: two parts, version 3: three
  return done;
}
