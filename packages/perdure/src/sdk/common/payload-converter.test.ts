/** User data comes back as it was given, in the encodings that all SDKs share; what cannot be converted is refused with a reason. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import proto from '@temporalio/proto';
import { Header, Memo, Payload as PayloadCodec, Payloads } from '../../protocol/index.js';
import { PayloadConverterError, ValueError } from './errors.js';
import { payloadFromBytes, payloadMapFromBytes, payloadMapToBytes, payloadsFromBytes, payloadsToBytes, payloadToBytes } from './payload-bytes.js';
import { decodePayloadsWithCodecs, encodePayloadsWithCodecs } from './payload-codec.js';
import {
  arrayFromPayloads,
  defaultPayloadConverter,
  encodingKeys,
  encodingOf,
  encodingTypes,
  mapFromPayloads,
  mapToPayloads,
  RawValue,
  toPayloads,
  type Payload,
} from './payload-converter.js';
import { decodeText, encodeText } from './text.js';

const converter = defaultPayloadConverter;
const text = (payload: Payload) => decodeText(payload.data);

test('undefined, bytes and JSON have the encodings of the wire', () => {
  assert.equal(encodingOf(converter.toPayload(undefined)), 'binary/null');
  assert.equal(encodingOf(converter.toPayload(new Uint8Array([1, 2]))), 'binary/plain');
  assert.equal(encodingOf(converter.toPayload(Buffer.from('x'))), 'binary/plain');
  assert.equal(encodingOf(converter.toPayload({ a: [1, null] })), 'json/plain');
  assert.equal(text(converter.toPayload({ a: [1, null], when: new Date(0) })), '{"a":[1,null],"when":"1970-01-01T00:00:00.000Z"}');
});

test('values come back', () => {
  for (const value of [undefined, null, 0, '', 'žluť 🐎', true, [1, [2]], { a: { b: 'c' } }, new Uint8Array([0, 255])]) {
    assert.deepEqual(converter.fromPayload(converter.toPayload(value)), value);
  }
  assert.deepEqual(arrayFromPayloads(converter, toPayloads(converter, 1, undefined, 'x')), [1, undefined, 'x']);
  assert.equal(toPayloads(converter), undefined);
  assert.deepEqual(arrayFromPayloads(converter, undefined), []);
});

test('a key named __proto__ is data, not a prototype', () => {
  const values = mapFromPayloads(converter, mapToPayloads(converter, JSON.parse('{"__proto__": {"admin": true}, "a": 1}') as Record<string, unknown>));
  assert.equal(Object.getPrototypeOf(values), Object.prototype);
  assert.deepEqual(Object.keys(values), ['__proto__', 'a']);
});

test('what is not data is refused', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  for (const value of [() => 1, Symbol('x'), 10n, { big: 1n }, cyclic]) {
    assert.throws(() => converter.toPayload(value), (error) => error instanceof PayloadConverterError && error instanceof ValueError);
  }
});

test('unreadable payloads say what is wrong', () => {
  const payload = (encoding: string, data: string): Payload => ({ metadata: { encoding: encodeText(encoding) }, data: encodeText(data) });
  assert.throws(() => converter.fromPayload(payload('binary/encrypted', '')), /binary\/encrypted.*payload codecs/s);
  assert.throws(() => converter.fromPayload(payload('json/plain', '{')), /does not hold JSON/);
  assert.throws(() => converter.fromPayload({ metadata: {}, data: new Uint8Array() }), /no metadata 'encoding'/);
});

test('a raw value passes untouched', () => {
  const payload = converter.toPayload('x');
  assert.equal(converter.toPayload(RawValue.fromPayload(payload)), payload);
  assert.equal(text(new RawValue({ a: 1 }).payload), '{"a":1}');
  assert.ok(RawValue.fromPayload(payload) instanceof RawValue);
});

test('the bytes are those of the protocol, both ways', () => {
  const payloads = ['a', undefined, 'x'.repeat(300), new Uint8Array(20_000)].map((value) => converter.toPayload(value));
  assert.deepEqual(Buffer.from(payloadsToBytes(payloads)), Buffer.from(Payloads.encode({ payloads })));
  const same = (given: readonly Payload[], read: readonly Payload[]) => {
    assert.deepEqual(read.map((payload) => converter.fromPayload(payload)), given.map((payload) => converter.fromPayload(payload)));
  };
  // Lengths around each size of a length field, and growth of the buffer in between.
  for (const length of [0, 1, 100, 127, 128, 16_383, 16_384, 70_000, 2_097_152]) {
    const payload = { metadata: { encoding: encodeText('binary/plain'), more: new Uint8Array(length) }, data: new Uint8Array(length).fill(7) };
    assert.ok(Buffer.from(payloadsToBytes([payload, payload])).equals(Payloads.encode({ payloads: [payload, payload] })), `${length}`);
  }
  same(payloads, payloadsFromBytes(Payloads.encode({ payloads })));
  same(payloads, Payloads.decode(payloadsToBytes(payloads)).payloads);
  const fields = mapToPayloads(converter, { one: 1, 'zwei ü': [2], '': null });
  assert.deepEqual(Memo.decode(payloadMapToBytes<Memo>(fields)).fields.size, 3);
  assert.deepEqual(mapFromPayloads(converter, payloadMapFromBytes(Header.encode({ fields }))), { one: 1, 'zwei ü': [2], '': null });
  assert.deepEqual(Buffer.from(payloadToBytes(payloads[0]!)), Buffer.from(PayloadCodec.encode(payloads[0]!)));
  assert.equal(converter.fromPayload(payloadFromBytes(payloadToBytes(payloads[0]!))), 'a');
});

test('codecs that use the classes of @temporalio/proto compile and work', () => {
  const reference: Payload = Object.assign({ ...converter.toPayload({ at: 'elsewhere' }) }, { externalPayloads: [{ sizeBytes: 5 }] });
  const bytes = proto.temporal.api.common.v1.Payload.encode(reference).finish();
  const decoded: Payload = proto.temporal.api.common.v1.Payload.decode(bytes);
  assert.deepEqual(converter.fromPayload(decoded), { at: 'elsewhere' });
  assert.deepEqual(PayloadCodec.decode(payloadToBytes(decoded)).externalPayloads, [{ sizeBytes: 5 }]);
  assert.equal(decodeText(encodingKeys.METADATA_ENCODING_PROTOBUF_JSON), encodingTypes.METADATA_ENCODING_PROTOBUF_JSON);
});

test('fields of a later protocol are passed over; malformed bytes are refused', () => {
  const known = PayloadCodec.encode(converter.toPayload('a'));
  const later = Uint8Array.from([...known, 0x78, 5, 0x7d, 1, 2, 3, 4, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7a, 1, 9]);
  assert.equal(converter.fromPayload(payloadFromBytes(later)), 'a');
  for (const bytes of [[0x0a], [0x0a, 5, 1], [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], [0x0b], [0x7d, 1], [0x80]]) {
    assert.throws(() => payloadsFromBytes(Uint8Array.from(bytes)), PayloadConverterError, String(bytes));
  }
});

test('codecs apply in order, are undone in the opposite order, and must keep the number of payloads', async () => {
  const tag = (name: string) => ({
    encode: async (payloads: Payload[]) => payloads.map((payload) => ({ ...payload, data: encodeText(`${name}(${text(payload)})`) })),
    decode: async (payloads: Payload[]) =>
      payloads.map((payload) => {
        assert.ok(text(payload).startsWith(`${name}(`), text(payload));
        return { ...payload, data: encodeText(text(payload).slice(name.length + 1, -1)) };
      }),
  });
  const codecs = [tag('compress'), tag('encrypt')];
  const encoded = await encodePayloadsWithCodecs(codecs, [converter.toPayload(1)]);
  assert.deepEqual(encoded.map(text), ['encrypt(compress(1))']);
  assert.deepEqual((await decodePayloadsWithCodecs(codecs, encoded)).map(text), ['1']);
  const losing = { encode: async () => [], decode: async () => [] };
  await assert.rejects(encodePayloadsWithCodecs([losing], encoded), /keep their number/);
});
