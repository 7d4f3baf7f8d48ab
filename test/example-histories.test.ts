/** The histories that the examples leave in their tests replay with their code. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { describeReplay, Replayer } from 'perdure/testing';
import { root } from '../bench/processes.js';
import { recordExamples } from './example-histories.js';

const examples = await recordExamples();

for (const { name, workflows, histories } of examples) {
  test(`${name}: what its tests left replays`, async (t) => {
    assert.ok(histories.length > 0, 'its tests left nothing');
    await using replayer = await Replayer.create({ workflowsPath: path.join(root, 'build', workflows) });
    const reports = await replayer.replayAll(histories);
    assert.deepEqual(reports.filter(({ outcome }) => outcome !== 'replayed').map(describeReplay), []);
    t.diagnostic(`${histories.length} histories, ${reports.reduce((sum, { events }) => sum + events, 0)} events`);
  });
}
