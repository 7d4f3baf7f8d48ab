/**
 * The histories that the examples leave in their tests, made by our worker and our server, replay in the official SDK: those of examples that
 * use nothing that only ours has. `npm run test:official`. (`test/scenarios/examples` runs their workflows with the official worker.)
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { History } from '#perdure/protocol/index';
import { root } from '../bench/processes.js';
import { recordExamples } from './example-histories.js';
import { quietOfficialSdk, replayOfficially } from './scenarios/official.js';
import { workflowsFor } from '../bench/sdk.js';

const offered = new Set(Object.keys(createRequire(path.join(root, 'test/official/package.json'))('@temporalio/workflow') as object));

/** Names of `perdure/workflow` that the official SDK lacks. */
function onlyOurs(workflows: string): readonly string[] {
  const text = fs.readFileSync(path.join(root, 'build', workflows), 'utf8');
  const [, names = ''] = /import \{([^}]*)\} from 'perdure\/workflow'/.exec(text) ?? [];
  return names.split(',').map((name) => name.trim()).filter((name) => name !== '' && !offered.has(name));
}

const examples = await recordExamples();
await test('the official SDK is there', quietOfficialSdk);

for (const { name, workflows, histories } of examples) {
  const missing = onlyOurs(workflows);
  test(`${name}: what its tests left replays with the official SDK`, { skip: missing.length > 0 && `uses ${missing.join(', ')}` }, async (t) => {
    assert.ok(histories.length > 0, 'its tests left nothing');
    const encoded = histories.map(({ workflowId, history }) => ({ workflowId, encoded: History.encode(history) }));
    assert.deepEqual(await replayOfficially({ workflowsPath: workflowsFor('official', workflows) }, encoded), []);
    t.diagnostic(`${histories.length} histories`);
  });
}
