/** The realm's globals: deterministic where they have a meaning, the realm's own everywhere, and locked. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DefaultLogger } from '../common/logger.js';
import { defaultPayloadConverter } from '../common/payload-converter.js';
import { HistoryBuilder } from '../replay/history-builder.js';
import { runStartFrom } from '../replay/run-start.js';
import { bundleWorkflowCode } from './bundle.js';
import { Realm } from './realm.js';

/** Runs `body` as a workflow to its end, at workflow time 5000, and gives what it returns; an error's text if the task fails. */
async function evaluate(body: string, runId = 'run-1'): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-realm-'));
  try {
    const path = join(folder, 'workflows.js');
    await writeFile(path, `import * as wf from 'perdure/workflow';\nexport async function it() { ${body} }`);
    const realm = new Realm(await bundleWorkflowCode({ workflowsPath: path }), new DefaultLogger('ERROR'));
    const { events } = new HistoryBuilder('it', [], runId);
    const run = realm.createRun({
      ...runStartFrom(events[0], { namespace: 'default', taskQueue: 'q', workflowId: 'w', runId }),
      hasLocalActivity: () => false,
    });
    const rest = { isReplaying: false, historyLength: 3, historySizeBytes: 10, continueAsNewSuggested: false, continueAsNewReasons: [], targetDeploymentChanged: false, workerVersion: { buildId: undefined, deployment: undefined }, randomSeed: undefined, patches: [] };
    realm.step(run, (it) => it.activate({ timeMs: 5000, jobs: [{ kind: 'start' }], ...rest }));
    if (run.taskError !== undefined) return `failed: ${run.taskError.message}`;
    const [command] = run.takeCommands();
    return command?.kind === 'complete' ? defaultPayloadConverter.fromPayload(command.result) : command?.kind;
  } finally {
    await rm(folder, { recursive: true });
  }
}

for (const [what, body, expected] of [
  ['Date is workflow time, however it is reached', 'return [Date.now(), +new Date(), +new (new Date(1).constructor)(), new Date(7).getTime(), new Date() instanceof Date]', [5000, 5000, 5000, 7, true]],
  ['text round-trips, short and long, ASCII and not', "const e = new TextEncoder(), d = new TextDecoder(); return ['a', 'ä€😀', 'x'.repeat(200), 'ö'.repeat(200)].every((t) => d.decode(e.encode(t)) === t)", true],
  ['URL and its parameters', "const u = new URL('/p?a=1&b=x+y', 'https://h.example:8080'); u.searchParams.append('c', 'ä&'); u.pathname = '/q'; return [u.href, u.host, u.searchParams.get('b'), URL.canParse('nope')]", ['https://h.example:8080/q?a=1&b=x+y&c=%C3%A4%26', 'h.example:8080', 'x y', false]],
  ['structuredClone keeps types and cycles', 'const a = { m: new Map([[1, new Set([2])]]), d: new Date(3) }; a.self = a; const b = structuredClone(a); return [b.m.get(1).has(2), +b.d, b.self === b, b.m !== a.m]', [true, 3, true, true]],
  ['AbortController tells its listeners', "const c = new AbortController(); let n = 0; c.signal.addEventListener('abort', () => n++); c.abort(); c.abort(); return [n, c.signal.aborted, c.signal.reason.name]", [1, true, 'AbortError']],
  ['crypto is deterministic', 'return crypto.randomUUID() === crypto.randomUUID() || /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID())', true],
  ['libraries find that they are neither in Node nor in a browser', 'return [typeof process, typeof Buffer, typeof window, typeof require, typeof performance]', ['undefined', 'undefined', 'undefined', 'function', 'undefined']],
  ['globals cannot be replaced for others', "try { Date.now = () => 1 } catch {} try { Math.random = () => 1 } catch {} return [Date.now(), Math.random() < 1]", [5000, true]],
  ['code cannot be made from text', "try { return new Function('return 1')() } catch (e) { return e.name }", 'EvalError'],
  ['errors that come through the API belong to the realm', "try { wf.proxyActivities({}) } catch (e) { return e instanceof TypeError && e.constructor === TypeError }", true],
  ['what cannot be repeated fails the task with the remedy, whatever the code does with the error', "try { await fetch('x') } catch {} return 1", /^failed: fetch cannot be used .* Do it in an activity/],
  ['a process is not there, and the error says what to do', 'return process.env.HOME', /^failed: 'process' does not exist in workflow code\. Pass what you need/],
  ['performance is not there either', 'return performance.now()', /^failed: 'performance' .*Date\.now/],
  ['nor is shared memory', 'return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)', /^failed: '(Atomics|SharedArrayBuffer)' does not exist/],
  ['nor references that do not keep', 'return new WeakRef({})', /^failed: WeakRef cannot be used .*Keep an ordinary reference/],
  ['nor callbacks of the garbage collector', 'return new FinalizationRegistry(() => {})', /^failed: FinalizationRegistry cannot be used/],
  ['code from text is refused with what to do', "return eval('1')", /^failed: Workflow code cannot make code from text/],
  ['a module whose name is worked out is not in the bundle', "const name = 'node:' + 'fs'; return import(name)", /^failed: Cannot load 'node:fs' in workflow code/],
  ['resources are disposed of at the end of a block', 'const s = [0]; { using x = { [Symbol.dispose]() { s.push(1) } } } return s', [0, 1]],
  ['what a run writes to globalThis is its own', 'const before = globalThis.mark; globalThis.mark = 1; return [before === undefined, globalThis.mark]', [true, 1]],
  ['queueMicrotask runs in order', "const s = []; queueMicrotask(() => s.push(1)); s.push(0); await null; await null; return s", [0, 1]],
] as const) {
  test(what, async () => {
    const result = await evaluate(body);
    if (expected instanceof RegExp) assert.match(String(result), expected);
    else assert.deepEqual(result, expected);
  });
}

test('chance depends on the run alone', async () => {
  const body = 'return [Math.random(), wf.uuid4(), crypto.randomUUID()]';
  const [first, again, other] = [await evaluate(body), await evaluate(body), await evaluate(body, 'run-2')];
  assert.deepEqual(first, again);
  assert.notDeepEqual(first, other);
});

test('the numbers of a seed never change: histories depend on them', async () => {
  assert.deepEqual(await evaluate("return [Math.random(), wf.uuid4()]", 'fixed'), GOLDEN);
});

const GOLDEN: unknown = [0.672333258902654, '835b90bb-4a07-42df-b732-cf3d4895aa33'];
