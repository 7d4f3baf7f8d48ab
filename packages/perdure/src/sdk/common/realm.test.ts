/** All of `common` must load and work in a bare JavaScript realm: workflow code uses it there, without Node. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { build } from 'esbuild';
import { Failure } from '../../protocol/index.js';
import { failureToError } from './failure-converter.js';
import { ApplicationFailure } from './failure.js';
import type * as Common from './index.js';

test('common works in a realm that has nothing but the language and the two text coders', async () => {
  // A neutral platform: an import of a Node module, however deep, fails here.
  const bundle = await build({
    entryPoints: [fileURLToPath(new URL('./index.js', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'neutral',
    format: 'iife',
    globalName: 'common',
    metafile: true,
  });
  const protocolFiles = Object.keys(bundle.metafile.inputs).filter((file) => file.includes('protocol'));
  assert.deepEqual(protocolFiles, [], 'the wire codecs must not be loaded at run time');
  const realm = vm.createContext({ TextEncoder, TextDecoder });
  vm.runInContext(bundle.outputFiles[0]!.text, realm);
  const common = vm.runInContext('common', realm) as typeof Common;
  const failure = vm.runInContext(
    `const inner = common.ApplicationFailure.nonRetryable('declined', 'CardDeclined', { code: 51 });
     common.errorToFailure(new common.ActivityFailure('failed', 'charge', '1', 'TIMEOUT', undefined, inner))`,
    realm,
  ) as Failure;
  const arrived = failureToError(Failure.decode(Failure.encode(failure)));
  assert.ok(arrived.cause instanceof ApplicationFailure);
  assert.deepEqual(arrived.cause.details, [{ code: 51 }]);
  // Errors of the realm are known outside, by their brand, and bytes and errors from outside are known in the realm.
  assert.ok(vm.runInContext(`new common.ApplicationFailure('x')`, realm) instanceof ApplicationFailure);
  assert.ok(new ApplicationFailure('x') instanceof common.ApplicationFailure);
  assert.equal(vm.runInContext(`new common.ApplicationFailure('x').constructor.name`, realm), 'ApplicationFailure');
  assert.equal(common.encodingOf(common.defaultPayloadConverter.toPayload(Buffer.from('x'))), 'binary/plain');
  assert.equal(common.errorToFailure(new TypeError('outside')).applicationFailureInfo?.type, 'TypeError');
});
