import assert from 'node:assert/strict';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  Client,
  Connection,
  TerminatedFailure,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { TASK_QUEUE, type Order } from './shared';
import { audit, collect, order, patient } from './workflows';

const made = (id: string, rest: Partial<Order> = {}): Order => ({ id, article: 'book', cents: 1250, card: 'good', ...rest });

async function failureOf(promise: Promise<unknown>): Promise<WorkflowFailedError> {
  try {
    await promise;
  } catch (err) {
    assert.ok(err instanceof WorkflowFailedError, String(err));
    return err;
  }
  throw new Error('it did not fail');
}

async function main(): Promise<void> {
  const connection = await Connection.connect({ address: process.env['TEMPORAL_ADDRESS'] });
  const client = new Client({ connection, namespace: process.env['TEMPORAL_NAMESPACE'] });
  const entries = (orderId: string) => client.workflow.execute(audit, { args: [orderId], taskQueue: TASK_QUEUE, workflowId: `audit-${orderId}` });
  const run = (given: Order) => client.workflow.execute(order, { args: [given], taskQueue: TASK_QUEUE, workflowId: given.id });

  // All goes well, though the bank needs three attempts and the van two.
  assert.deepEqual(await run(made('o-1', { card: 'slow-bank', article: 'vase' })), {
    orderId: 'o-1',
    paymentId: 'charge:o-1',
    parcel: 'parcel of vase',
    paymentAttempts: 3,
  });
  assert.deepEqual(await entries('o-1'), ['reserved', 'charged', 'shipped from step 2']);

  // A failure that nobody retries, with what was done undone, and its chain of causes.
  const declined = await failureOf(run(made('o-2', { card: 'declined' })));
  assert.ok(declined.cause instanceof ApplicationFailure);
  assert.equal(declined.cause.type, 'OrderFailed');
  assert.deepEqual(declined.cause.details, ['o-2']);
  assert.ok(declined.cause.cause instanceof ActivityFailure);
  assert.equal(declined.cause.cause.activityType, 'charge');
  const bank = declined.cause.cause.cause;
  assert.ok(bank instanceof ApplicationFailure);
  assert.deepEqual([bank.message, bank.type, bank.nonRetryable, bank.details], ['The bank said no', 'CardDeclined', true, [{ card: 'declined' }]]);
  assert.deepEqual(await entries('o-2'), ['reserved', 'released']);

  // An error's class decides about retries, and compensations run backwards.
  const heavy = await failureOf(run(made('o-3', { article: 'anvil' })));
  assert.equal((heavy.cause?.cause as Error | undefined)?.cause instanceof ApplicationFailure, true);
  assert.deepEqual(await entries('o-3'), ['reserved', 'charged', 'refunded', 'released']);

  const none = await failureOf(run(made('o-4', { article: 'unicorn' })));
  const why = none.cause?.cause as ActivityFailure;
  assert.deepEqual((why.cause as ApplicationFailure).details, ['unicorn', 0]);

  // Cancellation reaches the activity, and what follows cannot be cancelled.
  const pickup = await client.workflow.start(collect, { args: [made('o-5')], taskQueue: TASK_QUEUE, workflowId: 'o-5', memo: { shop: 'north' } });
  while (!(await pickup.describe()).raw.pendingActivities?.[0]?.lastStartedTime) await new Promise((resolve) => setTimeout(resolve, 20));
  await pickup.cancel();
  const cancelled = await failureOf(pickup.result());
  assert.ok(cancelled.cause instanceof CancelledFailure);
  assert.deepEqual(await entries('o-5'), ['reserved', 'pickup called off', 'released']);
  const description = await pickup.describe();
  assert.equal(description.status.name, 'CANCELLED');
  assert.equal(description.type, 'collect');
  assert.deepEqual(description.memo, { shop: 'north' });
  assert.ok(description.startTime <= (description.closeTime ?? new Date(0)));

  // One id is one order.
  const waiting = await client.workflow.start(patient, { taskQueue: TASK_QUEUE, workflowId: 'patient' });
  await assert.rejects(client.workflow.start(patient, { taskQueue: TASK_QUEUE, workflowId: 'patient' }), WorkflowExecutionAlreadyStartedError);
  const replaced = await client.workflow.start(patient, {
    taskQueue: TASK_QUEUE,
    workflowId: 'patient',
    workflowIdConflictPolicy: 'TERMINATE_EXISTING',
  });
  assert.notEqual(replaced.firstExecutionRunId, waiting.firstExecutionRunId);
  assert.ok((await failureOf(waiting.result())).cause instanceof TerminatedFailure);
  await replaced.terminate('enough');
  assert.equal((await failureOf(replaced.result())).message, 'enough');
  await assert.rejects(
    client.workflow.start(order, { args: [made('o-1')], taskQueue: TASK_QUEUE, workflowId: 'o-1', workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE }),
    WorkflowExecutionAlreadyStartedError,
  );
  await assert.rejects(client.workflow.getHandle('nobody').describe(), WorkflowNotFoundError);

  const found: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query: "WorkflowType = 'order' AND ExecutionStatus = 'Failed'" })) found.push(workflowId);
  assert.deepEqual(found.sort(), ['o-2', 'o-3', 'o-4']);
  assert.equal((await client.workflow.count("WorkflowType = 'order'")).count, 4);
  await connection.close();
}

main().then(
  () => console.log('orders: all is as it should be'),
  (err) => {
    console.error(err);
    process.exit(1);
  },
);
