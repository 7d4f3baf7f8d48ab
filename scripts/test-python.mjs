// Runs test/python against our server (or PERDURE_ADDRESS=host:port) in a virtual environment of its own, with and without cached runs.
// Skips, saying why, where Python or the network is absent; PERDURE_REQUIRE_PYTHON=1 makes that a failure.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { connectGrpc } from '../packages/perdure/dist/transport/grpc-client.js';
import { prepareNamespaces } from '../build/test/scenarios/namespaces.js';
import { startOwnServer } from '../build/test/scenarios/site.js';
import { root } from './official.mjs';
import { payloadsAgree } from './python-payloads.mjs';

const folder = path.join(root, 'test/python');
const environment = path.join(folder, 'build/environment');
const python = path.join(environment, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const requirements = fs.readFileSync(path.join(folder, 'requirements.txt'), 'utf8');
const installed = path.join(environment, 'installed.txt');

function skip(reason) {
  console.log(`skipped: ${reason}`);
  process.exit(process.env.PERDURE_REQUIRE_PYTHON === '1' ? 1 : 0);
}

/** Makes the environment once; again when requirements.txt changes. */
function prepare() {
  if (fs.existsSync(installed) && fs.readFileSync(installed, 'utf8') === requirements) return;
  const version = spawnSync('python3', ['-c', 'import sys; print(sys.version_info >= (3, 10))'], { encoding: 'utf8' });
  if (version.status !== 0) skip('there is no python3');
  if (version.stdout.trim() !== 'True') skip('python3 is older than 3.10');
  fs.rmSync(environment, { recursive: true, force: true });
  if (spawnSync('python3', ['-m', 'venv', environment], { stdio: 'inherit' }).status !== 0) skip('python3 cannot make a virtual environment (is python3-venv installed?)');
  const pip = spawnSync(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', path.join(folder, 'requirements.txt')], { stdio: 'inherit', timeout: 180_000 });
  if (pip.status !== 0) skip('pip could not install the Python SDK (is there a network?)');
  fs.writeFileSync(installed, requirements);
}

function run(address, ...flags) {
  return new Promise((resolve) => {
    const child = spawn(python, ['scenarios.py', address, ...flags], { cwd: folder, stdio: 'inherit', env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
    child.on('exit', (code) => resolve(code === 0));
  });
}

prepare();
const given = process.env.PERDURE_ADDRESS;
const server = given === undefined ? await startOwnServer() : undefined;
const address = given ?? server.address;
const transport = await connectGrpc({ address });
await prepareNamespaces(transport);
await transport.close();
const passed = (await payloadsAgree(python, folder)) && (await run(address)) && (await run(address, '--no-cache'));
await server?.stop();
process.exit(passed ? 0 : 1);
