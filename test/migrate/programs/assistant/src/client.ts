import assert from 'node:assert/strict';
import { Client, Connection, WorkflowUpdateFailedError } from '@temporalio/client';
import { approve, asked, assistant, say, transcript } from './workflows.js';

const connection = await Connection.connect({ address: process.env['TEMPORAL_ADDRESS'] });
const client = new Client({ connection, namespace: process.env['TEMPORAL_NAMESPACE'] });

const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
};

const talk = await client.workflow.start(assistant, { taskQueue: 'assistant', workflowId: 'talk', args: ['add 1 and 2'] });
await until(async () => (await talk.query(transcript)).length === 4);
assert.deepEqual(
  (await talk.query(transcript)).map(({ role, content }) => `${role}: ${content}`),
  ['user: add 1 and 2', 'tool: sum: 3', 'tool: odd: no tool "nonsense" (attempt 1)', 'assistant: 2 tools answered'],
);

const nothing = await talk.executeUpdate(say, { args: ['  '] }).catch((err: unknown) => err);
assert.ok(nothing instanceof WorkflowUpdateFailedError);
assert.equal(nothing.cause?.message, 'say something');

const answer = talk.executeUpdate(say, { args: ['clear up'] });
await until(async () => (await talk.query(asked)).includes('erase-2'));
await talk.signal(approve, 'erase-2', true);
await until(async () => (await talk.query(asked)).includes('erase-3'));
await talk.signal(approve, 'erase-3', false);
const words = 'sum: 3 odd: no tool "nonsense" (attempt 1) erase-2: "erased" erase-3: refused';
assert.equal(await answer, words);
assert.equal(await talk.result(), '5 steps');
assert.equal((await talk.query(transcript)).at(-1)?.content, words);

await connection.close();
console.log('assistant: all is as it should be');
