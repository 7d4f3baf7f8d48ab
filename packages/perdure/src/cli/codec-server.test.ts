import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/perdure.js', import.meta.url));
const CODEC = pathToFileURL(fileURLToPath(new URL('../sdk/codec/index.js', import.meta.url))).href;

function codecsFile(t: TestContext, text = `import { EncryptionCodec } from '${CODEC}';\nexport const codecs = [new EncryptionCodec({ keyId: 'k', keys: { k: new Uint8Array(32) } })];\n`): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-codec-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'codecs.mjs');
  fs.writeFileSync(file, text);
  return file;
}

function run(t: TestContext, args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [BIN, 'codec-server', ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function ended(child: ReturnType<typeof run>): Promise<{ readonly code: unknown; readonly errors: string }> {
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  const [code] = (await once(child, 'close')) as [unknown];
  return { code, errors };
}

test('it says where it listens, asks for the token, encodes, and stops on SIGTERM', async (t) => {
  const child = run(t, ['--codecs', codecsFile(t), '--port', '0', '--token-env', 'TOKEN'], { TOKEN: 'right' });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const url = /http:\S+?(?=\/encode)/.exec(line)?.[0];
  assert.ok(url, line);
  const ask = (token: string) => fetch(`${url}/encode`, { method: 'POST', body: '{"payloads":[{"metadata":{},"data":"YQ=="}]}', headers: { authorization: `Bearer ${token}` } });
  assert.equal((await ask('wrong')).status, 403);
  const { payloads } = (await (await ask('right')).json()) as { payloads: { metadata: { encoding: string } }[] };
  assert.equal(Buffer.from(payloads[0]?.metadata.encoding ?? '', 'base64').toString(), 'binary/encrypted');
  child.kill('SIGTERM');
  assert.equal((await ended(child)).code, 0);
});

test('what cannot work is said before it starts', async (t) => {
  const refused = async (args: readonly string[], code: number, message: RegExp) => {
    const end = await ended(run(t, args));
    assert.match(end.errors, message);
    assert.equal(end.code, code);
  };
  const good = codecsFile(t);
  await Promise.all([
    refused([], 2, /--codecs \.\/codecs\.js/),
    refused(['--codecs', good, '--ip', '0.0.0.0'], 2, /--token-env NAME/),
    refused(['--codecs', good, '--token-env', 'PERDURE_NOT_SET'], 2, /PERDURE_NOT_SET is not set/),
    refused(['--codecs', '/nowhere/codecs.mjs'], 1, /Cannot load/),
    refused(['--codecs', codecsFile(t, 'export const codecs = 5;')], 1, /must export `codecs`/),
    refused(['--codecs', good, '--port', '70000'], 1, /Cannot listen/),
  ]);
});
