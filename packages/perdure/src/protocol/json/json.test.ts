/**
 * The JSON mapping against an independent one: random messages of every type of the API, written by protobufjs, read by us, and back.
 * HTTP clients and exported histories rely on it for each field.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import protobuf from 'protobufjs';
import { Payload, Payloads, SearchAttributes, StartWorkflowExecutionRequest, Status } from '../index.js';
import { RpcError, Code } from '../errors.js';
import { WorkflowNotReadyFailure } from '../generated/errordetails.v1.js';
import { binaryToJson, JsonFormatError, jsonText, jsonToBinary, parseJson, Schema, type Json } from './index.js';

const { root } = createRequire(import.meta.url)('@temporalio/proto') as { root?: protobuf.Root };
const json = createRequire(import.meta.url)('@temporalio/proto/protos/json-module.js') as protobuf.Root;
const types = (root ?? json) instanceof protobuf.Root ? (root ?? json) : protobuf.Root.fromJSON((json as protobuf.Root).toJSON());
types.resolveAll();

/** A small generator with a seed, so that a failure can be repeated. */
function chance(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const TEXTS = ['', 'a', 'größe "x"\\\n', '日本', '__proto__', '\u{1F600}', ' '];
const NUMBERS = [0, 1, -1, 127, 128, 2 ** 31 - 1, -(2 ** 31)];
const LONGS = [...NUMBERS, 2 ** 40, -(2 ** 53) + 1, Number.MAX_SAFE_INTEGER];

function scalar(type: string, pick: (limit: number) => number): unknown {
  const one = <T>(list: readonly T[]): T => list[pick(list.length)] as T;
  switch (type) {
    case 'string':
      return one(TEXTS);
    case 'bytes':
      return Buffer.from(Array.from({ length: pick(5) }, () => pick(256)));
    case 'bool':
      return pick(2) === 1;
    case 'double':
      return one([0, 1.5, -2e-7, 1e300]);
    case 'float':
      return Math.fround(one([0, 0.1, 1.5, -3e20]));
    case 'uint32':
      return Math.abs(one(NUMBERS));
    case 'uint64':
      return Math.abs(one(LONGS));
    case 'int64':
      return one(LONGS);
    default:
      return one(NUMBERS);
  }
}

const encoding = (name: string): Record<string, Buffer> => ({ encoding: Buffer.from(name) });
/** A payload always says how it is encoded: without that, JSON cannot tell one from a plain value. */
const PAYLOADS = [
  { metadata: encoding('json/plain'), data: Buffer.from('{"a":[1.0,null]}') },
  { metadata: { ...encoding('json/plain'), type: Buffer.from('Keyword') }, data: Buffer.from('"x"') },
  { metadata: encoding('binary/null') },
  { metadata: encoding('binary/plain'), data: Buffer.from([0xff, 0]) },
  { metadata: encoding('json/plain'), data: Buffer.from('no json'), externalPayloads: [{ sizeBytes: 5 }] },
];

function random(type: protobuf.Type, pick: (limit: number) => number, depth: number): Record<string, unknown> {
  if (type.fullName === '.google.protobuf.Timestamp') return { seconds: pick(2_000_000_000), nanos: pick(1000) * 1_000_000 };
  if (type.fullName === '.google.protobuf.Duration') return { seconds: pick(100_000), nanos: pick(1000) * 1_000_000 };
  if (type.fullName === '.google.protobuf.FieldMask') return { paths: ['retry_policy.maximum_attempts', 'start_to_close_timeout'].slice(0, pick(3)) };
  if (type.fullName === '.google.protobuf.Any') return {};
  if (type.fullName === '.temporal.api.common.v1.Payload') return PAYLOADS[pick(PAYLOADS.length)] as Record<string, unknown>;
  const value = (field: protobuf.Field): unknown => {
    if (field.resolvedType instanceof protobuf.Enum) return Object.values(field.resolvedType.values)[pick(3)] ?? 0;
    if (field.resolvedType instanceof protobuf.Type) return random(field.resolvedType, pick, depth + 1);
    return scalar(field.type, pick);
  };
  const message: Record<string, unknown> = {};
  const oneofs = new Set<string>();
  for (const field of type.fieldsArray) {
    field.resolve();
    if (pick(4) === 0 || (depth > 3 && field.resolvedType instanceof protobuf.Type)) continue;
    if (field.partOf !== null && !field.options?.['proto3_optional']) {
      if (oneofs.has(field.partOf.name)) continue;
      oneofs.add(field.partOf.name);
    }
    if (field.map) message[field.name] = Object.fromEntries(Array.from({ length: pick(3) }, (_, i) => [(field as unknown as protobuf.MapField).keyType === 'string' ? `key${i}` : i, value(field)]));
    else message[field.name] = field.repeated ? Array.from({ length: pick(3) }, () => value(field)) : value(field);
  }
  return message;
}

const plain = { longs: String, enums: Number, bytes: String, defaults: true, arrays: true, objects: true };

test('random messages of every type of the services survive the way to JSON and back', () => {
  const schema = Schema.load();
  const names = new Set<string>();
  for (const service of ['WorkflowService', 'OperatorService']) {
    const packageName = `temporal.api.${service.toLowerCase()}.v1`;
    for (const method of types.lookupService(`${packageName}.${service}`).methodsArray) {
      const shape = schema.method(`/${packageName}.${service}/${method.name}`);
      assert.ok(shape, `${method.name} has no shape`);
      names.add(shape.request.slice(1)).add(shape.response.slice(1));
    }
  }
  assert.ok(names.size > 200);
  let seed = 0;
  for (const name of [...names, 'temporal.api.history.v1.History', 'temporal.api.failure.v1.Failure']) {
    const type = types.lookupType(name);
    for (const payloadShorthand of [true, false]) {
      seed += 1;
      const message = type.create(type.fromObject(random(type, chance(seed), 0)));
      const bytes = type.encode(message).finish();
      const text = binaryToJson(name, bytes, { payloadShorthand });
      const back = jsonToBinary(name, parseJson(text), { payloadShorthand });
      assert.deepEqual(type.toObject(type.decode(back), plain), type.toObject(type.decode(bytes), plain), `${name}, seed ${seed}: ${text}`);
      assert.equal(binaryToJson(name, back, { payloadShorthand }), text);
    }
  }
});

test('times, durations, masks, enums, maps and numbers are written as protobuf prescribes', () => {
  const request: Json = {
    namespace: 'default',
    workflowId: 'w',
    workflowType: { name: 't' },
    workflowRunTimeout: '33.500s',
    workflowIdReusePolicy: 'WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE',
    retryPolicy: { initialInterval: '1s', backoffCoefficient: 1.5, maximumAttempts: 3, nonRetryableErrorTypes: ['a'] },
    searchAttributes: { indexedFields: { A: 1 } },
    priority: { priorityKey: 2, fairnessWeight: 0.1 },
  };
  const name = StartWorkflowExecutionRequest.typeName;
  const bytes = jsonToBinary(name, request);
  assert.deepEqual(JSON.parse(binaryToJson(name, bytes)), request);
  assert.equal(StartWorkflowExecutionRequest.decode(bytes).workflowRunTimeout, 33_500);
  const other = { workflow_id: 'w', workflowIdReusePolicy: 'RejectDuplicate', workflow_run_timeout: '33.5s' };
  assert.equal(binaryToJson(name, jsonToBinary(name, other)), '{"workflowId":"w","workflowRunTimeout":"33.500s","workflowIdReusePolicy":"WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE"}');
});

test('payloads are the values that they hold, to the last digit', () => {
  const text = '[1,{"b":[12345678901234567890,1.0]},null,"x",{"_protoMessageType":"a.B","f":1}]';
  const bytes = jsonToBinary(Payloads.typeName, parseJson(text));
  const { payloads } = Payloads.decode(bytes);
  assert.deepEqual(payloads.map(({ metadata }) => Buffer.from(metadata['encoding'] as Uint8Array).toString()), ['json/plain', 'json/plain', 'binary/null', 'json/plain', 'json/protobuf']);
  assert.equal(Buffer.from(payloads[1]?.data as Uint8Array).toString(), '{"b":[12345678901234567890,1.0]}');
  assert.equal(binaryToJson(Payloads.typeName, bytes), text);
});

test('what plain values cannot say is written in full, and read again as the same', () => {
  const encoding = Buffer.from('json/plain');
  const cases = [
    { metadata: { encoding: Buffer.from('binary/encrypted') }, data: Buffer.from([1, 2]) },
    { metadata: { encoding, type: Buffer.from('Keyword') }, data: Buffer.from('"x"') },
    { metadata: { encoding }, data: Buffer.from('no json') },
    { metadata: { encoding }, data: Buffer.from([0xff]) },
    { metadata: { encoding }, data: Buffer.from(JSON.stringify({ metadata: { encoding: 'eA==' }, data: 'eA==' })) },
    { metadata: { encoding }, data: Buffer.from('{"_protoMessageType":"a"}') },
  ];
  for (const payload of cases) {
    const bytes = Payload.encode(payload);
    const text = binaryToJson(Payload.typeName, bytes);
    assert.match(text, /^\{"metadata":/, text);
    assert.deepEqual(Payload.decode(jsonToBinary(Payload.typeName, parseJson(text))), Payload.decode(bytes));
  }
  const mixed = Payloads.encode({ payloads: [{ metadata: { encoding }, data: Buffer.from('1') }, cases[0] as (typeof cases)[0]] });
  assert.equal(binaryToJson(Payloads.typeName, mixed), '{"payloads":[1,{"metadata":{"encoding":"YmluYXJ5L2VuY3J5cHRlZA=="},"data":"AQI="}]}');
  assert.match(binaryToJson(SearchAttributes.typeName, SearchAttributes.encode({ indexedFields: new Map([['A', { metadata: { encoding }, data: Buffer.from('5') }]]) }), { payloadShorthand: false }), /"data":"NQ=="/);
});

test('packed messages carry their type', () => {
  const error = RpcError.with(Code.FAILED_PRECONDITION, 'not ready', WorkflowNotReadyFailure, {});
  assert.equal(
    binaryToJson(Status.typeName, error.toStatus()),
    '{"code":9,"message":"not ready","details":[{"@type":"type.googleapis.com/temporal.api.errordetails.v1.WorkflowNotReadyFailure"}]}',
  );
  const unknown = Status.encode({ code: 1, message: '', details: [{ typeUrl: 'x/a.B', value: Buffer.from('hi') }] });
  assert.equal(binaryToJson(Status.typeName, unknown), '{"code":1,"details":[{"@type":"x/a.B","value":"aGk="}]}');
});

test('a wrong request is refused by the field that is wrong', () => {
  const refused: [Json, RegExp][] = [
    [{ workflowid: 'w' }, /^StartWorkflowExecutionRequest has no field "workflowid"\.$/],
    [{ workflowId: 5 }, /StartWorkflowExecutionRequest\.workflowId: text is expected, not 5\./],
    [{ workflowId: 'a', workflow_id: 'b' }, /workflowId is given twice/],
    [{ workflowId: '\ud800' }, /half of a character/],
    [{ taskQueue: 'q' }, /StartWorkflowExecutionRequest\.taskQueue: an object is expected, not "q"\./],
    [{ workflowRunTimeout: '5' }, /"5" is no duration, such as "1\.5s"/],
    [{ workflowRunTimeout: { seconds: 5 } }, /a duration as text is expected/],
    [{ workflowIdReusePolicy: 'NEVER' }, /"NEVER" is no temporal\.api\.enums\.v1\.WorkflowIdReusePolicy/],
    [{ requestEagerExecution: 'yes' }, /true or false is expected/],
    [{ retryPolicy: { maximumAttempts: 3_000_000_000 } }, /3000000000 does not fit into 32 bits/],
    [{ retryPolicy: { maximumAttempts: 1.5 } }, /a whole number is expected, not 1\.5/],
    [{ links: {} }, /a list is expected/],
    [{ lastCompletionResult: { payloads: [{ metadata: 5, data: 1, other: 1 }], x: 1 } }, /lastCompletionResult has no field "x"/],
  ];
  for (const [json, message] of refused) {
    assert.throws(() => jsonToBinary(StartWorkflowExecutionRequest.typeName, json), (error) => error instanceof JsonFormatError && message.test(error.message), jsonText(json));
  }
  assert.throws(() => jsonToBinary('temporal.api.update.v1.Outcome', { success: [1], failure: {} }), /only one of success and failure may be given/);
});

test('the parser agrees with JSON.parse, and bounds what it takes', () => {
  const good = ['null', ' [ 1 , -2.5e3 , "a\\"b\\\\" , {} , [] ] ', '{"__proto__":{"a":1}}', '"\\u00e4\\ud83d\\ude00"', 'true', '""', '{"a":{"b":[{"c":false}]}}'];
  for (const text of good) assert.equal(JSON.stringify(JSON.parse(jsonText(parseJson(text)))), JSON.stringify(JSON.parse(text)), text);
  const bad = ['', '{', '[1,]', '{"a":1,}', '{a:1}', "'a'", '01', '1.', '"\n"', '"\\x"', '"abc', '[1] x', 'nul', '{"a":1,"a":2}', '\u00a0 1', '[', '-', '"\\"'];
  for (const text of bad) assert.throws(() => parseJson(text), JsonFormatError, text);
  assert.throws(() => parseJson('['.repeat(1_000_000)), /nested deeper than 500/);
  assert.equal((parseJson(`"${'x'.repeat(4_000_000)}\\n"`) as string).length, 4_000_001);
  const nested = `${'{"cause":'.repeat(150)}{}${'}'.repeat(150)}`;
  assert.throws(() => jsonToBinary('temporal.api.failure.v1.Failure', parseJson(nested)), /nested deeper than 100/);
  const data = 'A'.repeat(4_000_000);
  assert.equal(Payload.decode(jsonToBinary(Payload.typeName, { metadata: { encoding: 'eA==' }, data })).data.byteLength, 3_000_000);
});
