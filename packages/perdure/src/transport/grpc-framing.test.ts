/** Decompression: small messages at once, large ones beside other work, and neither beyond its bound, whatever the message says of itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Code, RpcError } from '../protocol/errors.js';
import { decompress } from './grpc-framing.js';

const LIMIT_BYTES = 1_000_000;
const failsWith = (code: Code) => (error: unknown) => error instanceof RpcError && error.code === code;

test('a small message is there at once', () => {
  assert.deepEqual(decompress(gzipSync('hello'), LIMIT_BYTES), Buffer.from('hello'));
  assert.deepEqual(decompress(gzipSync(''), LIMIT_BYTES), Buffer.alloc(0));
});

test('a large message does not hold up others', async () => {
  const plain = Buffer.alloc(500_000, 'x');
  const later = decompress(gzipSync(plain), LIMIT_BYTES);
  assert.ok(later instanceof Promise);
  assert.deepEqual(await later, plain);
});

test('a message that says it is small, and is not, ends at the bound', async () => {
  for (const bytes of [500_000, 50_000_000]) {
    const liar = gzipSync(Buffer.alloc(bytes));
    liar.writeUInt32LE(10, liar.length - 4);
    await assert.rejects(async () => decompress(liar, LIMIT_BYTES), failsWith(bytes > LIMIT_BYTES ? Code.RESOURCE_EXHAUSTED : Code.INTERNAL));
  }
});

test('a small message beyond a smaller limit, and one that is no gzip, are refused', async () => {
  await assert.rejects(async () => decompress(gzipSync(Buffer.alloc(2_000)), 1_000), failsWith(Code.RESOURCE_EXHAUSTED));
  for (const broken of [Buffer.alloc(0), Buffer.from('no'), Buffer.alloc(20), gzipSync('hello').subarray(0, 12)]) {
    await assert.rejects(async () => decompress(broken, LIMIT_BYTES), failsWith(Code.INTERNAL));
  }
});
