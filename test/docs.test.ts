/**
 * The code in the docs compiles; that it runs and does what the pages say is shown in the folder `docs`. Each block ```ts file=NAME of a page
 * is written out, and the page's files are checked together. Blocks of ```ts alone are fragments: they are checked as if they stood in a
 * function where the names of `FRAGMENT_NAMES` are known. Only ```ts part is not looked at: it needs files that the page does not show.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const pages = ['README.md', ...fs.readdirSync(path.join(root, 'docs/guide')).map((page) => `docs/guide/${page}`)];

const FRAGMENT_NAMES = `
import { writeFile } from 'node:fs/promises';
import { Client, type Connection, type WorkflowHandle } from 'perdure/client';
import type { DataConverter, PayloadCodec } from 'perdure/common';
import { assertWorkflow } from 'perdure/testing';
import { Worker } from 'perdure/worker';
declare const client: Client, connection: Connection, handle: WorkflowHandle, codecs: PayloadCodec[], dataConverter: DataConverter, activities: object;
declare const workflowsPath: string, taskQueue: string, workflowId: string, tenant: string, query: string;
export const names = [writeFile, assertWorkflow, Client, Worker, client, connection, handle, codecs, dataConverter, activities, workflowsPath, taskQueue, workflowId, tenant, query];
`;

/** A fragment as a module: its imports come first. */
function fragmentModule(code: string): string {
  const imports = code.match(/^import .*;$/gm) ?? [];
  return `${imports.join('\n')}${FRAGMENT_NAMES}export async function fragment(): Promise<void> {\n${code.replace(/^import .*;$/gm, '')}}\n`;
}

test('code blocks of the docs compile', () => {
  const target = path.join(root, 'build/docs');
  fs.rmSync(target, { recursive: true, force: true });
  let blocks = 0;
  for (const page of pages) {
    const text = fs.readFileSync(path.join(root, page), 'utf8');
    for (const [, file, code] of text.matchAll(/```ts file=(\S+)\n([\s\S]*?)```/g)) {
      const folder = path.join(target, path.basename(page, '.md'));
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(path.join(folder, file as string), code as string);
      blocks++;
    }
    for (const [index, [, code]] of [...text.matchAll(/```ts\n([\s\S]*?)```/g)].entries()) {
      const folder = path.join(target, 'fragments');
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(path.join(folder, `${path.basename(page, '.md')}-${index}.ts`), fragmentModule(code as string));
    }
  }
  assert.ok(blocks >= 5, 'the pages have code');
  fs.writeFileSync(
    path.join(target, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions: { noEmit: true, incremental: false, rootDir: '../..', tsBuildInfoFile: null }, include: ['**/*.ts'], exclude: [] }),
  );
  const { status, stdout } = spawnSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', target], { encoding: 'utf8' });
  assert.equal(status, 0, stdout);
});

test('the program in the README is the example, and it runs', () => {
  const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8');
  const code = fs.readFileSync(path.join(root, 'examples/embedded/main.ts'), 'utf8');
  assert.ok(readme.includes(code.trim()), 'README.md does not show examples/embedded/main.ts as it is');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-embedded-'));
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, 'build/examples/embedded/main.js')], {
    encoding: 'utf8',
    env: { ...process.env, DB: path.join(folder, 'app.db') },
  });
  assert.equal(status, 0, stderr);
  assert.equal(stdout.trim(), 'hello, Ada');
  fs.rmSync(folder, { recursive: true });
});

test('the list of RPCs is what the engine serves', () => {
  const { status, stderr } = spawnSync(process.execPath, [path.join(root, 'scripts/reference.mjs'), '--check'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});
