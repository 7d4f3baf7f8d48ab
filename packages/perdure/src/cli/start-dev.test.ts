/** The real command as a process: when it is ready, how it ends, and that it says what to do when it cannot start. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Callback, OperatorService, WorkflowService } from '../protocol/index.js';
import { connectGrpc } from '../transport/grpc-client.js';

const bin = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../bin/perdure.js');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

class Scratch implements Disposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'perdure-cli-'));
  readonly #children: ChildProcess[] = [];

  file(name: string): string {
    return path.join(this.folder, name);
  }

  spawn(...args: string[]): { child: ChildProcess; ended: Promise<Ended>; ready: Promise<{ port: number; banner: string }> } {
    const child = spawn(process.execPath, [bin, ...args], { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.push(child);
    let stdout = '';
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
    const ready = new Promise<{ port: number; banner: string }>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        stdout += chunk.toString();
        const port = /127\.0\.0\.1:(\d+)/.exec(stdout)?.[1];
        if (port !== undefined && stdout.includes('stops it')) resolve({ port: Number(port), banner: stdout });
      });
      void ended.then(() => reject(new Error(`ended before it was ready: ${stderr}`)));
    });
    ready.catch(() => {});
    return { child, ended, ready };
  }

  startDev(...args: string[]) {
    return this.spawn('server', 'start-dev', '--port', '0', ...args);
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test('it keeps data in .perdure/dev.db, says so, serves once the banner is out, and stops cleanly', async () => {
  using scratch = new Scratch();
  const server = scratch.startDev('--namespace', 'orders', '--headless');
  const { port, banner } = await server.ready;
  assert.match(banner, /\.perdure[/\\]dev\.db/);
  assert.match(banner, /default, orders/);
  const transport = await connectGrpc({ address: `127.0.0.1:${port}` });
  assert.equal((await transport.call(WorkflowService.DescribeNamespace, { namespace: 'orders' })).namespaceInfo?.name, 'orders');
  // A poll that waits must not hold up the end.
  const poll = transport.call(WorkflowService.PollWorkflowTaskQueue, { namespace: 'default', taskQueue: { name: 'q' } }).catch(() => undefined);
  server.child.kill('SIGTERM');
  assert.deepEqual(await server.ended.then(({ code, stderr }) => ({ code, stderr })), { code: 0, stderr: '' });
  await poll;
  await transport.close();
  const again = scratch.startDev();
  await again.ready;
  again.child.kill('SIGINT');
  assert.equal((await again.ended).code, 0);
});

test('a second process on the same file is told so, and the first goes on', async () => {
  using scratch = new Scratch();
  const first = scratch.startDev('--db-filename', scratch.file('a.db'));
  const { port } = await first.ready;
  const { code, stdout, stderr } = await scratch.startDev('--db-filename', scratch.file('a.db')).ended;
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /a\.db/);
  assert.doesNotMatch(stderr, /\n\s+at /, 'no stack trace');
  const transport = await connectGrpc({ address: `127.0.0.1:${port}` });
  assert.ok((await transport.call(WorkflowService.GetSystemInfo, {})).serverVersion);
  await transport.close();
});

test('a port in use is named, with the way out', async () => {
  using scratch = new Scratch();
  const other = createServer();
  const port = await new Promise<number>((resolve) => other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)));
  const { code, stderr } = await scratch.spawn('server', 'start-dev', '--port', String(port), '--db-filename', scratch.file('a.db')).ended;
  other.close();
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`${port}.*--port`));
});

test('a file that is not ours is left as it is', async () => {
  using scratch = new Scratch();
  const content = 'this is a letter to my aunt, and not a database at all. '.repeat(100);
  writeFileSync(scratch.file('letter.txt'), content);
  const { code, stderr } = await scratch.startDev('--db-filename', scratch.file('letter.txt')).ended;
  assert.equal(code, 1);
  assert.match(stderr, /letter\.txt/);
  assert.doesNotMatch(stderr, /\n\s+at /);
  assert.equal(readFileSync(scratch.file('letter.txt'), 'utf8'), content);
});

test('damaged data and data of a newer version are left as they are', async () => {
  using scratch = new Scratch();
  const filename = scratch.file('a.db');
  const server = scratch.startDev('--db-filename', filename);
  await server.ready;
  server.child.kill('SIGTERM');
  await server.ended;
  const healthy = readFileSync(filename);
  // SQLite's own place for the version of what is in the file.
  const newer = Buffer.from(healthy);
  newer.writeUInt32BE(1_000_000, 60);
  for (const [content, message] of [
    [newer, /newer version/],
    [healthy.subarray(0, healthy.length / 2), /a\.db/],
  ] as const) {
    writeFileSync(filename, content);
    const { code, stderr } = await scratch.startDev('--db-filename', filename).ended;
    assert.equal(code, 1);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n\s+at /);
    assert.ok(readFileSync(filename).equals(content));
  }
});

test('a folder that cannot be written is named', { skip: process.getuid?.() === 0 ? 'root may write everywhere' : false }, async () => {
  using scratch = new Scratch();
  chmodSync(scratch.folder, 0o500);
  const { code, stderr } = await scratch.startDev('--db-filename', scratch.file('sub/a.db')).ended;
  chmodSync(scratch.folder, 0o700);
  assert.equal(code, 1);
  assert.match(stderr, /sub/);
});

test('a file in the place of the folder is named', async () => {
  using scratch = new Scratch();
  writeFileSync(scratch.file('sub'), '');
  const { code, stderr } = await scratch.startDev('--db-filename', scratch.file('sub/a.db')).ended;
  assert.equal(code, 1);
  assert.match(stderr, /sub/);
  assert.doesNotMatch(stderr, /\n\s+at /);
});

test('in memory, no file appears', async () => {
  using scratch = new Scratch();
  const server = scratch.startDev('--ephemeral');
  const { banner } = await server.ready;
  assert.match(banner, /in memory/);
  assert.equal(existsSync(scratch.file('.perdure')), false);
  server.child.kill('SIGTERM');
  assert.equal((await server.ended).code, 0);
  assert.equal((await scratch.startDev('--ephemeral', '--db-filename', 'a.db').ended).code, 2);
});

test('flags without effect are said at debug level, to standard error', async () => {
  using scratch = new Scratch();
  const server = scratch.startDev('--ephemeral', '--log-level', 'debug', '--ui-port', '8233');
  await server.ready;
  server.child.kill('SIGTERM');
  const { stderr } = await server.ended;
  assert.match(stderr, /DEBUG --ui-port is accepted and has no effect yet/);
});

test('limits are set by the keys of the real server; a wrong value stops the start, an unknown key is told', async () => {
  using scratch = new Scratch();
  const settings = ['limit.maxIDLength=5', 'limit.blobsize.eror=1', 'frontend.workerVersioningWorkflowAPIs=true'];
  const server = scratch.startDev('--ephemeral', ...settings.flatMap((setting) => ['--dynamic-config-value', setting]));
  const { port } = await server.ready;
  const transport = await connectGrpc({ address: `127.0.0.1:${port}` });
  const start = transport.call(WorkflowService.StartWorkflowExecution, { namespace: 'default', workflowId: 'order-17', workflowType: { name: 't' }, taskQueue: { name: 'q' } });
  await assert.rejects(start, /WorkflowId exceeds length limit/);
  await transport.close();
  server.child.kill('SIGTERM');
  assert.match((await server.ended).stderr, /There is no setting "limit\.blobsize\.eror"\. Near ones: limit\.blobSize\.error.*It has no effect/);

  const wrong = await scratch.startDev('--ephemeral', '--dynamic-config-value', 'limit.maxIDLength=0').ended;
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /limit\.maxIDLength takes a whole number, of at least 1/);
});

test('search attributes are made in every namespace; completion callbacks go to this machine, or where the flag says', async () => {
  using scratch = new Scratch();
  const start = async (...flags: string[]) => {
    const server = scratch.startDev('--ephemeral', ...flags);
    const transport = await connectGrpc({ address: `127.0.0.1:${(await server.ready).port}` });
    const callback = (workflowId: string, url: string) => {
      const completionCallbacks = [Callback.encode({ nexus: { url, header: new Map() } })];
      return transport.call(WorkflowService.StartWorkflowExecution, { namespace: 'default', workflowId, workflowType: { name: 't' }, taskQueue: { name: 'q' }, completionCallbacks });
    };
    const end = async () => {
      await transport.close();
      server.child.kill('SIGTERM');
      await server.ended;
    };
    return { transport, callback, end };
  };
  const one = await start('--namespace', 'orders', '--search-attribute', 'CustomerId=Keyword');
  for (const namespace of ['default', 'orders']) {
    const { customAttributes } = await one.transport.call(OperatorService.ListSearchAttributes, { namespace });
    assert.deepEqual([...customAttributes.keys()], ['CustomerId']);
  }
  await one.callback('a', 'http://127.0.0.1:1234/done');
  await assert.rejects(one.callback('b', 'https://example.com/'), /does not match any configured callback address/);
  await one.end();

  const other = await start('--callback-address', 'https://*.example.com');
  await other.callback('a', 'https://hooks.example.com/');
  await assert.rejects(other.callback('b', 'http://127.0.0.1:1234/done'), /does not match/);
  await other.end();
  const wrong = await scratch.startDev('--ephemeral', '--callback-address', 'example.com').ended;
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /write for example https/);
});

test('help and version are printed, mistakes end with 2', async () => {
  using scratch = new Scratch();
  const help = await scratch.spawn('server', 'start-dev', '--help').ended;
  assert.equal(help.code, 0);
  assert.match(help.stdout, /--db-filename FILE/);
  assert.match((await scratch.spawn('--version').ended).stdout, /^perdure \d+\.\d+\.\d+\n$/);
  const mistake = await scratch.spawn('server', 'start-dev', '--prot', '1').ended;
  assert.equal(mistake.code, 2);
  assert.match(mistake.stderr, /--port/);
  assert.equal((await scratch.spawn('server').ended).code, 2);
});

test('the HTTP API and the metrics are where the banner says', async () => {
  using scratch = new Scratch();
  const server = scratch.startDev('--ephemeral', '--http-port', '0', '--metrics-port', '0');
  const { banner } = await server.ready;
  const [, api] = /HTTP API +(http:\S+)/.exec(banner) ?? [];
  const [, metrics] = /Metrics +(http:\S+)/.exec(banner) ?? [];
  const { namespaces } = (await (await fetch(`${api}/namespaces`)).json()) as { namespaces: { namespaceInfo: { name: string } }[] };
  assert.deepEqual(namespaces.map(({ namespaceInfo }) => namespaceInfo.name), ['default']);
  assert.match(await (await fetch(`${metrics}`)).text(), /perdure_requests_total\{method="ListNamespaces",code="OK"\} 1/);
  const taken = scratch.startDev('--ephemeral', '--http-port', new URL(`${api}`).port);
  const { code, stderr } = await taken.ended;
  assert.equal(code, 1);
  assert.match(stderr, /Another program listens on 127\.0\.0\.1:\d+\. Stop it, or choose another port with --http-port/);
  server.child.kill('SIGTERM');
  assert.equal((await server.ended).code, 0);
});
