// `npm run test:node -- 24`: all tests on another version of Node, which npm brings. More arguments name test files: only those.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { root } from './official.mjs';

const [version = '24', ...files] = process.argv.slice(2);
const { status, stdout } = spawnSync('npx', ['--yes', '--package', `node@${version}`, 'node', '-p', 'process.execPath'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
if (status !== 0) process.exit(status ?? 1);
const node = stdout.trim();
// Programs that tests start by the name `node` get it too.
const env = { ...process.env, PATH: path.dirname(node) + path.delimiter + process.env.PATH };
const args = files.length > 0 ? ['--test', '--test-reporter=spec', ...files] : ['scripts/test.mjs', 'all'];
process.exit(spawnSync(node, args, { cwd: root, stdio: 'inherit', env }).status ?? 1);
