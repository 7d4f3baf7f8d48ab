// Installs the official SDK in test/official (on demand: it weighs 200 MB) and runs the scenarios with it.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = path.join(root, 'test/official');
const run = (command, args, cwd) => {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};
if (!fs.existsSync(path.join(folder, 'node_modules/@temporalio/worker'))) run('npm', ['ci', '--no-fund', '--no-audit'], folder);
run(process.execPath, ['--test', '--test-reporter=spec', 'build/test/official-sdk.js', 'build/test/official-replay.js'], root);
