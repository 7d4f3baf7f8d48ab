import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure } from 'perdure/common';
import { TestEnvironment } from 'perdure/testing';
import * as model from './model.js';
import * as tools from './tools.js';
import { agent, agree, asksAbout, conversation, say } from './workflows.js';

const workflowsPath = fileURLToPath(new URL('./workflows.js', import.meta.url));

async function open() {
  const env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities: { ...model, ...tools } });
  return { env, decide: env.mock.activity(model.decide) };
}

test('the model uses a tool, hears what it found, and answers', async () => {
  const { env, decide } = await open();
  await using _ = env;
  env.mock.activity(tools.search).returns('42');
  decide.returnsOnce({ kind: 'tool', tool: 'search', input: 'answer', dangerous: false }).returns({ kind: 'answer', text: 'It is 42.' });
  assert.equal(await env.run(agent, { args: ['What is the answer?'] }), 'It is 42.');
  assert.deepEqual(decide.calls.at(-1)?.args[0], [
    { from: 'person', text: 'What is the answer?' },
    { from: 'tool', tool: 'search', text: '42' },
  ]);
});

test('a tool that fails, or that does not exist, is news for the model', async () => {
  const { env, decide } = await open();
  await using _ = env;
  env.mock.activity(tools.search).throws(ApplicationFailure.nonRetryable('offline'));
  decide
    .returnsOnce({ kind: 'tool', tool: 'search', input: '', dangerous: false })
    .returnsOnce({ kind: 'tool', tool: 'invented', input: '', dangerous: false })
    .returns({ kind: 'answer', text: 'sorry' });
  assert.equal(await env.run(agent, { args: ['find it'] }), 'sorry');
  const [, failed, unknown] = decide.calls.at(-1)?.args[0] ?? [];
  assert.match(failed?.text ?? '', /It failed: .*offline/);
  assert.match(unknown?.text ?? '', /It failed: .*invented/);
});

test('what is dangerous waits for a person, for a day at most; the person can talk meanwhile', async () => {
  const { env, decide } = await open();
  await using _ = env;
  const deletions = env.mock.activity(tools.deleteFile).returns('gone');
  decide
    .returnsOnce({ kind: 'tool', tool: 'deleteFile', input: 'a', dangerous: true })
    .returnsOnce({ kind: 'tool', tool: 'deleteFile', input: 'b', dangerous: true })
    .returns({ kind: 'answer', text: 'done' });
  const handle = await env.start(agent, { args: ['tidy up'] });

  await env.sleep('1 minute');
  assert.equal(await handle.query(asksAbout), 'deleteFile("a")');
  await handle.signal(say, 'I will think about it');
  await handle.signal(agree, true);
  assert.equal(await handle.result(), 'done'); // nobody agreed to the second one in a day
  assert.deepEqual(deletions.calls.map(({ args }) => args[0]), ['a']);
  assert.deepEqual((await handle.query(conversation)).map(({ text }) => text), ['tidy up', 'I will think about it', 'gone', 'The person did not agree.']);
});

test('an agent that goes round in circles gives up', async () => {
  const { env, decide } = await open();
  await using _ = env;
  decide.returns({ kind: 'tool', tool: 'search', input: 'again', dangerous: false });
  assert.match(await env.run(agent, { args: ['loop'] }), /gave up after 30/);
});
