/** Words for the contract's tests: machines and transitions with everything in them that a test does not care about. */
import { Buffer } from 'node:buffer';
import { listingOf, type ListedValue, type Listing } from '../../machines/listing.js';
import type { HistoryBatch, MachineId, Store, Transition } from '../store.js';

/** How the contract gets at an implementation. */
export interface StoreHarness {
  readonly name: string;
  /** An empty store. */
  open(): Promise<OpenStore>;
}

export interface OpenStore extends AsyncDisposable {
  readonly store: Store;
  /** Closes the store and opens it again on the same data. Left out where nothing outlives the store. */
  reopen?(): Promise<Store>;
}

export const NAMESPACE = '0190aaaa-0000-7000-8000-000000000000';
export const ENOUGH = { bytes: 1_000_000 };

/** The nth machine. Ids do not sort like n, because no implementation may rely on that. */
export function machine(n: number): MachineId {
  const tail = n.toString(16).padStart(12, '0');
  return `${(997 * n).toString(16).padStart(8, '0').split('').reverse().join('')}-0000-7000-8000-${tail}`;
}

export const bytes = (text: string): Uint8Array => Buffer.from(text);
export const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();

export function batch(firstEventId: number, lastEventId = firstEventId, content = `${firstEventId}..${lastEventId};`): HistoryBatch {
  return { firstEventId, lastEventId, bytes: bytes(content) };
}

type Optional = Partial<Omit<Transition, 'row'>> & { readonly row?: Partial<Transition['row']> };

/** The first transition of the nth machine: key `key-n`, current, open, no wake time, no events. */
export function created(n: number, { row, ...rest }: Optional = {}): Transition {
  return {
    machine: machine(n),
    seq: 1,
    create: { kind: 'workflow', namespace: NAMESPACE, key: `key-${n}`, makeCurrent: true },
    ...rest,
    row: { wakeAt: undefined, open: true, ...row },
  };
}

/** A later transition of the nth machine. */
export function step(n: number, seq: number, { row, ...rest }: Optional = {}): Transition {
  return { machine: machine(n), seq, ...rest, row: { wakeAt: undefined, open: true, ...row } };
}

/** The ranges of event ids, which say most about a list of batches. */
export function ranges(batches: readonly HistoryBatch[]): string[] {
  return batches.map(({ firstEventId, lastEventId }) => `${firstEventId}..${lastEventId}`);
}

/** A listing of a run that began at a time of no interest, or with these values. */
export function listed(shown: string, attributes: Readonly<Record<string, ListedValue>> = {}): Listing {
  return listingOf({ shown: bytes(shown), attributes: new Map(Object.entries({ StartTime: 1_000, ...attributes })) });
}
