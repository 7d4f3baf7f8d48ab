import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { exportedNames } from './exported-names.js';
import { migrateManifest } from './manifest.js';
import { migrate } from './migrate.js';
import { migrateSource } from './sources.js';

/** A project of these files, in a folder of its own. */
function project(t: TestContext, files: Record<string, string>): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-migrate-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

const offers = (...names: string[]) => () => new Set(names);
const every: ReadonlySet<string> = { has: () => true } as unknown as ReadonlySet<string>;

test('a module name is replaced wherever it is quoted, and nothing else changes', () => {
  const source = `import { sleep } from '@temporalio/workflow';
import type * as a from "@temporalio/activity"
export { Worker } from '@temporalio/worker';
const { Client } = require('@temporalio/client');
const common = await import(\`@temporalio/common\`);
vi.mock('@temporalio/activity', () => ({}));
const page = <p>Don't read https://docs.example/@temporalio/workflow</p>;
const other = '@temporalio-contrib/workflow';
`;
  const { text, replaced, findings } = migrateSource(source, () => every);
  assert.equal(
    text,
    `import { sleep } from 'perdure/workflow';
import type * as a from "perdure/activity"
export { Worker } from 'perdure/worker';
const { Client } = require('perdure/client');
const common = await import(\`perdure/common\`);
vi.mock('perdure/activity', () => ({}));
const page = <p>Don't read https://docs.example/@temporalio/workflow</p>;
const other = '@temporalio-contrib/workflow';
`,
  );
  assert.equal(replaced, 6);
  assert.deepEqual(findings, []);
  assert.deepEqual(migrateSource(text, () => every), { text, replaced: 0, findings: [] });
});

test('a name that the new module does not export is found in every kind of import, with its line', () => {
  const source = `import { sleep as pause, type Lost1,
  Lost2 /* a, b */, } from '@temporalio/workflow';
import * as wf from '@temporalio/workflow';
const { sleep, Lost3: renamed } = require('@temporalio/workflow');
const dynamic = await import('@temporalio/workflow');
export { Lost4 } from '@temporalio/workflow';
import type { sleep as asType } from '@temporalio/workflow';
wf.sleep(1); wf.Lost5(); wf.Lost5(); notwf.Lost9();
dynamic.Lost6;
`;
  const { findings } = migrateSource(source, offers('sleep'));
  assert.deepEqual(
    findings.map(({ line, what }) => [line, what.split(' ')[0]]),
    [[1, 'Lost1'], [2, 'Lost2'], [4, 'Lost3'], [6, 'Lost4'], [8, 'Lost5'], [9, 'Lost6']],
  );
  assert.match(findings[0]?.remedy ?? '', /"perdure\/workflow" does not export it/);
});

test('a module without counterpart stays, and the finding says what to do', () => {
  const source = "import proto from '@temporalio/proto';\nimport { x } from '@temporalio/common/lib/time';\nimport '@temporalio/core-bridge';\n";
  const { text, findings } = migrateSource(source, offers('y'));
  assert.equal(text, source);
  assert.deepEqual(findings.map(({ line, remedy }) => [line, remedy]), [
    [1, 'Perdure has no counterpart: keep the package, or remove the import.'],
    [2, 'Take the names from "perdure/common", if it exports them: the files inside of it have other names.'],
    [3, 'Perdure has no native part: remove the import.'],
  ]);
});

test('a file inside of a package moves to the package if that exports all of the names', () => {
  const source = `import { decode, encode } from '@temporalio/common/lib/encoding';
import { decode as d, hidden } from '@temporalio/common/lib/encoding-more';
import '@temporalio/common/lib/effects';
import * as time from '@temporalio/common/lib/time';
time.encode();
`;
  const { text, replaced, findings } = migrateSource(source, offers('decode', 'encode'));
  assert.equal(
    text,
    source.replace("'@temporalio/common/lib/encoding'", "'perdure/common'").replace("'@temporalio/common/lib/time'", "'perdure/common'"),
  );
  assert.equal(replaced, 2);
  assert.deepEqual(findings.map(({ line }) => line), [2, 3]);
  assert.deepEqual(migrateSource(text, offers('decode', 'encode')), { text, replaced: 0, findings });
});

test('package.json: Perdure takes the place of the packages that it replaces', () => {
  const text = '{\n    "name": "shop",\n    "dependencies": {\n        "@temporalio/client": "1",\n        "zod": "4",\n        "@temporalio/worker": "1"\n    },\n    "devDependencies": { "@temporalio/testing": "1", "@temporalio/create": "1" }\n}\n';
  const migrated = migrateManifest(text, '1.2.3');
  assert.deepEqual(JSON.parse(migrated.text), {
    name: 'shop',
    dependencies: { perdure: '^1.2.3', zod: '4' },
    devDependencies: { perdure: '^1.2.3', '@temporalio/create': '1' },
  });
  assert.match(migrated.text, /^\{\n {4}"name"/);
  assert.deepEqual(migrated.kept, ['@temporalio/create']);
  assert.equal(migrateManifest(migrated.text, '1.2.3').text, migrated.text);
  assert.throws(() => migrateManifest('[]', '1'), SyntaxError);
});

test('a project: what is written, what is left alone, and that twice is once', (t) => {
  const folder = project(t, {
    'src/worker.ts': "import { Worker } from '@temporalio/worker';\nimport { startDebugger } from '@temporalio/worker';\n",
    'src/plain.ts': 'export const one = 1;\n',
    'node_modules/x/index.js': "require('@temporalio/client');\n",
    'README.md': "'@temporalio/client'\n",
    'package.json': '{ "dependencies": { "@temporalio/worker": "1" } }\n',
    'broken/package.json': '{ "dependencies": ',
  });
  const before = fs.readFileSync(path.join(folder, 'src/worker.ts'), 'utf8');
  const planned = migrate(folder, { version: '1.0.0', write: false });
  assert.equal(fs.readFileSync(path.join(folder, 'src/worker.ts'), 'utf8'), before);

  const done = migrate(folder, { version: '1.0.0', write: true });
  assert.deepEqual(done, planned);
  assert.deepEqual(done.changes, [
    { file: 'package.json', change: '@temporalio/worker → perdure' },
    { file: path.join('src', 'worker.ts'), change: '2 module names' },
  ]);
  assert.deepEqual(done.findings.map(({ file, what }) => [file, what.split(' ')[0]]), [
    [path.join('broken', 'package.json'), 'Unexpected'],
    [path.join('src', 'worker.ts'), 'startDebugger'],
  ]);
  assert.equal(fs.readFileSync(path.join(folder, 'src/worker.ts'), 'utf8'), "import { Worker } from 'perdure/worker';\nimport { startDebugger } from 'perdure/worker';\n");
  assert.equal(fs.readFileSync(path.join(folder, 'node_modules/x/index.js'), 'utf8'), "require('@temporalio/client');\n");
  assert.equal(fs.readFileSync(path.join(folder, 'README.md'), 'utf8'), "'@temporalio/client'\n");
  assert.deepEqual(fs.readdirSync(path.join(folder, 'src')), ['plain.ts', 'worker.ts']);

  assert.deepEqual(migrate(folder, { version: '1.0.0', write: true }).changes, []);
});

test('what a module exports is read from its declarations: values and types, through all of its files', async () => {
  for (const module of ['activity', 'client', 'common', 'worker', 'workflow']) {
    const names = exportedNames(fileURLToPath(new URL(`../sdk/${module}/index.d.ts`, import.meta.url)));
    const values = Object.keys((await import(`../sdk/${module}/index.js`)) as object);
    assert.deepEqual(values.filter((name) => !names.has(name)), [], module);
  }
  const worker = exportedNames(fileURLToPath(new URL('../sdk/worker/index.d.ts', import.meta.url)));
  for (const type of ['WorkerOptions', 'NativeConnectionOptions', 'WorkflowBundle']) assert.ok(worker.has(type), type);
  assert.ok(!worker.has('compileWorkerOptions'));
});

test('a project with Jest is told, once, how Jest loads ES modules', (t) => {
  const withJest = (test: string) => JSON.stringify({ scripts: { test }, dependencies: { '@temporalio/worker': '1' }, devDependencies: { jest: '30' } });
  const folder = project(t, { 'package.json': withJest('jest'), 'ready/package.json': withJest('node --experimental-vm-modules node_modules/jest/bin/jest.js') });
  const told = migrate(folder, { version: '1.2.3', write: true }).findings;
  assert.deepEqual(told.map(({ file, what }) => [file, what]), [['package.json', 'Jest']]);
  assert.match(told[0]?.remedy ?? '', /--experimental-vm-modules/);
  assert.deepEqual(migrate(folder, { version: '1.2.3', write: true }).findings, []);
});
