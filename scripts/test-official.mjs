// Installs the official SDK in test/official (on demand: it weighs 200 MB) and runs the scenarios with it.
import { spawnSync } from 'node:child_process';
import { installOfficialSdk, root } from './official.mjs';

installOfficialSdk();
const { status } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', 'build/test/official-sdk.js', 'build/test/official-replay.js', 'build/test/official-test-service.js', 'build/test/parity/official.js', 'build/test/official-examples.js', 'build/test/migrate/official.js'], { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
