/** Workflows for the tests of the ways of data. Bundled as a user's would be; only tests name this file. */
import { ApplicationFailure, condition, defineSignal, proxyActivities, setHandler } from 'perdure/workflow';
import { createMessage } from '../protobufs/index.js';
import { root } from './testing-converter.js';

interface Activities {
  later(at: Date, byMs: bigint): Promise<Date>;
}

const { later } = proxyActivities<Activities>({ startToCloseTimeout: '1 minute' });
const Parcel = root.lookupType('shop.v1.Parcel');

export const go = defineSignal<[Set<string>]>('go');

/** Says what its arguments are inside of the workflow, and passes such values on in all directions. */
export async function typed(at: Date, total: bigint): Promise<{ kinds: string[]; later: Date; total: bigint; names: Set<string> }> {
  let names: Set<string> | undefined;
  setHandler(go, (given) => {
    names = given;
  });
  const moved = await later(at, 5n);
  await condition(() => names !== undefined);
  return { kinds: [at instanceof Date, typeof total, moved instanceof Date, names instanceof Set].map(String), later: moved, total: total * 2n, names: names! };
}

/** Gives a message of protobufjs for one. */
export async function parcel(given: { address: string; weightGrams: number; $type?: unknown }): Promise<object> {
  return createMessage(Parcel, { address: `${given.address}, ${given.$type === Parcel}, ${given.weightGrams}`, weightGrams: 5, label: Uint8Array.of(1, 2) });
}

export async function refused(secret: string): Promise<void> {
  throw ApplicationFailure.nonRetryable(`the ${secret} is out`, 'Refused', secret);
}

export async function echo(text: string): Promise<string> {
  return text;
}
