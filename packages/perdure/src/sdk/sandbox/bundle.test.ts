/** Bundling: what works without configuration, and what is refused with a message that helps. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { DefaultLogger } from '../common/logger.js';
import { bundleWorkflowCode, WorkflowBundleError, type BundleOptions } from './bundle.js';
import { Realm } from './realm.js';

/** A folder with these files; its `workflows.ts` is the entry. */
async function project(files: Readonly<Record<string, string>>): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-bundle-'));
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  return { path: join(folder, 'workflows.ts'), [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

async function refusal(files: Readonly<Record<string, string>>, options: Partial<BundleOptions> = {}): Promise<WorkflowBundleError> {
  await using workflows = await project(files);
  const error: unknown = await bundleWorkflowCode({ workflowsPath: workflows.path, ...options }).then(() => undefined, (reason: unknown) => reason);
  assert.ok(error instanceof WorkflowBundleError, `not refused: ${String(error)}`);
  return error;
}

/** A realm that has loaded these files. */
async function realmOf(files: Readonly<Record<string, string>>): Promise<Realm> {
  await using workflows = await project(files);
  return new Realm(await bundleWorkflowCode({ workflowsPath: workflows.path }), new DefaultLogger('ERROR'));
}

async function namesIn(files: Readonly<Record<string, string>>, options: Partial<BundleOptions> = {}): Promise<readonly string[]> {
  await using workflows = await project(files);
  const bundle = await bundleWorkflowCode({ workflowsPath: workflows.path, ...options });
  return new Realm(bundle, new DefaultLogger('ERROR')).workflowNames();
}

test('TypeScript, ES modules, CommonJS and packages work as they are', async () => {
  const names = await namesIn({
    'workflows.ts': `import { helper } from './helper.mjs'; import old from './old.cjs'; import { pkg } from 'some-package';
      import { ApplicationFailure } from 'perdure/common'; import { sleep } from 'perdure/workflow';
      export async function first(x: number): Promise<string> { await sleep(x); return helper() + old.value + pkg; }
      export const second = async (): Promise<void> => { throw new ApplicationFailure('x') };
      export const notAWorkflow = 7;`,
    'helper.mjs': 'export const helper = () => "h";',
    'old.cjs': 'module.exports = { value: 1 };',
    'node_modules/some-package/package.json': '{ "name": "some-package", "exports": { "browser": "./browser.js", "default": "./node.js" } }',
    'node_modules/some-package/browser.js': 'export const pkg = "browser";',
    'node_modules/some-package/node.js': 'import fs from "node:fs"; export const pkg = fs.readFileSync("x");',
  });
  assert.deepEqual([...names].sort(), ['first', 'second']);
});

test('a forbidden import is refused with file, line, chain and remedy', async () => {
  const error = await refusal({
    'workflows.ts': `import { a } from './a';\nexport async function w() { return a(); }`,
    'a.ts': `import { b } from './lib/b';\nexport const a = () => b();`,
    'lib/b.ts': `// a comment\n\nimport { readFileSync } from 'node:fs';\nexport const b = () => readFileSync('x');`,
  });
  const [forbidden] = error.forbiddenImports;
  assert.equal(forbidden?.specifier, 'node:fs');
  assert.match(forbidden?.file ?? '', /lib\/b\.ts$/);
  assert.equal(forbidden?.line, 3);
  assert.deepEqual(forbidden?.chain.map((file) => file.split('/').at(-1)), ['workflows.ts', 'a.ts', 'b.ts']);
  assert.match(error.message, /'node:fs' at .*b\.ts:3:\d+\n.*workflows\.ts -> .*a\.ts -> .*b\.ts\n.*activity/);
});

for (const [specifier, remedy] of [
  ['crypto', /uuid4\(\)/],
  ['node:crypto', /uuid4\(\)/],
  ['timers/promises', /sleep\('5 minutes'\)/],
  ['fs/promises', /activity/],
  ['perdure/client', /getExternalWorkflowHandle/],
  ['perdure/activity', /import type/],
  ['@temporalio/workflow', /perdure\/workflow/],
] as const) {
  test(`'${specifier}' is refused, and the message says what to do instead`, async () => {
    const error = await refusal({ 'workflows.ts': `import * as it from '${specifier}';\nexport async function w() { return it; }` });
    assert.equal(error.forbiddenImports.length, 1);
    assert.match(error.forbiddenImports[0]?.remedy ?? '', remedy);
  });
}

test('imports of types, and modules that nothing uses, are no problem', async () => {
  const names = await namesIn({
    'workflows.ts': `import type { Stats } from 'node:fs'; import { Client } from 'perdure/client'; import { used } from './both';
      export async function w(stats?: Stats, client?: Client): Promise<unknown> { return [stats, client, used]; }`,
    'both.ts': `import { readFileSync } from 'node:fs'; export const used = 1; export const unused = () => readFileSync('x');`,
  });
  assert.deepEqual(names, ['w']);
});

test('ignoreModules lets an import pass', async () => {
  const files = { 'workflows.ts': `import { readFileSync } from 'node:fs'; export async function w() { return readFileSync('x'); }` };
  assert.deepEqual(await namesIn(files, { ignoreModules: ['node:fs'] }), ['w']);
});

test('a package with the name of a Node module is a package', async () => {
  const names = await namesIn({
    'workflows.ts': `import { on } from 'events'; export async function w() { return on; }`,
    'node_modules/events/package.json': '{ "name": "events", "main": "index.js" }',
    'node_modules/events/index.js': 'exports.on = 1;',
  });
  assert.deepEqual(names, ['w']);
});

test('a syntax error and a missing module name file and line', async () => {
  assert.match((await refusal({ 'workflows.ts': 'export async function w() {\n  let = ;\n}' })).message, /workflows\.ts:2:\d+/);
  assert.match((await refusal({ 'workflows.ts': `import x from 'not-there';\nexport const w = x;` })).message, /workflows\.ts:1:\d+: .*not-there/);
});

test('a path that names no file is refused before anything is built', async () => {
  await assert.rejects(bundleWorkflowCode({ workflowsPath: '/not/there' }), WorkflowBundleError);
  await assert.rejects(bundleWorkflowCode({ workflowsPath: '' }), /workflowsPath is empty/);
});

test('a bundle of another version is refused', async () => {
  await using workflows = await project({ 'workflows.ts': 'export async function w() {}' });
  const bundle = await bundleWorkflowCode({ workflowsPath: workflows.path });
  assert.throws(() => new Realm({ ...bundle, runtimeVersion: 0 }, new DefaultLogger('ERROR')), WorkflowBundleError);
});

test('JSON, TSX, path aliases of tsconfig.json, enums and decorators work as they are', async () => {
  const realm = await realmOf({
    'tsconfig.json': '{ "compilerOptions": { "paths": { "@lib/*": ["./lib/*"] }, "jsx": "react", "jsxFactory": "h" } }',
    'data.json': '{ "answer": 42 }',
    'lib/alias.ts': 'export enum Colour { Red, Green }; export const alias = Colour[1];',
    'view.tsx': 'const h = (name: string) => name; export const view = <b />;',
    'workflows.ts': `import data from './data.json'; import { alias } from '@lib/alias'; import { view } from './view';
      function logged(method: () => Promise<void>, _context: unknown) { return method; }
      class Holder { @logged async run(): Promise<void> {} }
      export async function w() { if (data.answer !== 42 || alias !== 'Green' || view !== 'b' || new Holder().run === undefined) throw new Error('wrong'); }
      if (data.answer !== 42 || alias !== 'Green' || view !== 'b' || new Holder().run === undefined) throw new Error('not as it should be');`,
  });
  assert.deepEqual(realm.workflowNames(), ['w']);
});

test('a module may ask for the time and for chance while it is evaluated, as popular packages do', async () => {
  const realm = await realmOf({
    'workflows.ts': `export const made = [Date.now(), new Date(), Math.random(), crypto.randomUUID()]; export async function w() { return made; }`,
  });
  assert.deepEqual(realm.workflowNames(), ['w']);
});

test('there is chance of the machine beside that of the run, for what is no decision', async () => {
  const realm = await realmOf({
    'workflows.ts': `import { workflowInfo } from 'perdure/workflow'; const { random } = workflowInfo().unsafe; export async function w() {}
      const bytes = random.fillRandom(new Uint8Array(64));
      if (bytes.every((byte) => byte === bytes[0]) || random.random() === random.random()) throw new Error('not by chance');
      if (!/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(random.uuid4())) throw new Error('no UUID');`,
  });
  assert.deepEqual(realm.workflowNames(), ['w']);
});

test('a package with two formats is taken in one, and its browser variant wins', async () => {
  const realm = await realmOf({
    'workflows.ts': `import { kind } from 'dual'; import { kind as sub } from 'dual/sub';
      if (kind !== 'esm' || sub !== 'browser') throw new Error(kind + sub); export async function w() {}`,
    'node_modules/dual/package.json':
      '{ "name": "dual", "exports": { ".": { "import": "./esm.mjs", "require": "./cjs.cjs" }, "./sub": { "node": "./node.js", "browser": "./browser.js" } } }',
    'node_modules/dual/esm.mjs': 'export const kind = "esm";',
    'node_modules/dual/cjs.cjs': 'exports.kind = "cjs";',
    'node_modules/dual/node.js': 'import "node:fs"; export const kind = "node";',
    'node_modules/dual/browser.js': 'export const kind = "browser";',
  });
  assert.deepEqual(realm.workflowNames(), ['w']);
});

test('the pure parts of node:assert, node:url and node:util are there, for imports and for require', async () => {
  const realm = await realmOf({
    'workflows.ts': `import assert, { AssertionError } from 'node:assert'; import { strict } from 'assert'; import { equal } from 'node:assert/strict';
      import { URL } from 'url'; import { TextEncoder } from 'node:util'; import { check } from './old.cjs';
      assert(true); strict.equal(1, 1); assert.deepEqual({ a: [1, new Map([[1, 2]])] }, { a: [1, new Map([[1, 2]])] });
      assert.throws(() => equal('1', 1), AssertionError); assert.equal('1', 1); assert.notDeepEqual({ a: 1 }, { a: 2 }); check();
      equal(typeof URL + typeof TextEncoder, 'functionfunction'); export async function w() {}`,
    'old.cjs': "const assert = require('assert'); exports.check = () => { assert(1); assert.throws(() => assert(0, 'no'), /no/); };",
  });
  assert.deepEqual(realm.workflowNames(), ['w']);
});

test('what such a module does not have is refused at load', async () => {
  const named = await refusal({ 'workflows.ts': `import { inspect } from 'node:util';\nexport async function w() { return inspect(1); }` });
  assert.match(named.message, /workflows\.ts:1:\d+: .*"inspect"[^]*pure part only/);
  const whole = await refusal({ 'workflows.ts': `import * as util from 'node:util';\nexport async function w() { return util.inspect(1); }` });
  assert.match(whole.message, /workflows\.ts:2:\d+: .*"inspect"[^]*pure part only/);
});

test('top-level await is refused with what to do instead', async () => {
  assert.match((await refusal({ 'workflows.ts': 'export const x = await 1;\nexport async function w() {}' })).message, /workflows\.ts:1:\d+: Top-level await[^]*inside the workflow function/);
});

test('a schema library is evaluated once for all runs; any other package once for each, unless it is named', async () => {
  const files = {
    'workflows.ts': `import { z } from 'zod'; import { made } from 'counts'; export const schema = z.object({ a: z.string() });
      export async function w() { return [schema.safeParse({ a: made }).success, made]; }`,
    'node_modules/counts/package.json': '{ "name": "counts", "type": "module", "exports": "./index.js" }',
    'node_modules/counts/index.js': 'export const made = Symbol("made");',
    'node_modules/zod/package.json': '{ "name": "zod", "type": "module", "exports": "./index.js" }',
    'node_modules/zod/own.js': 'export class Headers {}',
    'node_modules/zod/index.js': 'import { made } from "counts"; import { Headers as own } from "./own.js"; export const known = [Blob, FormData, Request, Response, own]; export const z = { object: () => ({ safeParse: () => ({ success: made }) }), string: () => 1 };',
  };
  await using workflows = await project(files);
  const alone = await bundleWorkflowCode({ workflowsPath: workflows.path });
  assert.match(alone.packages ?? '', /safeParse/);
  assert.doesNotMatch(alone.code.split('\n//# perdureBundle=')[0] ?? '', /safeParse: /);
  assert.match(alone.code, /Symbol\("made"\)/);
  const named = await bundleWorkflowCode({ workflowsPath: workflows.path, sharedPackages: ['counts'] });
  assert.doesNotMatch(named.code, /Symbol\("made"\)/);
  assert.deepEqual(new Realm(named, new DefaultLogger('ERROR')).workflowNames(), ['w']);
});

test('a package that all runs share is checked like any other', async () => {
  const error = await refusal({
    'workflows.ts': `import { z } from 'zod'; export async function w() { return z; }`,
    'node_modules/zod/package.json': '{ "name": "zod", "type": "module", "exports": "./index.js" }',
    'node_modules/zod/index.js': `import fs from 'node:fs'; export const z = fs.readFileSync('x');`,
  });
  assert.equal(error.forbiddenImports[0]?.specifier, 'node:fs');
  assert.match(error.forbiddenImports[0]?.file ?? '', /zod\/index\.js$/);
});
