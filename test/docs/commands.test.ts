/** What the pages say of commands, flags, scripts, examples and other SDKs is so; and every page is run by some test of this folder. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';
import { Client, Connection } from 'perdure/client';
import { commands } from '#perdure/cli/commands';
import { startDevFlags } from '#perdure/cli/start-dev-flags';
import { root } from '../../bench/processes.js';
import { Command } from './command.js';
import { openPages } from './pages.js';

const pages = openPages('server', 'other-sdks', 'runtimes', 'examples', 'from-temporal');
const guide = fs.readdirSync(path.join(root, 'docs/guide')).filter((file) => file !== 'README.md').map((file) => path.basename(file, '.md'));
const textOf = (page: string): string => fs.readFileSync(path.join(root, 'docs/guide', `${page}.md`), 'utf8');

test('every page of the guide is run by a test, and linked from its list', () => {
  const folder = path.join(root, 'test/docs');
  const opened = fs.readdirSync(folder).flatMap((file) => [...(/openPages\(([^)]*)\)/.exec(fs.readFileSync(path.join(folder, file), 'utf8'))?.[1] ?? '').matchAll(/'([\w-]+)'/g)].map(([, page]) => page));
  assert.deepEqual(guide.filter((page) => !opened.includes(page)), []);
  const list = textOf('README');
  assert.deepEqual(guide.filter((page) => !list.includes(`(${page}.md)`)), []);
});

test('the commands, flags and scripts that pages name exist', () => {
  const { scripts } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const wrong: string[] = [];
  for (const [page, text] of [...guide.map((page) => [page, textOf(page)] as const), ['README', fs.readFileSync(path.join(root, 'README.md'), 'utf8')] as const]) {
    for (const [, script] of text.matchAll(/npm run ([\w:]+)/g)) if (!scripts[script as string]) wrong.push(`${page}: npm run ${script}`);
    for (const [, line] of text.matchAll(/(?:npx |npm exec |^|`)perdure((?: --)? [a-z][^\n`]*)/gm)) {
      const words = (line as string).replace(/^ --/, '').trim().split(/\s+/);
      const command = commands.find(({ path }) => path.every((word, index) => words[index] === word));
      const name = (words[0] ?? '').replace(/\W/g, '');
      if (command === undefined) wrong.push(`${page}: perdure ${name}`);
      else for (const flag of words.filter((word) => word.startsWith('--') && word !== '--')) if (flag !== '--help' && !command.flags.some(({ name }) => `--${name}` === flag.replace(/[,.;:)]+$/, ''))) wrong.push(`${page}: perdure ${command.path.join(' ')} ${flag}`);
    }
    const limits = fs.readFileSync(path.join(root, 'docs/reference/limits.md'), 'utf8');
    for (const [, key] of text.matchAll(/`((?:limit|worker|matching|history|frontend)\.[\w.]+)[`=]/g)) if (!limits.includes(key as string)) wrong.push(`${page}: ${key} is no limit of the reference`);
  }
  assert.deepEqual(wrong, []);
});

test('server: the table of flags is what the command knows', () => {
  const text = pages.server.text.slice(0, pages.server.text.indexOf('## When it does not start'));
  const rows = [...text.matchAll(/^\| (`--[^|]*) \| ([^|]*) \| ([^|]*) \|$/gm)];
  const told = rows.flatMap(([, names = '', , fallback = '']) => {
    const values = fallback.split(', ');
    return [...names.matchAll(/`--([\w-]+)/g)].map(([, name], index) => ({ name: name as string, fallback: /^`([^`]*)`/.exec(values[index] ?? '')?.[1] }));
  });
  const known = startDevFlags.filter(({ withoutEffect }) => !withoutEffect);
  assert.deepEqual(told.map(({ name }) => name).sort(), known.map(({ name }) => name).sort());
  for (const { name, fallback } of told) if (name !== 'namespace') assert.equal(fallback, known.find((flag) => flag.name === name)?.default, `the default of --${name}`);
});

test('server: why it does not start, in the words of the page', async (t) => {
  const page = pages.server;
  const [start] = page.commands() as [string[]];
  const phrases = [...page.text.matchAll(/^\| (`[^|]*) \|/gm)].map(([, row = '']) => row).filter((row) => !row.includes('--')).flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, phrase = '']) => new RegExp(phrase.split('…').map((part) => part.replace(/[.]/g, '\\.')).join('[\\s\\S]*').trim())));
  const [listens, inUse, damaged, newer, folder, unreadable] = phrases as [RegExp, RegExp, RegExp, RegExp, RegExp, RegExp];
  const refused = async (words: string[], why: RegExp): Promise<void> => {
    const { code, output } = await Command.perdure(t, [...start, ...words], page.folder).ended();
    assert.notEqual(code, 0);
    assert.match(output, why);
  };
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const file = path.join(page.folder, 'a.db');
  const running = Command.perdure(t, [...start, '--port', '0', '--db-filename', file], page.folder);
  const [, address = ''] = await running.said(/Server +(\S+)[\s\S]*Data[\s\S]*a\.db[\s\S]*stops it/);
  fs.writeFileSync(path.join(page.folder, 'text.db'), 'no database\n'.repeat(1_000));
  fs.writeFileSync(path.join(page.folder, 'a-file'), '');
  await Promise.all([
    refused(['--port', String(port), '--ephemeral'], listens),
    refused(['--port', '0', '--db-filename', file], inUse),
    refused(['--port', '0', '--db-filename', 'text.db'], damaged),
    refused(['--port', '0', '--db-filename', 'a-file/dev.db'], unreadable),
  ]);
  taken.close();
  // What a test cannot bring about everywhere is held against the source of the message.
  const sources = ['file-header.ts', 'open.ts'].map((name) => fs.readFileSync(path.join(root, 'packages/perdure/src/store/sqlite', name), 'utf8')).join('');
  for (const phrase of [newer, folder]) assert.match(sources, phrase);

  // A backup while it runs, where the tool of the page is there.
  const connection = await Connection.connect({ address });
  await new Client({ connection }).workflow.start('order', { taskQueue: 'nobody', workflowId: 'kept' });
  await connection.close();
  let hasTool = true;
  try {
    execFileSync('sqlite3', [file, '.backup copy.db'], { cwd: page.folder, stdio: 'ignore' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    hasTool = false;
    t.diagnostic('sqlite3 is not installed: the backup is not tried');
  }
  // Killed, nothing that was acknowledged is lost.
  await running.kill('SIGKILL');
  for (const kept of hasTool ? ['a.db', 'copy.db'] : ['a.db']) {
    const again = Command.perdure(t, [...start, '--port', '0', '--db-filename', kept], page.folder);
    const [, where = ''] = await again.said(/Server +(\S+)[\s\S]*stops it/);
    await using opened = await Connection.connect({ address: where });
    assert.equal((await new Client({ connection: opened }).workflow.getHandle('kept').describe()).status.name, 'RUNNING', kept);
    assert.equal((await again.kill('SIGTERM')).code, 0);
  }
});

test('other-sdks: an SDK connects as it is', async (t) => {
  const page = pages['other-sdks'];
  const [start] = page.commands() as [string[]];
  const server = Command.perdure(t, [...start, '--port', '0', '--ephemeral'], page.folder);
  const [, address = ''] = await server.said(/Server +(\S+)[\s\S]*stops it/);
  const [js, python, go] = [page.block('js'), page.block('python'), page.block('go')].map((code) => code.replace('localhost:7233', address)) as [string, string, string];
  assert.ok(go.includes(address), 'the address is the only thing to give');
  const [official, pythonProgram] = [path.join(root, 'test/official/node_modules/@temporalio/client'), path.join(root, 'test/python/build/environment/bin/python')];
  if (fs.existsSync(official)) {
    fs.writeFileSync(path.join(page.folder, 'official.mjs'), `import { createRequire } from 'node:module';
      const { Client, Connection } = createRequire(import.meta.url)('${official}');
      ${js}
      await client.workflow.start('order', { taskQueue: 'nobody', workflowId: 'from-typescript' });
      await connection.close();`);
    const { code, output } = await Command.node(t, 'official.mjs', page.folder).ended();
    assert.equal(code, 0, output);
  } else t.diagnostic("Temporal's SDK is not installed (npm run test:official installs it): its block is not tried");
  if (fs.existsSync(pythonProgram)) {
    const code = `import asyncio\nfrom temporalio.client import Client\nasync def main():\n    ${python.trim()}\n    await client.start_workflow("order", id="from-python", task_queue="nobody")\nasyncio.run(main())\nimport os\nos._exit(0)\n`; // at its regular end this SDK sometimes crashes
    const { status, stderr } = spawnSync(pythonProgram, ['-c', code], { encoding: 'utf8', timeout: 20_000 });
    assert.equal(status, 0, stderr);
  } else t.diagnostic('the Python SDK is not installed (npm run test:python installs it): its block is not tried');
  await using connection = await Connection.connect({ address });
  const ids: string[] = [];
  for await (const { workflowId } of new Client({ connection }).workflow.list()) ids.push(workflowId);
  assert.deepEqual(ids.sort(), [...(fs.existsSync(pythonProgram) ? ['from-python'] : []), ...(fs.existsSync(official) ? ['from-typescript'] : [])]);
});

test('from-temporal: a project is moved, and what cannot be is listed', async (t) => {
  const page = pages['from-temporal'];
  const project = path.join(page.folder, 'project');
  fs.mkdirSync(path.join(project, 'src'), { recursive: true });
  const [dryRun, migrate, install] = page.commands() as [string[], string[], string[]];
  assert.deepEqual(install, ['npm', 'install']);
  const manifest = { name: 'shop', dependencies: { '@temporalio/client': '^1.11.0', '@temporalio/worker': '^1.11.0', '@temporalio/workflow': '^1.11.0' } };
  fs.writeFileSync(path.join(project, 'package.json'), JSON.stringify(manifest));
  fs.writeFileSync(path.join(project, 'src/workflows.ts'), "import { sleep } from '@temporalio/workflow';\nexport const order = () => sleep(1);\n");
  fs.writeFileSync(path.join(project, 'src/worker.ts'), `${'\n'.repeat(11)}import { startDebugReplayer, Worker } from '@temporalio/worker';\nvoid [startDebugReplayer, Worker];\n`);
  const read = (file: string): string => fs.readFileSync(path.join(project, file), 'utf8');
  const before = read('src/workflows.ts');
  const dry = await Command.perdure(t, dryRun, project).ended();
  assert.ok(dry.output.includes(page.block('').trim()), dry.output);
  assert.equal(read('src/workflows.ts'), before, '--dry-run changes nothing');
  const left = () => Command.perdure(t, [...migrate, '--check'], project).ended();
  assert.notEqual((await left()).code, 0);
  await Command.perdure(t, migrate, project).ended();
  assert.match(read('src/workflows.ts'), /from 'perdure\/workflow'/);
  assert.deepEqual(Object.keys((JSON.parse(read('package.json')) as typeof manifest).dependencies), ['perdure']);
  const moved = read('src/worker.ts');
  await Command.perdure(t, migrate, project).ended();
  assert.equal(read('src/worker.ts'), moved, 'twice changes nothing');
  assert.equal((await left()).code, 0);
});

test('examples: each folder has its row, and each row its folder', () => {
  const folders = fs.readdirSync(path.join(root, 'examples'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const rows = [...pages.examples.text.matchAll(/^\| .* \| \[([\w-]+)\]\(\.\.\/\.\.\/examples\/([\w-]+)\)/gm)].map(([, name, folder]) => (assert.equal(name, folder), folder as string));
  assert.deepEqual(rows.sort(), folders.sort());
  for (const folder of folders) assert.ok(fs.readdirSync(path.join(root, 'examples', folder)).some((file) => file.endsWith('.test.ts') || folder === 'embedded'), `${folder} has a test`);
});
