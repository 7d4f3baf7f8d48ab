/**
 * The house rules as tests. Each rule says why it exists; a rule that a good reason breaks names the reason here, beside the exception.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const source = path.join(root, 'packages/perdure/src');

interface SourceFile {
  /** Relative to `src`, with slashes. */
  readonly name: string;
  readonly text: string;
  readonly isTest: boolean;
}

function walk(folder: string, accept: RegExp): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => accept.test(file) && !/(^|\/)(node_modules|generated|dist|build)\//.test(file))
    .map((file) => file.split(path.sep).join('/'));
}

const files: SourceFile[] = walk(source, /\.ts$/).map((name) => ({
  name,
  text: fs.readFileSync(path.join(source, name), 'utf8'),
  isTest: /\.(test|types\.test|property\.test)\.ts$/.test(name),
}));
/** Used by tests only: scripted inputs, contract suites, fakes. */
const isTestSupport = (name: string) =>
  // The room `testing` is for users; a folder of that name inside another room is not.
  /(\/testing|(^|\/)(contract|simulated))(\/|\.ts$|-)/.test(name) || /(^|\/)(test-[a-z-]+|scripted-[a-z]+|history-builder|crash-writer|temporary-file|fake-[a-z]+)\.ts$/.test(name);

function imports(file: SourceFile): string[] {
  const found: string[] = [];
  for (const match of file.text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
    const target = match[1] as string;
    found.push(target.startsWith('.') ? path.posix.normalize(path.posix.join(path.posix.dirname(file.name), target)) : target);
  }
  return found;
}

/** Which rooms a room may use besides itself. Arrows point one way, so that each room can be understood and tested without those above. */
const MAY_USE: Record<string, readonly string[]> = {
  protocol: [],
  ports: [],
  metrics: [],
  text: [],
  machines: ['protocol'],
  visibility: ['protocol', 'machines', 'text'],
  store: ['ports', 'protocol', 'machines', 'visibility'],
  matching: ['protocol', 'machines', 'ports'],
  host: ['protocol', 'machines', 'matching', 'store', 'visibility', 'ports', 'metrics'],
  retention: ['protocol', 'machines', 'visibility', 'host', 'store', 'ports'],
  transport: ['protocol'],
  frontend: ['protocol', 'machines', 'visibility', 'host', 'matching', 'transport', 'ports', 'metrics', 'text'],
  http: ['protocol', 'machines', 'transport', 'metrics'],
  server: ['protocol', 'machines', 'visibility', 'host', 'matching', 'store', 'ports', 'transport', 'frontend', 'http', 'metrics', 'retention'],
  testing: ['protocol', 'transport', 'ports', 'store', 'server', 'sdk'],
  simulation: ['protocol', 'transport', 'ports', 'store', 'server', 'sdk', 'testing'],
  migrate: [],
  cli: ['server', 'protocol', 'transport', 'sdk', 'testing', 'migrate', 'text'],
  sdk: ['protocol', 'transport', 'metrics'],
};

test('arrows point one way', () => {
  const wrong: string[] = [];
  for (const file of files) {
    const room = file.name.split('/')[0] as string;
    const allowed = MAY_USE[room];
    if (allowed === undefined) {
      wrong.push(`${file.name}: the room '${room}' has no place in the layout`);
      continue;
    }
    for (const target of imports(file)) {
      if (target.startsWith('.') || !target.includes('/') || target.startsWith('node:') || target.startsWith('@')) continue;
      const other = target.split('/')[0] as string;
      if (!(other in MAY_USE) || other === room || allowed.includes(other)) continue;
      if (file.isTest || isTestSupport(file.name)) continue; // a test may bring the rooms above together
      if (file.name === 'testing/index.ts' && other === 'simulation') continue; // perdure/testing is the door of both rooms
      wrong.push(`${file.name} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('the pure rooms touch no clock, chance, timer or I/O but through the ports', () => {
  // Virtual time and simulation hold only if nothing reaches around the ports.
  const forbidden = /\bDate\.now\b|new Date\(\)|\bset(Timeout|Interval|Immediate)\b|\bMath\.random\b|\bperformance\.now\b|process\.(hrtime|nextTick)|\bqueueMicrotask\b|from 'node:(fs|net|crypto|http|http2|https|timers|dns|child_process|worker_threads|os)/;
  const pure = /^(machines|visibility|host|matching|frontend|retention|protocol)\//;
  const edge = /^frontend\/grpc\//; // the gRPC door is the network's edge
  const wrong = files
    .filter((file) => pure.test(file.name) && !edge.test(file.name) && !file.isTest && !isTestSupport(file.name))
    .flatMap((file) => withoutComments(file.text).split('\n').filter((line) => forbidden.test(line)).map((line) => `${file.name}: ${line.trim()}`));
  assert.deepEqual(wrong, []);
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:])\/\/.*$/gm, '$1');
}

/** Past 400 lines a file is two ideas, unless the reason stands here. */
const LONG_FOR_A_REASON: Record<string, string> = {};

test('no file is longer than 400 lines without a reason', () => {
  const long = files
    .filter((file) => !file.isTest && file.text.split('\n').length > 400 && !(file.name in LONG_FOR_A_REASON))
    .map((file) => `${file.name}: ${file.text.split('\n').length} lines`);
  assert.deepEqual(long, []);
});

test('folders are nouns of the domain', () => {
  const banned = /(^|\/)(utils?|helpers?|misc|shared|lib|core)\//;
  assert.deepEqual(files.map((file) => file.name).filter((name) => banned.test(name)), []);
  const commons = files.filter((file) => /(^|\/)common\//.test(file.name) && !file.name.startsWith('sdk/common/'));
  assert.deepEqual(commons.map((file) => file.name), []);
});

test('every export is used by another file', () => {
  // An export that nobody imports is dead code or a secret of its file.
  const all = [...files, ...walk(root, /^(test|bench|examples)\/.*\.ts$/).map((name) => ({ name: `/${name}`, text: fs.readFileSync(path.join(root, name), 'utf8'), isTest: true }))];
  const words = all.map((file) => ({ name: file.name, words: new Set(file.text.match(/\b[A-Za-z_$][\w$]*\b/g)) }));
  const publicRoots = publicEntries();
  const unused: string[] = [];
  for (const file of files) {
    if (file.isTest || isTestSupport(file.name) || publicRoots.has(file.name)) continue;
    for (const match of file.text.matchAll(/^export (?:abstract |async )*(?:const|let|function\*?|class|interface|type|enum) ([A-Za-z_$][\w$]*)/gm)) {
      const name = match[1] as string;
      if (reexported(file.name)) continue;
      // The type of an exported function's argument or result: nobody must import it by name.
      const isType = /^export (interface|type) /.test(match[0]);
      if (isType && (file.text.match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0) > 1) continue;
      if (!words.some((other) => other.name !== file.name && other.words.has(name))) unused.push(`${file.name}: ${name}`);
    }
  }
  assert.deepEqual(unused, []);
});

function publicEntries(): Set<string> {
  const manifest = JSON.parse(fs.readFileSync(path.join(root, 'packages/perdure/package.json'), 'utf8')) as { exports: Record<string, { default: string }> };
  return new Set(Object.values(manifest.exports).map((entry) => entry.default.replace('./dist/', '').replace(/\.js$/, '.ts')));
}

/** `export * from './x.js'` in a public entry makes all of x public. */
function reexported(name: string): boolean {
  const target = name.replace(/\.ts$/, '.js');
  return files.some(
    (file) =>
      /(^|\/)index\.ts$/.test(file.name) &&
      [...file.text.matchAll(/export \* from '([^']+)'/g)].some((m) => path.posix.join(path.posix.dirname(file.name), m[1] as string) === target),
  );
}

test('every dependency is used', () => {
  for (const folder of ['.', 'packages/perdure']) {
    const manifest = JSON.parse(fs.readFileSync(path.join(root, folder, 'package.json'), 'utf8')) as Record<string, Record<string, string> | undefined>;
    const text = [
      ...walk(path.join(root, folder), /\.(ts|mjs|js|json|sh)$/).filter((file) => !file.endsWith('package.json') && !file.endsWith('package-lock.json')).map((file) => fs.readFileSync(path.join(root, folder, file), 'utf8')),
      JSON.stringify(manifest['scripts']),
    ].join('\n');
    for (const name of Object.keys({ ...manifest['dependencies'], ...manifest['devDependencies'], ...manifest['peerDependencies'] })) {
      const command = { typescript: 'tsc', '@types/node': '"node"' }[name] ?? name;
      assert.ok(text.includes(command), `${folder}/package.json: ${name} is not used`);
    }
  }
});

test('no `any` in public types', () => {
  const wrong: string[] = [];
  for (const entry of publicEntries()) {
    const folder = path.dirname(path.join(root, 'packages/perdure/dist', entry));
    if (!fs.existsSync(folder)) continue;
    for (const file of fs.readdirSync(folder).filter((name) => name.endsWith('.d.ts') && !name.includes('.test.'))) {
      const text = withoutComments(fs.readFileSync(path.join(folder, file), 'utf8'));
      // `any[]` as the bound of an argument list is the one that accepts every function and still infers its arguments.
      const rest = text.replace(/\.\.\.args: any\[\]/g, '').replace(/extends any\[\]( = (any\[\]|\[\]))?/g, '');
      // Only an activity knows what its heartbeats say. Programs for Temporal's SDK use it unchecked, and are to compile.
      const checked = rest.replace('heartbeatDetails: any;', '');
      for (const line of checked.split('\n')) if (/[:<|,(\s]any\b(?!\w)/.test(line)) wrong.push(`${file}: ${line.trim()}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('nothing committed names a machine, a registry or another checkout', () => {
  const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);
  // Put together so that this file does not name them either.
  const forbidden = new RegExp([['registry\\.npm', 'js'], ['/wo', 'rk/(main|shared)'], ['/home/', '[a-z]+/']].map((parts) => parts.join('')).join('|'));
  const wrong = tracked
    .filter((file) => fs.existsSync(path.join(root, file)) && fs.statSync(path.join(root, file)).size < 2_000_000)
    .filter((file) => forbidden.test(fs.readFileSync(path.join(root, file), 'utf8')));
  assert.deepEqual(wrong, []);
});

test('links in the docs lead somewhere', () => {
  const wrong: string[] = [];
  for (const page of walk(root, /^(docs\/.*|[A-Z]+|packages\/[^/]+\/.*|examples\/.*)\.md$/)) {
    const text = fs.readFileSync(path.join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '');
    for (const match of text.matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)(#[^)]*)?\)/g)) {
      if (!fs.existsSync(path.join(root, path.dirname(page), match[1] as string))) wrong.push(`${page}: ${match[1]}`);
    }
  }
  assert.deepEqual(wrong, []);
});
