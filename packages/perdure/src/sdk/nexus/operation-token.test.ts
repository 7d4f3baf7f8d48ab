/** Tokens of operations: the text that all SDKs agree on, and what comes back wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeOperationToken, encodeOperationToken, type OperationToken } from './operation-token.js';

const raw = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a token is the JSON that other SDKs write, field for field', () => {
  assert.equal(encodeOperationToken({ kind: 'workflow-run', namespace: 'shop', workflowId: 'order/1 ü' }), raw({ t: 1, ns: 'shop', wid: 'order/1 ü' }));
  assert.equal(encodeOperationToken({ kind: 'activity', namespace: 'shop', activityId: 'a', runId: 'r' }), raw({ t: 2, ns: 'shop', aid: 'a', rid: 'r' }));
  assert.equal(encodeOperationToken({ kind: 'workflow-update', namespace: 'shop', workflowId: 'w', runId: '', updateId: 'u' }), raw({ t: 3, ns: 'shop', wid: 'w', uid: 'u' }));
});

test('each kind comes back as it was', () => {
  const tokens: OperationToken[] = [
    { kind: 'workflow-run', namespace: 'shop', workflowId: '東京' },
    { kind: 'activity', namespace: 'shop', activityId: 'a', runId: 'r' },
    { kind: 'workflow-update', namespace: 'shop', workflowId: 'w', runId: 'r', updateId: 'u' },
    { kind: 'workflow-update', namespace: '', workflowId: 'w', runId: '', updateId: 'u' },
  ];
  for (const token of tokens) assert.deepEqual(decodeOperationToken(encodeOperationToken(token)), token);
});

test('what is no token is refused with the reason', () => {
  const wrong: [token: string, reason: RegExp][] = [
    ['', /it is empty/],
    ['a b', /not base 64 for URLs/],
    ['a+/=', /not base 64 for URLs/],
    [Buffer.from('{').toString('base64url'), /no JSON/],
    [raw([]), /no object/],
    [raw(null), /no object/],
    [raw({ v: 1, t: 1, ns: 'n', wid: 'w' }), /version 1, made by a newer SDK/],
    [raw({ t: 9, ns: 'n' }), /its type is 9/],
    [raw({ t: '1', ns: 'n', wid: 'w' }), /its type is "1"/],
    [raw({ t: 1, wid: 'w' }), /no namespace/],
    [raw({ t: 1, ns: 'n' }), /no workflow id/],
    [raw({ t: 1, ns: 'n', wid: '' }), /workflow id is empty/],
    [raw({ t: 2, ns: 'n', aid: 'a' }), /no run id/],
    [raw({ t: 3, ns: 'n', wid: 'w' }), /no update id/],
    [raw({ t: 3, ns: 'n', wid: 'w', uid: 'u', rid: 7 }), /no run id/],
  ];
  for (const [token, reason] of wrong) assert.throws(() => decodeOperationToken(token), { name: 'TypeError', message: reason }, token);
});
