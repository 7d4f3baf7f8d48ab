/** Who decides about data that is too large: the worker, before anything is sent, or the server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestWorkflowEnvironment } from '../../testing/index.js';
import { ApplicationFailure, ServerFailure } from '../common/index.js';
import { Worker } from './index.js';

const activities = { large: async () => 'x'.repeat(3 * 1024 * 1024) };

for (const disablePayloadErrorLimit of [false, true]) {
  test(`a result that is too large is refused by the ${disablePayloadErrorLimit ? 'server' : 'worker'}`, async () => {
    await using env = await TestWorkflowEnvironment.create();
    const worker = await Worker.create({ connection: env.nativeConnection, taskQueue: 'q', activities, disablePayloadErrorLimit });
    const execution = env.client.activity.execute('large', { id: 'a', taskQueue: 'q', startToCloseTimeout: '1 minute' });
    await worker.runUntil(
      assert.rejects(execution, ({ cause }) =>
        disablePayloadErrorLimit
          ? cause instanceof ServerFailure && cause.message.includes('exceeds size limit')
          : cause instanceof ApplicationFailure && cause.type === 'ResultTooLarge',
      ),
    );
  });
}
