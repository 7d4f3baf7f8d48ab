/** SIGKILL in the middle of commits: what was acknowledged is there, whole, and the next process can begin at once. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { StoreLockedError } from '../errors.js';
import { checkCrashed } from './crash-writer.js';
import { openSqliteStore } from './open.js';
import { temporaryFolder } from './temporary-file.js';

const PROGRAM = fileURLToPath(new URL('crash-writer.js', import.meta.url));

interface RunningWriter extends Disposable {
  /** Resolves once this many commits were acknowledged. */
  acknowledged(count: number): Promise<void>;
  /** Kills the process at this instant; resolves with the number of the last acknowledged commit. */
  kill(): Promise<number>;
}

function startWriter(filename: string): RunningWriter {
  const child = spawn(process.execPath, [PROGRAM, filename], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const ended = once(child.stdout, 'close');
  let output = '';
  let onOutput = (): void => {};
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    onOutput();
  });
  const lines = (): string[] => output.split('\n').slice(0, -1);
  return {
    acknowledged: (count) =>
      new Promise((resolve, reject) => {
        onOutput = () => void (lines().length >= count && resolve());
        onOutput();
        void exited.then(() => reject(new Error('The writer ended before it was killed.')));
      }),
    async kill() {
      child.kill('SIGKILL');
      const [, signal] = (await exited) as [number | null, NodeJS.Signals | null];
      assert.equal(signal, 'SIGKILL');
      await ended;
      return Number(lines().at(-1) ?? 0);
    },
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  };
}

test('killed ten times, the store keeps every acknowledged commit and no half of any', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  let total = 0;
  for (let round = 1; round <= 10; round++) {
    using writer = startWriter(filename);
    await writer.acknowledged(round === 1 ? 1 : 3 * round);
    const acknowledged = await writer.kill();
    const store = await openSqliteStore({ filename });
    const found = await checkCrashed(store);
    await store.close();
    assert.ok(acknowledged > total, 'the writer went on where the last one stopped');
    assert.ok(found === acknowledged || found === acknowledged + 1, `${acknowledged} acknowledged, ${found} found`);
    total = found;
  }
});

test('while another process has the file open it cannot be opened, and that process notices nothing', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  using writer = startWriter(filename);
  await writer.acknowledged(1);
  for (let attempt = 0; attempt < 5; attempt++) {
    await assert.rejects(openSqliteStore({ filename }), StoreLockedError);
  }
  await writer.acknowledged(20);
  const acknowledged = await writer.kill();
  const store = await openSqliteStore({ filename });
  const found = await checkCrashed(store);
  assert.ok(found === acknowledged || found === acknowledged + 1);
  await store.close();
});
