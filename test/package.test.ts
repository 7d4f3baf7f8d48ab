/**
 * The package as npm packs it, in an empty project: it is small, it starts without scripts, and programs of every module kind find their
 * modules and types. What is only in the repository (sources, tests, development dependencies) is not there to help.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { root } from '../bench/processes.js';

/** With all that it needs. */
const MOST_BYTES = 30 * 2 ** 20;

const WORKFLOWS = `import { proxyActivities } from 'perdure/workflow';
import type { Activities } from './main';
const { greet } = proxyActivities<Activities>({ startToCloseTimeout: '10 seconds' });
export async function welcome(name: string): Promise<string> {
  return greet(name);
}
`;

const BODY = `
async function main() {
  const engine = await openEngine({ ephemeral: true });
  const connection = Connection.from(engine.transport);
  const worker = await Worker.create({ connection, taskQueue: 'q', workflowsPath: './workflows.ts', activities: { greet: async (name) => 'hello ' + name } });
  const { workflow } = new Client({ connection });
  console.log(await worker.runUntil(workflow.execute('welcome', { taskQueue: 'q', workflowId: 'w', args: ['Ada'] })));
  await engine.close();
}
main();
`;

/** One that names something of every part, so that each declaration file is loaded. */
const TYPED = `import { Client, Connection, type WorkflowHandle } from 'perdure/client';
import { ApplicationFailure, type Duration } from 'perdure/common';
import { Context } from 'perdure/activity';
import { EncryptionCodec } from 'perdure/codec';
import { loadClientConnectConfig } from 'perdure/envconfig';
import { openEngine } from 'perdure/server';
import { SimplePlugin } from 'perdure/plugin';
import { ExternalStorage } from 'perdure/storage';
import { TestEnvironment } from 'perdure/testing';
import { Worker } from 'perdure/worker';
import { welcome } from './workflows';
export const wait: Duration = '1 minute';
export interface Activities { greet(name: string): Promise<string> }
export async function main(): Promise<string> {
  const connection = await Connection.connect();
  const worker: Worker = await Worker.create({ connection, taskQueue: 'q', workflowsPath: './workflows' });
  const handle: WorkflowHandle<typeof welcome> = await new Client({ connection }).workflow.start(welcome, { taskQueue: 'q', workflowId: 'w', args: ['Ada'] });
  // @ts-expect-error the workflow takes a string: the types are there
  await new Client({ connection }).workflow.start(welcome, { taskQueue: 'q', workflowId: 'w', args: [1] });
  worker.shutdown();
  return handle.result();
}
export const others = [ApplicationFailure, Context, EncryptionCodec, ExternalStorage, SimplePlugin, TestEnvironment, loadClientConnectConfig, openEngine];
`;

const modules = ['client', 'server', 'worker'];
const names: Readonly<Record<string, string>> = { client: 'Client, Connection', server: 'openEngine', worker: 'Worker' };

describe('the packed package', { timeout: 120_000 }, () => {
  const app = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-packed-'));
  const installed = path.join(app, 'node_modules/perdure');
  const run = (command: string, args: readonly string[], cwd = app): string => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
    assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
    return stdout;
  };
  const write = (file: string, text: string): void => fs.writeFileSync(path.join(app, file), text);
  let dependencies: readonly string[] = [];

  before(() => {
    const tarball = run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', app], path.join(root, 'packages/perdure')).trim();
    fs.mkdirSync(installed, { recursive: true });
    run('tar', ['-xzf', tarball, '-C', 'node_modules/perdure', '--strip-components', '1']);
    const manifest = JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8')) as { dependencies: Record<string, string>; scripts: Record<string, string> };
    assert.deepEqual(Object.keys(manifest.scripts).filter((name) => /install|prepare/.test(name)), [], 'nothing runs at installation');
    dependencies = Object.keys(manifest.dependencies);
    // Node 20 has no SQLite of its own; who opens an engine there installs this package.
    for (const name of [...dependencies, '@photostructure/sqlite', '@types']) {
      const link = path.join(app, 'node_modules', name);
      fs.mkdirSync(path.dirname(link), { recursive: true });
      fs.symlinkSync(path.join(root, 'node_modules', name), link, 'junction');
    }
    write('workflows.ts', WORKFLOWS);
  });
  after(() => fs.rmSync(app, { recursive: true, force: true }));

  test('weighs less than 30 MB with its dependencies', (t) => {
    // esbuild's program for this platform is a package of its own.
    const compiler = path.join(root, 'node_modules/@esbuild', `${process.platform}-${process.arch}`);
    const parts = new Map([['perdure', installed], ['compiler', compiler], ...dependencies.map((name) => [name, path.join(root, 'node_modules', name)] as const)]);
    const counted = new Set<number>();
    const sizes = [...parts].map(([name, folder]) => [name, sizeOf(folder, counted)] as const);
    const total = sizes.reduce((sum, [, size]) => sum + size, 0);
    t.diagnostic(`${(total / 2 ** 20).toFixed(1)} MiB: ${sizes.map(([name, size]) => `${name} ${(size / 2 ** 20).toFixed(1)}`).join(', ')}`);
    assert.ok(total < MOST_BYTES, `${total} bytes`);
  });

  test('carries neither tests nor sources', () => {
    const files = fs.readdirSync(installed, { recursive: true, encoding: 'utf8' });
    assert.deepEqual(files.filter((file) => /\.test\.|(^|\/)test-|\.map$|(?<!\.d)\.ts$/.test(file)), []);
  });

  test('an ES module runs a workflow', () => {
    write('main.mjs', modules.map((name) => `import { ${names[name]} } from 'perdure/${name}';\n`).join('') + BODY);
    assert.equal(run(process.execPath, ['main.mjs']), 'hello Ada\n');
  });

  test('a CommonJS program runs a workflow', () => {
    write('main.cjs', modules.map((name) => `const { ${names[name]} } = require('perdure/${name}');\n`).join('') + BODY);
    assert.equal(run(process.execPath, ['main.cjs']), 'hello Ada\n');
  });

  test('the command line runs', () => {
    assert.match(run(process.execPath, ['node_modules/perdure/bin/perdure.js', '--version']), /\d+\.\d+\.\d+/);
  });

  for (const [kind, settings] of [
    ['nodenext, ES modules', { type: 'module', module: 'nodenext' }],
    ['nodenext, CommonJS', { type: 'commonjs', module: 'nodenext' }],
    ['a bundler', { type: 'module', module: 'preserve', moduleResolution: 'bundler' }],
    ['node16, ES modules', { type: 'module', module: 'node16' }],
    ['CommonJS output, resolved as a bundler does', { type: 'commonjs', module: 'commonjs', moduleResolution: 'bundler' }],
  ] as const) {
    test(`types are found: ${kind}`, () => {
      const { type, ...compilerOptions } = settings;
      const extension = type === 'module' && compilerOptions.module !== 'preserve' ? '.js' : '';
      write('package.json', JSON.stringify({ private: true, type }));
      write('workflows.ts', WORKFLOWS.replace("'./main'", `'./main${extension}'`));
      write('main.ts', TYPED.replace("from './workflows'", `from './workflows${extension}'`));
      write('tsconfig.json', JSON.stringify({ compilerOptions: { ...compilerOptions, target: 'es2022', lib: ['es2023', 'esnext.disposable'], strict: true, noEmit: true, skipLibCheck: false, types: ['node'] }, files: ['main.ts'] }));
      run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
    });
  }
});

/** Bytes of the files below a folder. @param counted files that are on the disk once, whatever their names: esbuild links its program */
function sizeOf(folder: string, counted: Set<number>): number {
  let bytes = 0;
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const { ino, size } = fs.statSync(path.join(entry.parentPath, entry.name));
    if (!counted.has(ino)) bytes += size;
    counted.add(ino);
  }
  return bytes;
}
