// The official SDK, for the scenarios: installed in test/official on demand.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

export function installOfficialSdk() {
  const folder = path.join(root, 'test/official');
  if (fs.existsSync(path.join(folder, 'node_modules/@temporalio/plugin'))) return;
  const { status } = spawnSync('npm', ['ci', '--no-fund', '--no-audit'], { cwd: folder, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
