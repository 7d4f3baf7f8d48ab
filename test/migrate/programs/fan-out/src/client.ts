import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { CancelledFailure, Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { collector, family, goOn, neighbour, progress, race, site, sitter, type pausing } from './workflows';

async function main(): Promise<void> {
  const connection = await Connection.connect({ address: process.env['TEMPORAL_ADDRESS'] });
  const client = new Client({ connection, namespace: process.env['TEMPORAL_NAMESPACE'] });
  const taskQueue = 'fan-out';
  const status = async (workflowId: string) => (await client.workflow.getHandle(workflowId).describe()).status.name;
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    while (!(await holds().catch(() => false))) await setTimeout(20);
  };

  // Thirty children, five at a time, which all signal a workflow that is not their parent.
  const pages = Array.from({ length: 30 }, (_, index) => (index % 10 === 9 ? `missing-${index}` : `page-${index}`));
  const collected = await client.workflow.start(collector, { taskQueue, workflowId: 'collector', args: [27] });
  const crawl = await client.workflow.start(site, { taskQueue, workflowId: 'site', args: [pages, 5, 'collector'] });
  assert.deepEqual(await crawl.result(), {
    words: pages.filter((name) => name.startsWith('page')).join('').length,
    failed: ['missing-19: NotFound', 'missing-29: NotFound', 'missing-9: NotFound'],
  });
  assert.deepEqual(await collected.result(), pages.filter((name) => name.startsWith('page')).sort());
  assert.deepEqual((await crawl.query(progress)).done, 30);
  const child = await client.workflow.getHandle('site/0').describe();
  assert.equal(child.parentExecution?.workflowId, 'site');
  assert.equal(child.rootExecution?.workflowId, 'site');

  // Cancelling the parent reaches the children; the abandoned one lives on.
  const parent = await client.workflow.start(family, { taskQueue, workflowId: 'family' });
  await until(async () => (await status('family/abandoned')) === 'RUNNING' && (await status('family/second')) === 'RUNNING');
  await parent.cancel();
  assert.equal(await parent.result(), 'ChildWorkflowFailure because of CancelledFailure');
  assert.equal(await status('family/first'), 'CANCELLED');
  await until(async () => (await status('family/second')) !== 'RUNNING');
  await client.workflow.getHandle('family/abandoned').signal(goOn);
  assert.equal(await client.workflow.getHandle<typeof pausing>('family/abandoned').result(), 'went on');

  assert.deepEqual(await client.workflow.execute(race, { taskQueue, workflowId: 'race' }), [
    'slow was cancelled',
    'quick',
    'timed out',
    'stopped by hand',
    'distinct',
  ]);

  // From one workflow to another.
  const patient = await client.workflow.start(sitter, { taskQueue, workflowId: 'patient' });
  assert.equal(await client.workflow.execute(neighbour, { taskQueue, workflowId: 'neighbour', args: ['patient'] }), 'nobody lives there');
  await assert.rejects(patient.result(), (err) => err instanceof WorkflowFailedError && err.cause instanceof CancelledFailure);

  await connection.close();
}

main().then(
  () => console.log('fan-out: all is as it should be'),
  (err) => {
    console.error(err);
    process.exit(1);
  },
);
