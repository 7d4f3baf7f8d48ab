/** Messages of protobufjs as payloads: in the JSON that other SDKs write and read, and in binary. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import protobuf from 'protobufjs';
import { decodeText, encodeText, type Payload } from '../common/index.js';
import { createMessage, DefaultPayloadConverterWithProtobufs, ProtobufBinaryPayloadConverter, ProtobufJsonPayloadConverter } from './index.js';

const { root } = protobuf.parse(`
  syntax = "proto3";
  package shop.v1;
  import "google/protobuf/timestamp.proto";
  import "google/protobuf/duration.proto";
  import "google/protobuf/struct.proto";
  import "google/protobuf/wrappers.proto";
  enum Color { COLOR_UNSPECIFIED = 0; COLOR_RED = 1; }
  message Line { string article_name = 1; int32 count = 2; }
  message Order {
    string id = 1;
    repeated Line lines = 2;
    map<string, Line> by_key = 3;
    int64 total_cents = 4;
    bytes signature = 5;
    Color color = 6;
    double weight = 7;
    bool paid = 8;
    google.protobuf.Timestamp placed_at = 9;
    google.protobuf.Duration patience = 10;
    google.protobuf.Struct extra = 11;
    google.protobuf.StringValue note = 12;
    repeated Color colors = 13;
    uint64 big = 14;
  }
`);
for (const [name, definition] of Object.entries({
  timestamp: protobuf.common.get('google/protobuf/timestamp.proto'),
  duration: protobuf.common.get('google/protobuf/duration.proto'),
  struct: protobuf.common.get('google/protobuf/struct.proto'),
  wrappers: protobuf.common.get('google/protobuf/wrappers.proto'),
})) {
  assert.ok(definition, name);
  root.addJSON(definition.nested ?? {});
}
const Order = root.lookupType('shop.v1.Order');
const converter = new DefaultPayloadConverterWithProtobufs({ protobufRoot: root });
const metadataOf = ({ metadata }: Payload) => Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, decodeText(value)]));
const plain = (message: unknown) => Order.toObject(message as protobuf.Message, { longs: String, bytes: String });

const ORDER = {
  id: 'o-1',
  lines: [{ articleName: 'pen', count: 2 }, { articleName: 'ink', count: 0 }],
  byKey: { a: { articleName: 'pen', count: 1 } },
  totalCents: '9007199254740993',
  signature: 'AP8Q',
  color: 1,
  weight: Infinity,
  paid: true,
  placedAt: { seconds: '1926000000', nanos: 120_000_000 },
  patience: { seconds: '-3', nanos: -500_000_000 },
  extra: { fields: { list: { listValue: { values: [{ numberValue: 1 }, { nullValue: 0 }, { boolValue: false }] } }, text: { stringValue: '' } } },
  note: { value: 'careful' },
  colors: [1, 0],
  big: '18446744073709551615',
};

test('messages are written in the JSON of protocol buffers and come back as messages', () => {
  const payload = converter.toPayload(Order.fromObject(ORDER));
  assert.deepEqual(metadataOf(payload), { encoding: 'json/protobuf', messageType: 'shop.v1.Order' });
  assert.deepEqual(JSON.parse(decodeText(payload.data)), {
    id: 'o-1',
    lines: [{ articleName: 'pen', count: 2 }, { articleName: 'ink', count: 0 }],
    byKey: { a: { articleName: 'pen', count: 1 } },
    totalCents: '9007199254740993',
    signature: 'AP8Q',
    color: 'COLOR_RED',
    weight: 'Infinity',
    paid: true,
    placedAt: '2031-01-12T16:00:00.120Z',
    patience: '-3.500s',
    extra: { list: [1, null, false], text: '' },
    note: 'careful',
    colors: ['COLOR_RED', 'COLOR_UNSPECIFIED'],
    big: '18446744073709551615',
  });
  const back = converter.fromPayload<protobuf.Message>(payload);
  assert.equal(back.$type, Order);
  assert.deepEqual(plain(back), plain(Order.fromObject(ORDER)));
});

test('binary: smaller, and read whatever the order of converters', () => {
  const binary = new ProtobufBinaryPayloadConverter(root);
  const payload = binary.toPayload(Order.fromObject(ORDER));
  assert.ok(payload);
  assert.deepEqual(metadataOf(payload), { encoding: 'binary/protobuf', messageType: 'shop.v1.Order' });
  assert.deepEqual(plain(converter.fromPayload(payload)), plain(Order.fromObject(ORDER)));
});

test('what other SDKs write: original names, unknown fields and enums, zones, other base64', () => {
  const payload = (json: object): Payload => ({ metadata: { encoding: encodeText('json/protobuf'), messageType: encodeText('shop.v1.Order') }, data: encodeText(JSON.stringify(json)) });
  const read = (json: object) => plain(converter.fromPayload(payload(json)));
  assert.deepEqual(read({ total_cents: 5, by_key: { a: { article_name: 'x' } }, from_the_future: [1], signature: '_-8', color: 'COLOR_BLUE', placed_at: '2031-01-12T17:00:00+01:00', note: null }), {
    totalCents: '5',
    byKey: { a: { articleName: 'x' } },
    signature: '/+8=',
    color: 0,
    placedAt: { seconds: '1926000000', nanos: 0 },
  });
  assert.throws(() => read({ lines: 5 }), /'shop.v1.Order' that it announces: the field lines is a list/);
  assert.throws(() => read({ placedAt: 'tomorrow' }), /a timestamp is a time such as/);
});

test('a message that is made without code is written like any other', () => {
  const made = createMessage(Order, { ...ORDER, lines: [{ articleName: 'pen', count: 2 }, { articleName: 'ink', count: 0 }] });
  assert.deepEqual(converter.toPayload(made), converter.toPayload(Order.fromObject(ORDER)));
  const empty = createMessage(Order) as { id: string; lines: unknown[]; paid: boolean; color: number; placedAt: unknown };
  assert.deepEqual([empty.id, empty.lines, empty.paid, empty.color, empty.placedAt], ['', [], false, 0, null]);
  assert.equal(decodeText(converter.toPayload(empty).data), '{}');
  assert.throws(() => createMessage(Order, { colour: 1 }), /has no field 'colour'. It has: id, lines/);
  assert.throws(() => createMessage({}), /message type of protobufjs/);
});

test('everything else is converted as ever; what cannot be read is said', () => {
  for (const value of [undefined, null, 'text', { a: [1] }]) assert.deepEqual(converter.fromPayload(converter.toPayload(value)), value);
  assert.deepEqual(converter.fromPayload(converter.toPayload(Uint8Array.of(1))), Uint8Array.of(1));
  const payload = converter.toPayload(Order.fromObject({ id: 'x' }));
  assert.throws(() => new ProtobufJsonPayloadConverter().fromPayload(payload), /give the payload converter the root/);
  assert.throws(() => converter.fromPayload({ ...payload, metadata: { ...payload.metadata, messageType: encodeText('shop.v1.Nothing') } }), /has no message 'shop.v1.Nothing'/);
  assert.throws(() => converter.fromPayload({ ...payload, metadata: { encoding: encodeText('json/protobuf') } }), /does not say which message/);
  assert.throws(() => new ProtobufJsonPayloadConverter({}), /the method lookupType/);
});
