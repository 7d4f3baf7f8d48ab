import assert from 'node:assert/strict';
import { ActivityFailure, ApplicationFailure, Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { found, letter, moody, tickets, trip } from './workflows';

async function main(): Promise<void> {
  const connection = await Connection.connect({ address: process.env['TEMPORAL_ADDRESS'] });
  const client = new Client({ connection, namespace: process.env['TEMPORAL_NAMESPACE'] });
  const common = { taskQueue: 'trips' };

  assert.deepEqual(await client.workflow.execute(trip, { ...common, workflowId: 'fine', args: [''] }), ['car booked', 'hotel booked', 'flight booked']);

  // The type of an error is the name of its class: retry policies know it by that.
  const soldOut = await failureOf(client.workflow.execute(trip, { ...common, workflowId: 'sold-out', args: ['no flight'] }));
  assert.equal(soldOut.type, undefined);
  assert.deepEqual(soldOut.details, [['car booked', 'hotel booked', 'flight cancelled', 'hotel cancelled', 'car cancelled']]);
  assert.ok(soldOut.cause instanceof ActivityFailure && soldOut.cause.cause instanceof ApplicationFailure);
  assert.deepEqual([soldOut.cause.retryState, soldOut.cause.cause.type, soldOut.cause.cause.message], ['NON_RETRYABLE_FAILURE', 'SoldOut', 'flight is sold out']);
  const bug = await failureOf(client.workflow.execute(trip, { ...common, workflowId: 'bug', args: ['bug'] }));
  assert.ok(bug.cause instanceof ActivityFailure && bug.cause.cause instanceof ApplicationFailure);
  assert.deepEqual([bug.cause.retryState, bug.cause.cause.type, bug.cause.cause.message], ['MAXIMUM_ATTEMPTS_REACHED', 'TypeError', 'car of undefined, attempt 2']);

  assert.equal(await client.workflow.execute(tickets, { ...common, workflowId: 'tickets' }), '2 pages in attempt 2');

  // An activity that ends as cancelled of its own accord has failed.
  const moodyEnd = await client.workflow.execute(moody, { ...common, workflowId: 'moody' }).catch((err: unknown) => err);
  assert.ok(moodyEnd instanceof WorkflowFailedError && moodyEnd.cause instanceof ActivityFailure && moodyEnd.cause.cause instanceof ApplicationFailure);
  assert.deepEqual([moodyEnd.cause.cause.type, moodyEnd.cause.cause.message], ['CancelledFailure', 'I do not want to']);

  const lost = await failureOf(client.workflow.execute(letter, { ...common, workflowId: 'letter' }));
  assert.deepEqual([lost.type, lost.message], ['ExternalWorkflowExecutionNotFound', 'Unable to signal external workflow because it was not found']);

  const searchAttributes = { ReportRegion: ['north'] };
  assert.deepEqual(await client.workflow.execute(found, { ...common, workflowId: 'found', searchAttributes }), [
    { ReportPages: [7], ReportTags: ['a', 'b'] },
    ['ReportPages INT 7', 'ReportTags KEYWORD_LIST a,b'],
  ]);
  while ((await client.workflow.count('WorkflowType = "trip" AND ExecutionStatus != "Running"')).count < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  const { groups } = await client.workflow.count('WorkflowType = "trip" GROUP BY ExecutionStatus');
  const counts = groups.map(({ count, groupValues }) => `${JSON.stringify(groupValues)} ${count}`);
  assert.deepEqual(counts.sort(), ['[["Completed"]] 1', '[["Failed"]] 2']);

  await connection.close();
  console.log('trips: all is as it should be');
}

async function failureOf(result: Promise<unknown>): Promise<ApplicationFailure> {
  const error = await result.catch((err: unknown) => err);
  assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure, String(error));
  return error.cause;
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
