/** Workers run the realm side that the modules of this build give, whether it was compiled beforehand or not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPILED_RUNTIME, compileRuntime, runtimeCode } from './runtime-code.js';

test('what workers load is what compiling the modules gives', async () => {
  const [loaded, compiled] = await Promise.all([runtimeCode(), compileRuntime()]);
  assert.ok(loaded === compiled, `${COMPILED_RUNTIME.pathname} is not of this build: run \`npm run build\``);
  assert.match(loaded, /createRuntime/);
});
