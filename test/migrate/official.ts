/**
 * The programs as they were written, with the official SDK; then each half with the other SDK: our worker serves the official client, the
 * official worker serves ours. `npm run test:official`; PERDURE_ADDRESS=host:port names another server.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../../bench/processes.js';
import { withServer } from '../scenarios/official.js';
import { compile, copyPrograms, PROGRAMS, runProgram } from './programs.js';

// Where the programs find the official packages, and where they find ours.
const official = path.join(root, 'test/official/node_modules/.programs');
const ours = path.join(root, 'build/programs');
const timeout = 120_000;

test('programs written for the official SDK', async (t) => {
  copyPrograms(official);
  copyPrograms(ours);
  const { status, stdout } = spawnSync(process.execPath, [path.join(root, 'packages/perdure/bin/perdure.js'), 'migrate', '--dir', ours], { encoding: 'utf8' });
  assert.equal(status, 0, stdout);
  await withServer(async (address) => {
    for (const name of PROGRAMS) {
      const [theirs, mine] = [path.join(official, name), path.join(ours, name)];
      await t.test(`${name}: as it was written`, { timeout }, (part) => {
        compile(theirs);
        compile(mine);
        return runProgram(part, { worker: theirs, client: theirs }, address);
      });
      await t.test(`${name}: our worker, the official client`, { timeout }, (part) => runProgram(part, { worker: mine, client: theirs }, address));
      await t.test(`${name}: the official worker, our client`, { timeout }, (part) => runProgram(part, { worker: theirs, client: mine }, address));
    }
  });
});
