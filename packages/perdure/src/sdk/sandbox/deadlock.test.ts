/** Code that never yields is interrupted, named, and leaves other runs alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultDataConverter } from '../common/data-converter.js';
import { DefaultLogger } from '../common/logger.js';
import { createWorkflowExecutor } from '../replay/executor.js';
import { HistoryBuilder } from '../replay/history-builder.js';
import { noFetch, resultOf, shortly } from '../replay/test-executor.js';
import { bundleWorkflowCode } from './bundle.js';

test('a workflow task that does not yield fails with an error that says so, and other runs go on', async () => {
  const bundle = await bundleWorkflowCode({ workflowsPath: new URL('../workflow/test-deadlock.js', import.meta.url).href });
  const executor = createWorkflowExecutor({
    bundle,
    namespace: 'default',
    taskQueue: 'orders',
    maxCachedRuns: 10,
    dataConverter: defaultDataConverter,
    logger: new DefaultLogger('ERROR'),
    deadlockAfterMs: 100,
  });
  try {
    const patient = new HistoryBuilder('patient', [], 'patient').taskStarted();
    assert.deepEqual(shortly(await executor.handle(patient.task(), noFetch)), ['timer 1 10']);
    for (const type of ['spinning', 'spinningLater', 'spinningOnCondition']) {
      for (const attempt of [1, 2]) {
        const outcome = await executor.handle(new HistoryBuilder(type, [], `${type} ${attempt}`).taskStarted().task(1, { attempt }), noFetch);
        assert.ok(outcome.kind === 'failed', `${type} ends`);
        assert.match(outcome.failure.message ?? '', /Potential deadlock: the code of the workflow .* did not yield for 0.1 s/);
        assert.match(outcome.failure.message ?? '', new RegExp(`'${type}'`), 'names the workflow');
      }
    }
    patient.taskCompleted().timerStarted('1').timerFired('1').taskStarted();
    assert.equal(resultOf(await executor.handle(patient.stickyTask(), noFetch)), 'done');
  } finally {
    await executor.close();
  }
});
