/** The `code` of a bundle is enough: a build step writes it to a file, and workers of another process run it. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DefaultLogger } from '../common/logger.js';
import { bundleWorkflowCode, WorkflowBundleError } from './bundle.js';
import { Realm } from './realm.js';
import { wholeBundle, withRemainder } from './stored-bundle.js';

async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'perdure-stored-bundle-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const namesIn = (bundle: Awaited<ReturnType<typeof wholeBundle>>): readonly string[] => new Realm(bundle, new DefaultLogger('ERROR')).workflowNames();

test('a bundle is the same when only its code was kept, as text or as a file', async () => {
  await using folder = await temporaryFolder();
  const workflowsPath = join(folder.path, 'workflows.ts');
  await writeFile(workflowsPath, 'export async function order(): Promise<void> {}');
  const made = await bundleWorkflowCode({ workflowsPath });
  // The code of shared packages, with characters that end a line of JavaScript: the rest would not be a comment any more.
  const bundle = withRemainder({ ...made, packages: "(function () { return '\u2028 \u2029'; })" });
  const codePath = join(folder.path, 'bundle.js');
  await writeFile(codePath, bundle.code);
  for (const kept of [{ codePath }, { code: bundle.code }, { code: `${bundle.code}\n` }]) {
    const whole = await wholeBundle(kept);
    assert.deepEqual({ ...whole, code: bundle.code }, bundle);
    assert.deepEqual(namesIn(whole), ['order']);
  }
  assert.equal(await wholeBundle(bundle), bundle);
});

test('what is no bundle of this package, or was cut, is refused with its file and what to do', async () => {
  await using folder = await temporaryFolder();
  const workflowsPath = join(folder.path, 'workflows.ts');
  await writeFile(workflowsPath, 'export async function order(): Promise<void> {}');
  const { code } = await bundleWorkflowCode({ workflowsPath });
  const codePath = join(folder.path, 'cut.js');
  await writeFile(codePath, code.slice(0, -10));
  for (const given of [{ codePath }, { codePath: workflowsPath }]) {
    await assert.rejects(wholeBundle(given), (error) => error instanceof WorkflowBundleError && error.message.includes(given.codePath) && error.message.includes('bundleWorkflowCode()'));
  }
  await assert.rejects(wholeBundle({ code: '(function () {})' }), WorkflowBundleError);
  await assert.rejects(wholeBundle({ codePath: join(folder.path, 'missing.js') }), { code: 'ENOENT' });
  const ofAnotherVersion = await wholeBundle({ code: code.replace(/"runtimeVersion":\d+/, '"runtimeVersion":0') });
  assert.throws(() => namesIn(ofAnotherVersion), /another version of perdure/);
  assert.equal(await readFile(codePath, 'utf8'), code.slice(0, -10));
});
