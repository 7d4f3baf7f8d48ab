/**
 * Saving a file while workflows run, with real files, a real engine and a real worker: runs that replay go on with the new code, a run that
 * does not keeps the code that it had and is named with event and line, and code that cannot be loaded changes nothing.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEngine } from '../../server/index.js';
import { Client, Connection } from '../client/index.js';
import { DefaultLogger, ValueError, type LogEntry } from '../common/index.js';
import { gatherParts } from '../worker/create.js';
import { Worker } from '../worker/index.js';

/** The workflow counts signals; at the end it says which code it ended with. */
function workflows(version: string, first = '', rest = ''): string {
  return `import { condition, defineSignal, setHandler, sleep } from 'perdure/workflow';
import { label } from './label';
export async function counting(): Promise<string> {
  let ended = false;
  let signals = 0;
  setHandler(defineSignal('more'), () => void signals++);
  setHandler(defineSignal('end'), () => void (ended = true));
  ${first}
  await condition(() => ended);
  ${rest}
  return [signals, '${version}', label].join(' ');
}
`;
}

interface Workplace extends AsyncDisposable {
  readonly client: Client;
  save(name: string, text: string): Promise<void>;
  /** Resolves with the first line from now on that matches. */
  said(pattern: RegExp): Promise<string>;
  /** Starts the workflow and waits until it has had its first task. */
  begin(workflowId: string): Promise<void>;
  /** Signals, ends and gives the result. */
  end(workflowId: string): Promise<string>;
}

async function workplace(): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-reload-'));
  const save = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
  await save('label.ts', `export const label = 'first';`);
  await save('workflows.ts', workflows('v1'));

  const lines: string[] = [];
  let heard = 0;
  let wake: (() => void) | undefined;
  const logger = new DefaultLogger('INFO', ({ message }: LogEntry) => {
    lines.push(message);
    wake?.();
  });
  const engine = await openEngine({ ephemeral: true });
  const connection = Connection.from(engine.transport);
  const options = { taskQueue: 'reload', connection, workflowsPath: join(folder, 'workflows.ts'), watch: true };
  const worker = new Worker(await gatherParts(options, { logger }));
  const running = worker.run();
  const client = new Client({ connection });
  return {
    client,
    save,
    async said(pattern) {
      for (;;) {
        while (heard < lines.length) {
          const line = lines[heard++]!;
          if (pattern.test(line)) return line;
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    async begin(workflowId) {
      const handle = await client.workflow.start('counting', { taskQueue: 'reload', workflowId });
      await handle.signal('more');
      await handle.query('__stack_trace');
    },
    async end(workflowId) {
      const handle = client.workflow.getHandle<() => Promise<string>>(workflowId);
      await handle.signal('more');
      await handle.signal('end');
      return handle.result();
    },
    async [Symbol.asyncDispose]() {
      worker.shutdown();
      await running;
      await engine.close();
      await rm(folder, { recursive: true });
    },
  };
}

test('runs that replay go on with the code that was saved, also when it is an imported file', { timeout: 20_000 }, async () => {
  await using place = await workplace();
  await place.begin('a');
  await place.begin('b');
  await place.save('workflows.ts', workflows('v2'));
  assert.match(await place.said(/reloaded/), /2 of 2 runs go on/);
  assert.equal(await place.end('a'), '2 v2 first');
  await place.save('label.ts', `export const label = 'second';`);
  await place.said(/reloaded/);
  assert.equal(await place.end('b'), '2 v2 second');
});

test('a run that does not replay keeps its code and is named, with event and line; new runs get the new code; a later change may fit', { timeout: 20_000 }, async () => {
  await using place = await workplace();
  await place.begin('old');
  await place.begin('older');
  await place.save('workflows.ts', workflows('v2', 'await sleep(1);'));
  const line = await place.said(/'old'.*does not replay/s);
  assert.match(line, /Nondeterminism: .*the code went on to start a timer/s);
  assert.match(line, /workflows\.ts:8:\d+/, 'names the line that was added');
  await place.said(/reloaded; 0 of 2/);
  await place.begin('new');
  assert.equal(await place.end('old'), '2 v1 first');
  assert.equal(await place.end('new'), '2 v2 first');
  await place.save('workflows.ts', workflows('v3', '', 'await sleep(1);'));
  await place.said(/reloaded; 1 of 1/);
  assert.equal(await place.end('older'), '2 v3 first');
});

test('code that cannot be loaded changes nothing, and the next that can does', { timeout: 20_000 }, async () => {
  await using place = await workplace();
  await place.begin('a');
  await place.save('workflows.ts', 'export async function counting( {');
  assert.match(await place.said(/not reloaded/), /workflows\.ts:1:\d+/);
  await place.save('workflows.ts', `throw new Error('broken at load');`);
  assert.match(await place.said(/not reloaded/), /broken at load/);
  await place.begin('b');
  assert.equal(await place.end('b'), '2 v1 first');
  await place.save('workflows.ts', workflows('v2'));
  await place.said(/reloaded; 1 of 1/);
  assert.equal(await place.end('a'), '2 v2 first');
});

test('watch without a file to watch is refused', async () => {
  const workflowBundle = { code: '', sourceMap: '{}', runtime: '', runtimeVersion: 0 };
  await assert.rejects(Worker.create({ taskQueue: 'q', workflowBundle, watch: true }), (error: unknown) => error instanceof ValueError && /watch needs workflowsPath/.test(error.message));
});
