/** Payloads kept outside are found wherever they stand in an event, and nothing else is taken for one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventType, Failure, History, Memo, Payloads, type Init, type Payload } from '../index.js';
import { countExternalPayloads } from './external-payloads.js';
import { delimited } from './wire.js';

/** Of a failure. */
const CAUSE = 4;

const reference = (...sizes: readonly number[]): Init<Payload> => ({
  metadata: { encoding: Buffer.from('json/protobuf'), messageType: Buffer.from('temporal.api.sdk.v1.ExternalStorageReference') },
  data: Buffer.from('{}'),
  externalPayloads: sizes.map((sizeBytes) => ({ sizeBytes })),
});

test('references are counted in arguments, memos, nested failures and details of markers', () => {
  const started = {
    eventId: 1,
    eventType: EventType.WORKFLOW_EXECUTION_STARTED,
    workflowExecutionStartedEventAttributes: {
      input: Payloads.encode({ payloads: [reference(1_000), { data: Buffer.from('inline') }] }),
      memo: Memo.encode({ fields: new Map([['m', reference(20, 3)]]) }),
    },
  };
  const marker = { eventId: 2, markerRecordedEventAttributes: { details: new Map([['d', Payloads.encode({ payloads: [reference(5_000_000_000)] })]]) } };
  const failure = Failure.encode({ cause: Failure.create({ applicationFailureInfo: { details: Payloads.encode({ payloads: [reference(7)] }) } }) });
  const failed = { eventId: 3, workflowExecutionFailedEventAttributes: { failure } };
  assert.deepEqual(countExternalPayloads(History.encode({ events: [started, marker, failed] })), { count: 5, sizeBytes: 5_000_001_030 });
});

test('a history that only talks of references has none', () => {
  const input = Payloads.encode({ payloads: [{ data: Buffer.from('temporal.api.sdk.v1.ExternalStorageReference') }] });
  assert.equal(countExternalPayloads(History.encode({ events: [{ workflowExecutionStartedEventAttributes: { input } }] })), undefined);
  assert.equal(countExternalPayloads(new Uint8Array(0)), undefined);
});

test('what cannot be read is not counted, and does no harm', () => {
  const whole = Payloads.encode({ payloads: [reference(7)] });
  const cut = History.encode({ events: [{ workflowExecutionStartedEventAttributes: { input: whole.subarray(0, whole.byteLength - 3) } }] });
  assert.equal(countExternalPayloads(cut), undefined);
  let cause: Uint8Array = Failure.encode({ applicationFailureInfo: { details: whole } });
  for (let depth = 0; depth < 5_000; depth++) cause = Buffer.concat(delimited(CAUSE, cause));
  assert.equal(countExternalPayloads(History.encode({ events: [{ workflowExecutionFailedEventAttributes: { failure: cause } }] })), undefined);
});
