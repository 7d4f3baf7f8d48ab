import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Listing, ListedValue } from '../../machines/listing.js';
import { decodeListingBatch, encodeListingBatch } from './listing-batch.js';

const listing = (shown: string, attributes: Readonly<Record<string, ListedValue>>): Listing => ({ shown: Buffer.from(shown), attributes: new Map(Object.entries(attributes)) });

test('a batch comes back as it went in: values of every kind, names in any script, machines without a listing', () => {
  const batch = new Map([
    [1, { listing: listing('one', { WorkflowType: 'order', StartTime: 1.7e12 + 0.25, Ratio: -0.5, Größe: 'ü'.repeat(3), Empty: '', '#problem': { text: 'no 😀' } }) }],
    [2 ** 40, null],
    [7, { listing: listing('', { WorkflowType: 'other', Tags: ['a', '', 'ß'], None: [], StartTime: 0 }) }],
    [8, { listing: listing('x'.repeat(200_000), {}) }],
  ]);
  const { bytes, batch: held } = encodeListingBatch(batch);
  const plain = (of: ReadonlyMap<number, { readonly listing: Listing } | null>) => [...of].map(([machine, item]) => [machine, item && [Buffer.from(item.listing.shown).toString(), [...item.listing.attributes]]]);
  assert.deepEqual(plain(decodeListingBatch(bytes)), plain(batch));
  assert.deepEqual(plain(held), plain(batch));
});

test('what is held lies in the encoded bytes, not in those of the caller, nor in those of the next batch', () => {
  const shown = Buffer.from('before');
  const { bytes, batch } = encodeListingBatch(new Map([[1, { listing: { shown, attributes: new Map() }, scope: 3 }]]));
  shown.write('behind');
  encodeListingBatch(new Map([[2, { listing: listing('another one', { StartTime: 5 }) }]]));
  const item = batch.get(1);
  assert.equal(Buffer.from(item?.listing.shown ?? []).toString(), 'before');
  assert.equal(item?.scope, 3);
  assert.equal(Buffer.from(decodeListingBatch(bytes).get(1)?.listing.shown ?? []).toString(), 'before');
});

test('more names than have numbers', () => {
  const names = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`Attribute${index}`, index]));
  const { bytes } = encodeListingBatch(new Map([1, 2].map((machine) => [machine, { listing: listing('', names) }])));
  for (const machine of [1, 2]) assert.deepEqual(Object.fromEntries(decodeListingBatch(bytes).get(machine)?.listing.attributes ?? []), names);
});
