// Runs the tests. `fast`: those beside the source and the tidy test. `all`: also test/ and examples/, but for the crash test's long run. `crash`: that.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const which = process.argv[2] ?? 'all';

/** Compiled tests under a folder whose source still exists. */
function testsIn(compiled, source) {
  if (!fs.existsSync(path.join(root, compiled))) return [];
  return fs
    .readdirSync(path.join(root, compiled), { recursive: true })
    .filter((file) => file.endsWith('.test.js') && !file.includes('node_modules'))
    .filter((file) => fs.existsSync(path.join(root, source, file.replace(/\.js$/, '.ts'))))
    .map((file) => path.join(compiled, file));
}

const beside = testsIn('packages/perdure/dist', 'packages/perdure/src');
const integration = [...testsIn('build/test', 'test'), ...testsIn('build/examples', 'examples')];
const crash = integration.filter((file) => file.endsWith('crash.test.js'));
const tidy = integration.filter((file) => file.endsWith('tidy.test.js'));
const files = { fast: [...beside, ...tidy], all: [...beside, ...integration], crash }[which];
if (files === undefined || files.length === 0) {
  console.error(`no tests called '${which}': use fast, all or crash`);
  process.exit(1);
}
const env = { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --enable-source-maps` };
if (which === 'crash') env.PERDURE_CRASH_ROUNDS ??= '100';
const { status } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...files], { cwd: root, stdio: 'inherit', env });
process.exit(status ?? 1);
