/** Programs that were written for Temporal's TypeScript SDK work with ours after `perdure migrate`, and nothing is left to do by hand. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { root } from '../../bench/processes.js';
import { startOwnServer, type OwnServer } from '../scenarios/site.js';
import { compile, copyPrograms, PROGRAMS, runProgram, runTests } from './programs.js';

/** Inside of the repository, where the programs find `perdure` as they would after `npm install`. */
const folder = path.join(root, 'build/migrated');
const bin = path.join(root, 'packages/perdure/bin/perdure.js');

test('a compiler that does not know "exports" finds the types of every module', () => {
  // TypeScript with "module": "commonjs" and its default resolution, as many older projects have it, reads `typesVersions` instead.
  const { exports, typesVersions } = JSON.parse(fs.readFileSync(path.join(root, 'packages/perdure/package.json'), 'utf8')) as {
    exports: Record<string, { types: string }>;
    typesVersions: { '*': Record<string, readonly string[]> };
  };
  for (const [module, { types }] of Object.entries(exports)) {
    const name = module.replace('./', '');
    const candidates = typesVersions['*'][name] ?? typesVersions['*']['*']?.map((pattern) => pattern.replace('*', name)) ?? [];
    assert.equal(candidates.find((file) => fs.existsSync(path.join(root, 'packages/perdure', file))), types, module);
  }
});

describe('after perdure migrate', { timeout: 120_000 }, () => {
  let server: OwnServer;
  before(async () => {
    copyPrograms(folder);
    server = await startOwnServer();
  });
  after(() => server.stop());

  for (const name of PROGRAMS) {
    test(`${name} compiles and runs`, async (t) => {
      const project = path.join(folder, name);
      const migrated = spawnSync(process.execPath, [bin, 'migrate', '--dir', project], { encoding: 'utf8' });
      assert.equal(migrated.status, 0, migrated.stderr);
      assert.match(migrated.stdout, / changed, 0 to do by hand\./, migrated.stdout);
      const again = spawnSync(process.execPath, [bin, 'migrate', '--check', '--dir', project], { encoding: 'utf8' });
      assert.equal(again.status, 0, again.stdout);
      assert.deepEqual(Object.keys((JSON.parse(fs.readFileSync(path.join(project, 'package.json'), 'utf8')) as { dependencies: object }).dependencies), ['perdure']);
      compile(project);
      await runProgram(t, { worker: project, client: project }, server.address);
    });
  }

  test("the program's tests bring their own server", () => runTests(path.join(folder, 'reports')));
});
