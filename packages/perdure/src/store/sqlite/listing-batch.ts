/**
 * The listings of one commit as one value, as they lie in the table `fresh` until they are indexed. Only what this process or the one
 * before it wrote is ever read: the form may change with the version of the schema, and with nothing else.
 */
import type { Listing, ListedValue } from '../../machines/listing.js';

/** By number of the machine. `null`: the machine has no listing any more. */
export type ListingBatch = ReadonlyMap<number, { readonly listing: Listing } | null>;

type HeaderEntry = readonly [machine: number, shownBytes: number, attributes: readonly (readonly [string, ListedValue])[]];

/** As a length of `shown`: the machine has no listing any more. */
const NO_LISTING = -1;
const LENGTH_BYTES = 4;

/** Length of the header, the header as JSON, then what lists hand out of each. */
export function encodeListingBatch(batch: ListingBatch): Uint8Array {
  const entries: HeaderEntry[] = [];
  const parts: Uint8Array[] = [];
  for (const [machine, listed] of batch) {
    if (listed === null) entries.push([machine, NO_LISTING, []]);
    else {
      const { shown, attributes } = listed.listing;
      entries.push([machine, shown.byteLength, [...attributes]]);
      parts.push(shown);
    }
  }
  const header = Buffer.from(JSON.stringify(entries));
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32LE(header.byteLength);
  return Buffer.concat([length, header, ...parts]);
}

/** What was encoded, with bytes that lie in the encoded ones: those of the caller may change. */
export function withEncodedBytes<Item extends { readonly listing: Listing }>(batch: ReadonlyMap<number, Item | null>, encoded: Uint8Array): Map<number, Item | null> {
  let at = startOfShown(encoded);
  const items = new Map<number, Item | null>();
  for (const [machine, item] of batch) {
    if (item === null) items.set(machine, null);
    else {
      const { shown, attributes } = item.listing;
      items.set(machine, { ...item, listing: { shown: encoded.subarray(at, (at += shown.byteLength)), attributes } });
    }
  }
  return items;
}

export function decodeListingBatch(encoded: Uint8Array): ListingBatch {
  const bytes = asBuffer(encoded);
  let at = startOfShown(encoded);
  const entries = JSON.parse(bytes.toString('utf8', LENGTH_BYTES, at)) as HeaderEntry[];
  const batch = new Map<number, { readonly listing: Listing } | null>();
  for (const [machine, shownBytes, attributes] of entries) {
    if (shownBytes === NO_LISTING) batch.set(machine, null);
    else batch.set(machine, { listing: { shown: bytes.subarray(at, (at += shownBytes)), attributes: new Map(attributes) } });
  }
  return batch;
}

const startOfShown = (encoded: Uint8Array): number => LENGTH_BYTES + asBuffer(encoded).readUInt32LE(0);
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
