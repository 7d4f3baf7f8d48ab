/**
 * The programs as they were written, with the official SDK; then each half with the other SDK: our worker serves the official client, the
 * official worker serves ours. What all of them left replays with both SDKs, whichever wrote it. `npm run test:official`;
 * PERDURE_ADDRESS=host:port names another server.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { History, WorkflowService } from '#perdure/protocol/index';
import { connectGrpc } from '#perdure/transport/grpc-client';
import { root } from '../../bench/processes.js';
import { encodedHistory } from '../scenarios/histories.js';
import { quietOfficialSdk, replayOfficially, replayOurs, withServer, type EncodedHistory } from '../scenarios/official.js';
import { compile, copyPrograms, PROGRAMS, runProgram, type Halves } from './programs.js';

// Where the programs find the official packages, and where they find ours.
const official = path.join(root, 'test/official/node_modules/.programs');
const ours = path.join(root, 'build/programs');
const timeout = 120_000;

test('programs written for the official SDK', async (t) => {
  copyPrograms(official);
  copyPrograms(ours);
  const { status, stdout } = spawnSync(process.execPath, [path.join(root, 'packages/perdure/bin/perdure.js'), 'migrate', '--dir', ours], { encoding: 'utf8' });
  assert.equal(status, 0, stdout);
  await withServer(async (address) => {
    const left = new Map<string, EncodedHistory[]>();
    for (const name of PROGRAMS) {
      const [theirs, mine] = [path.join(official, name), path.join(ours, name)];
      const histories: EncodedHistory[] = [];
      left.set(name, histories);
      const run = async (part: TestContext, halves: Halves): Promise<void> => void histories.push(...(await historiesIn(await runProgram(part, halves, address), address)));
      await t.test(`${name}: as it was written`, { timeout }, (part) => {
        compile(theirs);
        compile(mine);
        return run(part, { worker: theirs, client: theirs });
      });
      await t.test(`${name}: our worker, the official client`, { timeout }, (part) => run(part, { worker: mine, client: theirs }));
      await t.test(`${name}: the official worker, our client`, { timeout }, (part) => run(part, { worker: theirs, client: mine }));
    }
    // Ours first: the official replayer leaves a promise hook in its thread that makes code from strings, which our realms forbid.
    await quietOfficialSdk();
    for (const [name, histories] of left) {
      await t.test(`${name}: ${histories.length} histories replay with our SDK`, { timeout }, async () => assert.deepEqual(await replayOurs(replayOptions(path.join(ours, name)), histories), []));
    }
    for (const [name, histories] of left) {
      await t.test(`${name}: ${histories.length} histories replay with the official SDK`, { timeout }, async () => assert.deepEqual(await replayOfficially(replayOptions(path.join(official, name)), histories), []));
    }
  });
});

/** What was left in a namespace, as far as a worker had a part in it. */
async function historiesIn(namespace: string, address: string): Promise<readonly EncodedHistory[]> {
  const transport = await connectGrpc({ address });
  try {
    const { executions } = await transport.call(WorkflowService.ListWorkflowExecutions, { namespace, pageSize: 1_000 }, { timeoutMs: 10_000 });
    const histories: EncodedHistory[] = [];
    for (const { execution } of executions) {
      const { workflowId = '', runId = '' } = execution ?? {};
      const encoded = await encodedHistory(transport, namespace, workflowId, runId);
      if (History.decode(encoded).events.some((event) => event.workflowTaskCompletedEventAttributes !== undefined)) histories.push({ workflowId, encoded });
    }
    assert.ok(histories.length > 0, 'the program left nothing');
    return histories;
  } finally {
    await transport.close();
  }
}

/** What a program's worker is made with, as far as workflow code sees it. */
function replayOptions(project: string): object {
  const compiled = (file: string): string | undefined => [path.join(project, 'lib', `${file}.js`)].find((candidate) => fs.existsSync(candidate));
  const [converter, interceptors] = [compiled('data-converter'), compiled('workflow-interceptors')];
  return {
    workflowsPath: compiled('workflows'),
    ...(converter !== undefined && (createRequire(import.meta.url)(converter) as object)),
    ...(interceptors !== undefined && { interceptors: { workflowModules: [interceptors] } }),
  };
}
