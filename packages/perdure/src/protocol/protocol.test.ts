/**
 * The generated codecs against an independent implementation: random messages of every type must survive
 * other encoder -> our decoder -> our encoder -> other decoder unchanged. A field that is dropped, renumbered or misread shows here.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import * as generated from './generated/index.js';
import type { Codec } from './codec.js';
import { DecodeError, Reader } from './reader.js';
import { Writer } from './writer.js';

const require = createRequire(import.meta.url);
const protobuf = require('protobufjs') as typeof import('protobufjs');
const descriptors = (require('@temporalio/proto/protos/json-module.js') as { toJSON(): object }).toJSON();
const root = protobuf.Root.fromJSON(descriptors as import('protobufjs').INamespace);

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function randomMessage(type: import('protobufjs').Type, random: () => number, depth: number): Record<string, unknown> {
  if (type.fullName === '.google.protobuf.Timestamp' || type.fullName === '.google.protobuf.Duration') {
    return { seconds: Math.floor(random() * 1e9), nanos: Math.floor(random() * 1000) * 1e6 };
  }
  const message: Record<string, unknown> = {};
  const usedOneofs = new Set<string>();
  for (const field of type.fieldsArray) {
    field.resolve();
    if (random() < 0.5) continue;
    if (field.partOf) {
      if (usedOneofs.has(field.partOf.name)) continue;
      usedOneofs.add(field.partOf.name);
    }
    if (field.resolvedType instanceof protobuf.Type && depth > 3) continue;
    if (field.map) message[field.name] = { a: randomValue(field, random, depth), 'ключ': randomValue(field, random, depth) };
    else if (field.repeated) message[field.name] = [randomValue(field, random, depth), randomValue(field, random, depth)];
    else message[field.name] = randomValue(field, random, depth);
  }
  return message;
}

function randomValue(field: import('protobufjs').Field, random: () => number, depth: number): unknown {
  if (field.resolvedType instanceof protobuf.Type) return randomMessage(field.resolvedType, random, depth + 1);
  if (field.resolvedType instanceof protobuf.Enum) {
    const values = Object.values(field.resolvedType.values);
    return values[Math.floor(random() * values.length)];
  }
  switch (field.type) {
    case 'string':
      return ['', 'x', 'héllo wörld', 'z'.repeat(Math.floor(random() * 300))][Math.floor(random() * 4)];
    case 'bytes':
      return Buffer.alloc(Math.floor(random() * 200), 7);
    case 'bool':
      return random() < 0.5;
    case 'double':
    case 'float':
      return Math.floor(random() * 1000) / 4;
    case 'int32':
      return Math.floor((random() - 0.5) * 2 ** 32);
    case 'int64':
      return Math.floor((random() - 0.5) * 2 ** 53);
    default:
      return Math.floor(random() * 2 ** 31);
  }
}

const codecs = Object.values(generated).filter(
  (value): value is Codec<object> => typeof value === 'object' && 'typeName' in value && typeof value.typeName === 'string',
);

test('every message survives a round trip through an independent implementation', () => {
  const random = seeded(1);
  let checked = 0;
  for (const codec of codecs) {
    if (codec.typeName.startsWith('perdure.')) continue;
    const type = root.lookupType(codec.typeName);
    for (let round = 0; round < 3; round++) {
      const original = type.encode(type.fromObject(randomMessage(type, random, 0))).finish();
      const again = codec.encode(codec.decode(original));
      const plain = (bytes: Uint8Array) => type.toObject(type.decode(bytes), { defaults: true, bytes: String, longs: String });
      assert.deepEqual(plain(again), plain(original), codec.typeName);
      const created = codec.encode(codec.create(codec.decode(original)));
      assert.deepEqual(created, again, `${codec.typeName}: create() changes the message`);
      checked++;
    }
  }
  assert.ok(checked > 500);
});

test('truncated and random bytes are refused with DecodeError and nothing else', () => {
  const random = seeded(2);
  for (const codec of codecs) {
    if (codec.typeName.startsWith('perdure.')) continue;
    const type = root.lookupType(codec.typeName);
    const whole = type.encode(type.fromObject(randomMessage(type, random, 0))).finish();
    for (let round = 0; round < 5; round++) {
      const bytes = Buffer.from(whole.subarray(0, Math.floor(random() * whole.length)));
      if (bytes.length > 0) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      try {
        codec.decode(bytes);
      } catch (error) {
        assert.ok(error instanceof DecodeError, `${codec.typeName}: ${String(error)}`);
      }
    }
  }
});

test('numbers at the edges keep their value', () => {
  for (const value of [0, 1, 127, 128, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -1, -(2 ** 31), -(2 ** 53 - 1)]) {
    const writer = new Writer(4);
    writer.varint(value);
    assert.equal(new Reader(writer.finish()).int64(), value);
  }
  assert.throws(() => new Reader(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])).int64(), DecodeError);
});

test('nesting deeper than a message can be is refused before the stack is exhausted', () => {
  let bytes: Uint8Array = Buffer.alloc(0);
  for (let i = 0; i < 200; i++) {
    const writer = new Writer();
    writer.bytes(bytes);
    writer.varint((4 << 3) | 2);
    bytes = writer.finish();
  }
  assert.throws(() => generated.Failure.decode(bytes), DecodeError);
});
