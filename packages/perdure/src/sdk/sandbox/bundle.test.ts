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
