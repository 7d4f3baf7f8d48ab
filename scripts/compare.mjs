// Compares our server with another one: the scenarios run on both with the official SDK, then what they left is held against each other.
//   npm run compare -- --address 127.0.0.1:7233 [--keep folder]      SCENARIOS=area/ limits it
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { installOfficialSdk, root } from './official.mjs';

const { values } = parseArgs({ options: { address: { type: 'string' }, keep: { type: 'string' } } });
if (values.address === undefined) {
  console.error('Name the server to compare with: npm run compare -- --address host:port');
  process.exit(2);
}
installOfficialSdk();
const folder = values.keep ?? fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-compare-'));
fs.mkdirSync(folder, { recursive: true });

const play = (name, env) =>
  new Promise((resolve) => {
    const file = path.join(folder, `${name}.json`);
    const output = fs.openSync(path.join(folder, `${name}.log`), 'w');
    const child = spawn(process.execPath, ['--test', '--test-reporter=spec', 'build/test/official-sdk.js'], {
      cwd: root,
      stdio: ['ignore', output, output],
      env: { ...process.env, PERDURE_DUMP: file, ...env },
    });
    child.on('exit', () => resolve(file));
  });
const { PERDURE_ADDRESS: _, ...environment } = process.env;
process.env = environment;
const [ours, theirs] = await Promise.all([play('ours', {}), play('theirs', { PERDURE_ADDRESS: values.address })]);
const child = spawn(process.execPath, ['build/test/scenarios/compare.js', ours, theirs], { cwd: root, stdio: 'inherit' });
child.on('exit', (code) => {
  if (values.keep === undefined) fs.rmSync(folder, { recursive: true, force: true });
  process.exit(code ?? 1);
});
