/** Options are checked where they enter, and enumerations and search attributes have the protocol's form. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ValueError } from './errors.js';
import { retryStates } from './failure.js';
import { DefaultLogger, type LogEntry } from './logger.js';
import { compileRetryPolicy, decompileRetryPolicy, type RetryPolicy } from './retry-policy.js';
import {
  decodeSearchAttributes,
  decodeTypedSearchAttributes,
  defineSearchAttributeKey,
  encodeSearchAttributes,
  encodeSearchAttributeUpdates,
  TypedSearchAttributes,
  updatedSearchAttributes,
} from './search-attributes.js';
import { decodeText } from './text.js';
import { extractWorkflowType, workflowIdReusePolicies, type WorkflowIdReusePolicy } from './workflow-options.js';
import { RetryPolicy as WireRetryPolicy } from '../../protocol/index.js';

test('a retry policy becomes milliseconds; Infinity attempts means no limit', () => {
  const compiled = compileRetryPolicy({
    initialInterval: '1s',
    maximumInterval: '1 minute',
    backoffCoefficient: 1.5,
    maximumAttempts: Infinity,
    nonRetryableErrorTypes: ['Declined'],
  });
  assert.deepEqual(compiled, {
    initialInterval: 1000,
    maximumInterval: 60_000,
    backoffCoefficient: 1.5,
    maximumAttempts: undefined,
    nonRetryableErrorTypes: ['Declined'],
  });
  assert.deepEqual(decompileRetryPolicy(WireRetryPolicy.create(compiled)), {
    initialInterval: 1000,
    maximumInterval: 60_000,
    backoffCoefficient: 1.5,
    maximumAttempts: Infinity,
    nonRetryableErrorTypes: ['Declined'],
  });
});

test('a retry policy that cannot work is refused and the option named', () => {
  const refused: readonly (readonly [RetryPolicy, RegExp])[] = [
    [{ backoffCoefficient: 0.5 }, /backoffCoefficient/],
    [{ backoffCoefficient: NaN }, /backoffCoefficient/],
    [{ maximumAttempts: 0 }, /maximumAttempts/],
    [{ maximumAttempts: -1 }, /maximumAttempts/],
    [{ maximumAttempts: 1.5 }, /maximumAttempts/],
    [{ initialInterval: 0 }, /initialInterval/],
    [{ maximumInterval: 0 }, /maximumInterval/],
    [{ initialInterval: '2s', maximumInterval: '1s' }, /must not be below/],
  ];
  for (const [policy, named] of refused) {
    assert.throws(() => compileRetryPolicy(policy), (error) => error instanceof ValueError && named.test(error.message));
  }
});

test('enumerations: unknown names are refused, unknown numbers are absent', () => {
  assert.equal(workflowIdReusePolicies.encode('REJECT_DUPLICATE'), 3);
  assert.equal(workflowIdReusePolicies.encode(undefined), 0);
  assert.throws(() => workflowIdReusePolicies.encode('toString' as WorkflowIdReusePolicy), /Use one of ALLOW_DUPLICATE/);
  assert.equal(retryStates.decode(2), 'NON_RETRYABLE_FAILURE');
  assert.equal(retryStates.decode(0), undefined);
  assert.equal(retryStates.decode(99), undefined);
});

test('search attributes keep their types', () => {
  const price = defineSearchAttributeKey('Price', 'DOUBLE');
  const due = defineSearchAttributeKey('Due', 'DATETIME');
  const tags = defineSearchAttributeKey('Tags', 'KEYWORD_LIST');
  const date = new Date('2024-05-01T10:00:00.000Z');
  const payloads = encodeSearchAttributes(
    { Customer: ['c-1'], Price: [1] },
    [{ key: price, value: 9.5 }, { key: due, value: date }, { key: tags, value: ['a', 'b'] }],
  );
  assert.ok(payloads);
  assert.equal(decodeText(payloads.get('Due')!.data), '"2024-05-01T10:00:00.000Z"');
  assert.equal(decodeText(payloads.get('Due')!.metadata['type']!), 'Datetime');
  const typed = decodeTypedSearchAttributes(payloads);
  assert.equal(typed.get(price), 9.5);
  assert.deepEqual(typed.get(due), date);
  assert.deepEqual(typed.get(tags), ['a', 'b']);
  assert.equal(typed.get(defineSearchAttributeKey('Price', 'KEYWORD')), undefined);
  assert.deepEqual(decodeSearchAttributes(payloads), { Customer: ['c-1'], Price: [9.5], Due: [date], Tags: ['a', 'b'] });
  assert.equal(encodeSearchAttributes(undefined, undefined), undefined);
});

test('after an upsert without types, attributes have both forms; an empty list removes one', () => {
  const before = encodeSearchAttributes({}, [{ key: defineSearchAttributeKey('Customer', 'KEYWORD'), value: 'c-1' }, { key: defineSearchAttributeKey('Old', 'BOOL'), value: true }]);
  const date = new Date('2030-02-03T04:05:06.000Z');
  const updates = encodeSearchAttributes({ Customer: ['c-2'], Old: [], Count: [7], Share: [0.5], Vip: [true], Tags: ['a', 'b'], Due: [date], Note: ['text'], Never: [] });
  const after = updatedSearchAttributes(before ?? new Map(), updates ?? new Map());
  const { Due: due, ...others } = decodeSearchAttributes(after);
  assert.deepEqual(others, { Customer: ['c-2'], Count: [7], Share: [0.5], Vip: [true], Tags: ['a', 'b'], Note: ['text'] });
  assert.equal(new Date(String(due?.[0])).getTime(), date.getTime());
  const types = decodeTypedSearchAttributes(after).getAll().map(({ key }) => `${key.name} ${key.type}`);
  assert.deepEqual(types, ['Customer KEYWORD', 'Count INT', 'Share DOUBLE', 'Vip BOOL', 'Tags KEYWORD_LIST', 'Due DATETIME', 'Note TEXT']);
  // The next run begins with these payloads: nothing may name a type that the server has not told.
  assert.equal(after.get('Note')?.metadata['type'], undefined);
  assert.equal(decodeText(after.get('Customer')?.metadata['type'] ?? new Uint8Array()), 'Keyword');
});

test('search attributes: updates, removals, and values that do not fit', () => {
  const name = defineSearchAttributeKey('Name', 'KEYWORD');
  const count = defineSearchAttributeKey('Count', 'INT');
  const attributes = new TypedSearchAttributes([{ key: name, value: 'a' }, { key: count, value: 1 }]);
  const updated = attributes.updateCopy([{ key: name, value: null }, { key: count, value: 2 }]);
  assert.deepEqual([updated.get(name), updated.get(count), attributes.get(count)], [undefined, 2, 1]);
  assert.equal(decodeText(encodeSearchAttributeUpdates([{ key: name, value: null }]).get('Name')!.data), 'null');
  assert.throws(() => new TypedSearchAttributes([{ key: count, value: 1.5 }]), ValueError);
  assert.throws(() => new TypedSearchAttributes([{ key: count, value: 1 }, { key: count, value: 2 }]), /twice/);
  assert.throws(() => encodeSearchAttributes({ Mixed: ['a', 1] as unknown as string[] }), /all of one type/);
  assert.throws(() => encodeSearchAttributes({ Plain: 'a' as unknown as string[] }), /must be an array/);
});

test('workflow types come from functions with names, or from text', () => {
  assert.equal(extractWorkflowType('order'), 'order');
  assert.equal(extractWorkflowType(async function ship() {}), 'ship');
  assert.throws(() => extractWorkflowType(''), TypeError);
});

test('the logger passes its level and above', () => {
  const entries: LogEntry[] = [];
  const logger = new DefaultLogger('WARN', (entry) => entries.push(entry));
  logger.info('hidden');
  logger.warn('shown', { a: 1 });
  logger.error('shown too');
  assert.deepEqual(entries.map(({ level, message, meta }) => [level, message, meta]), [['WARN', 'shown', { a: 1 }], ['ERROR', 'shown too', undefined]]);
  assert.throws(() => new DefaultLogger('LOUD' as 'INFO'), TypeError);
});
