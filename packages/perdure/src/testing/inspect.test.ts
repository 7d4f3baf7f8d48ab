/** A debugger can stop in the user's workflow file while a history is replayed, by the source map that the code carries. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Replayer, TestEnvironment } from './index.js';
import * as activities from './test-activities.js';
import { order } from './test-workflows.js';

const workflowsPath = fileURLToPath(new URL('./test-workflows.js', import.meta.url));

/** The debugger: on a thread of its own, because the one that it stops cannot talk to it. It does as it is told, and tells what it sees. */
const DEBUGGER = `
  const { Session } = require('node:inspector');
  const { parentPort } = require('node:worker_threads');
  const session = new Session();
  session.connectToMainThread();
  session.on('Debugger.scriptParsed', ({ params }) => { if (/^data:/.test(params.sourceMapURL)) parentPort.postMessage({ script: params }); });
  session.on('Debugger.paused', ({ params: { callFrames: [frame], hitBreakpoints } }) => {
    session.post('Debugger.evaluateOnCallFrame', { callFrameId: frame.callFrameId, expression: 'orderId' }, (_, { result }) => {
      parentPort.postMessage({ stopped: { value: result.value, functionName: frame.functionName, breakpoints: hitBreakpoints.length } });
      session.post('Debugger.resume');
    });
  });
  parentPort.on('message', (location) => session.post('Debugger.setBreakpoint', { location }, (error) => parentPort.postMessage({ set: error ?? true })));
  session.post('Debugger.enable', () => parentPort.postMessage({ ready: true }));
`;

interface Told {
  readonly ready?: true;
  readonly script?: { readonly scriptId: string; readonly sourceMapURL: string; readonly endLine: number };
  readonly set?: true | object;
  readonly stopped?: { readonly value: unknown; readonly functionName: string; readonly breakpoints: number };
}

test('a breakpoint in the workflow file is hit, with the values of the run', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities });
  await env.run(order, { args: ['o-7'], workflowId: 'o-7' });
  const history = await env.client.workflow.getHandle('o-7').fetchHistory();

  const inspector = new Worker(DEBUGGER, { eval: true });
  const told: Told[] = [];
  inspector.on('message', (message: Told) => told.push(message));
  const until = async <Key extends keyof Told>(key: Key): Promise<Exclude<Told[Key], undefined>> => {
    for (;;) {
      const value = told.find((message) => message[key] !== undefined)?.[key];
      if (value !== undefined) return value as Exclude<Told[Key], undefined>;
      await once(inspector, 'message');
    }
  };
  try {
    await until('ready');
    await using replayer = await Replayer.create({ workflowsPath, inspectable: true });
    const { scriptId, sourceMapURL, endLine } = await until('script');
    const map = JSON.parse(Buffer.from(sourceMapURL.slice(sourceMapURL.indexOf(',') + 1), 'base64').toString()) as ConstructorParameters<typeof SourceMap>[0];
    // Code that was compiled itself leads to what it was compiled from.
    const source = map.sources.findIndex((url) => /\/test-workflows\.[jt]s$/.test(url));
    const url = map.sources[source] as string;
    assert.equal(map.sourcesContent[source], readFileSync(fileURLToPath(url), 'utf8'));
    const lines = (map.sourcesContent[source] as string).split('\n');
    const line = lines.findIndex((text) => text.includes('const parcel = await ship(orderId)'));
    assert.notEqual(line, -1);
    const location = generatedLocation(new SourceMap(map), url, line, endLine);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    inspector.postMessage({ scriptId, ...location });
    assert.equal(await until('set'), true);
    const report = await replayer.replay({ workflowId: 'o-7', history });
    assert.equal(report.outcome, 'replayed');
    assert.deepEqual(await until('stopped'), { value: 'o-7', functionName: 'order', breakpoints: 1 });
  } finally {
    await inspector.terminate();
  }
});

/** Where a line of a source is in the bundle. */
function generatedLocation(map: SourceMap, url: string, sourceLine: number, lastLine: number): { readonly lineNumber: number; readonly columnNumber: number } {
  for (let lineNumber = 0; lineNumber <= lastLine; lineNumber++) {
    for (let columnNumber = 0; columnNumber < 80; columnNumber++) {
      const entry = map.findEntry(lineNumber, columnNumber);
      if (!('originalSource' in entry) || entry.generatedLine !== lineNumber) continue;
      if (entry.originalSource === url && entry.originalLine === sourceLine) return { lineNumber, columnNumber: entry.generatedColumn };
    }
  }
  throw new Error(`no code for line ${sourceLine + 1} of ${url}`);
}
