/** Dates and big integers survive; who does not know of them reads plain JSON. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { decodeText, defaultPayloadConverter, encodeText, PayloadConverterError, TypedJsonPayloadConverter, type Payload } from './index.js';
import { fromBase64, toBase64 } from './typed-json-converter.js';

const converter = new TypedJsonPayloadConverter();
const written = (value: unknown): Payload => {
  const payload = converter.toPayload(value);
  assert.ok(payload);
  return payload;
};
const jsonOf = (value: unknown): unknown => JSON.parse(decodeText(written(value).data));

test('what JSON does not know comes back as it was, however deep', () => {
  const shared = new Date(5);
  const value = {
    at: new Date('2031-02-03T04:05:06.789Z'),
    total: 123_456_789_012_345_678_901n,
    list: [1n, [new Date(0)], { inner: -2n }],
    map: new Map<unknown, unknown>([['a', new Date(1)], [new Date(2), new Map([[1n, new Set([2n])]])]]),
    set: new Set(['x', 7n]),
    bytes: Uint8Array.of(0, 255, 16),
    twice: [shared, shared],
    'a.b/c': 1n,
    plain: { text: '2031-02-03T04:05:06.789Z', digits: '5', none: null },
  };
  assert.deepEqual(converter.fromPayload(written(value)), value);
  for (const single of [new Date(9), 5n, new Map(), new Set([1])]) assert.deepEqual(converter.fromPayload(written(single)), single);
});

test('others read plain JSON', () => {
  assert.deepEqual(jsonOf({ at: new Date(0), total: 5n, map: new Map([['k', 1n]]), set: new Set([1]), bytes: Uint8Array.of(1) }), {
    at: '1970-01-01T00:00:00.000Z',
    total: '5',
    map: [['k', '1']],
    set: [1],
    bytes: 'AQ==',
  });
  assert.deepEqual(defaultPayloadConverter.fromPayload(written({ total: 5n })), { total: '5' });
});

test('a value of plain data is what the plain converter writes', () => {
  class Money {
    toJSON() {
      return { cents: 5n };
    }
  }
  for (const value of [null, 'text', [undefined, () => 1, Number.NaN], { a: undefined, b: { c: new Date(Number.NaN) } }, { toJSON: () => 'own' }]) {
    assert.deepEqual(written(value), defaultPayloadConverter.toPayload(value));
  }
  assert.deepEqual(converter.fromPayload(written(new Money())), { cents: 5n });
  assert.equal(converter.toPayload(undefined), undefined);
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  assert.throws(() => converter.toPayload(cycle), PayloadConverterError);
});

test('values of another realm are known by what they are', () => {
  const value: unknown = runInContext('({ at: new Date(3), n: 4n, m: new Map([[1, 2]]) })', createContext({}));
  assert.deepEqual(converter.fromPayload(written(value)), { at: new Date(3), n: 4n, m: new Map([[1, 2]]) });
});

test('types that do not fit the JSON are refused, and reach nothing but own members', () => {
  const payload = written({ a: 1n });
  const withTypes = (types: string): Payload => ({ ...payload, metadata: { ...payload.metadata, 'perdure-json-types': encodeText(types) } });
  for (const types of ['x', '5', '[[]]', '[["bigint"]]', '[["bigint","value","b"]]', '[["date","value","__proto__"]]', '[["date","value","constructor","prototype"]]', '[["map","value","a"]]', '[["nonsense","value","a"]]']) {
    assert.throws(() => converter.fromPayload(withTypes(types)), PayloadConverterError, types);
  }
});

test('base64 is that of others', () => {
  for (let length = 0; length < 20; length++) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 89 + length * 31) & 0xff);
    assert.equal(toBase64(bytes), Buffer.from(bytes).toString('base64'));
    assert.deepEqual(fromBase64(Buffer.from(bytes).toString('base64')), bytes);
    assert.deepEqual(fromBase64(Buffer.from(bytes).toString('base64url')), bytes);
  }
  assert.throws(() => fromBase64('a b='), RangeError);
});
