import assert from 'node:assert/strict';
import {
  ApplicationFailure,
  Client,
  Connection,
  QueryNotRegisteredError,
  WithStartWorkflowOperation,
  WorkflowUpdateFailedError,
  WorkflowUpdateStage,
} from '@temporalio/client';
import { settings } from './connection.js';
import { abandon, cart, checkOut, drop, hasty, put, quantityOf, state } from './workflows.js';

const connection = await Connection.connect(settings.connectionOptions);
const client = new Client({ connection, namespace: settings.namespace });
const common = { taskQueue: 'carts' };

// The first touch makes the cart.
const startAda = new WithStartWorkflowOperation(cart, { ...common, workflowId: 'ada', args: ['ada'], workflowIdConflictPolicy: 'USE_EXISTING' });
assert.equal(await client.workflow.executeUpdateWithStart(put, { startWorkflowOperation: startAda, args: [{ article: 'apple', quantity: 3 }] }), 120);
const ada = await startAda.workflowHandle();
assert.equal(await ada.query(quantityOf, 'apple'), 3);

// Refused, and failed: both are told, and the cart goes on.
const refused = await ada.executeUpdate(put, { args: [{ article: 'apple', quantity: 0 }] }).catch((err: unknown) => err);
assert.ok(refused instanceof WorkflowUpdateFailedError);
assert.equal(refused.cause?.message, '0 is not a quantity');
const unknown = await ada.executeUpdate(put, { args: [{ article: 'moon', quantity: 1 }] }).catch((err: unknown) => err);
assert.ok(unknown instanceof WorkflowUpdateFailedError);
assert.ok(unknown.cause?.cause instanceof ApplicationFailure);
assert.equal(unknown.cause.cause.type, 'NoSuchArticle');

// An update in two steps, a signal, and signals that nobody expected.
const accepted = await ada.startUpdate(put, { args: [{ article: 'bread', quantity: 2 }], updateId: 'bread-1', waitForStage: WorkflowUpdateStage.ACCEPTED });
assert.equal(accepted.updateId, 'bread-1');
assert.equal(await accepted.result(), 640);
assert.equal(await ada.getUpdateHandle<number>('bread-1').result(), 640);
await ada.signal('whistle', 1, 'two');
await ada.signal(drop, 'apple');
assert.deepEqual(await ada.query(state), { lines: { bread: 2 }, touches: 4, generation: 1, unknown: ['whistle(1,two)'] });
await assert.rejects(ada.query('nonsense'), QueryNotRegisteredError);
assert.deepEqual((await ada.describe()).memo, { lines: 2 });

// The fifth touch is the last of the run: the next run knows all that was.
const firstRun = (await ada.describe()).runId;
assert.equal(await ada.executeUpdate(put, { args: [{ article: 'cheese', quantity: 1 }] }), 750);
while ((await ada.describe()).runId === firstRun) await new Promise((resolve) => setTimeout(resolve, 20));
assert.deepEqual(await ada.query(state), { lines: { bread: 2, cheese: 1 }, touches: 5, generation: 2, unknown: ['whistle(1,two)'] });
assert.equal(await ada.executeUpdate(checkOut), 'ada/bread+cheese');
assert.deepEqual(await ada.result(), { kind: 'ordered', number: 'ada/bread+cheese' });

// Signal with start; an empty cart cannot be ordered.
const ben = await client.workflow.signalWithStart(cart, { ...common, workflowId: 'ben', args: ['ben'], signal: drop, signalArgs: ['apple'] });
const again = await client.workflow.signalWithStart(cart, { ...common, workflowId: 'ben', args: ['ben'], signal: 'drop', signalArgs: ['bread'] });
assert.equal(again.signaledRunId, ben.signaledRunId);
assert.equal((await ben.query(state)).touches, 2);
const empty = await ben.executeUpdate(checkOut).catch((err: unknown) => err);
assert.ok(empty instanceof WorkflowUpdateFailedError && empty.cause instanceof ApplicationFailure);
assert.equal(empty.cause.type, 'EmptyCart');
await ben.signal(abandon);
assert.deepEqual(await ben.result(), { kind: 'abandoned' });

// Five carts at once, of which the worker keeps two in memory.
const customers = Array.from({ length: 5 }, (_, index) => `customer-${index}`);
await Promise.all(
  customers.map(async (customer, index) => {
    const handle = await client.workflow.start(cart, { ...common, workflowId: customer, args: [customer] });
    for (let round = 0; round < 6; round++) await handle.executeUpdate(put, { args: [{ article: 'apple', quantity: index + 1 }] });
    while ((await handle.query(state)).generation !== 2) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(await handle.query(quantityOf, 'apple'), 6 * (index + 1));
    assert.equal(await handle.executeUpdate(checkOut), `${customer}/apple`);
  }),
);

const gone = await client.workflow.start(hasty, { ...common, workflowId: 'hasty' });
const lost = await gone.startUpdate('slow', { waitForStage: 'ACCEPTED' });
assert.equal(await gone.result(), 'gone');
const failure = await lost.result().catch((err: unknown) => err);
assert.ok(failure instanceof WorkflowUpdateFailedError && failure.cause instanceof ApplicationFailure);
assert.equal(failure.cause.type, 'AcceptedUpdateCompletedWorkflow');

await connection.close();
console.log('carts: all is as it should be');
