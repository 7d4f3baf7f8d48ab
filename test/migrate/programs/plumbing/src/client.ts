import assert from 'node:assert/strict';
import {
  ApplicationFailure,
  Client,
  Connection,
  WorkflowFailedError,
  type ClientInterceptors,
  type WorkflowClientInterceptor,
} from '@temporalio/client';
import { dataConverter } from './data-converter';
import { Money } from './money';
import { tenantOf, withTenant } from './tenant';
import { account, balance, heard, household, leaking, pay } from './workflows';

const started: string[] = [];

const tenantInterceptor: WorkflowClientInterceptor = {
  async start(input, next) {
    const headers = withTenant(input.headers, 'acme');
    started.push(`${input.workflowType} for ${tenantOf(headers)}`);
    return next({ ...input, headers });
  },
  async signal(input, next) {
    return next({ ...input, headers: withTenant(input.headers, 'postman') });
  },
};
const interceptors: ClientInterceptors = { workflow: [tenantInterceptor] };

async function main(): Promise<void> {
  const connection = await Connection.connect({ address: process.env['TEMPORAL_ADDRESS'] });
  const options = { connection, namespace: process.env['TEMPORAL_NAMESPACE'] };
  const client = new Client({ ...options, dataConverter, interceptors });
  const taskQueue = 'plumbing';

  // A class goes through workflow, signal, activity and result.
  const handle = await client.workflow.start(account, { taskQueue, workflowId: 'account', args: [new Money(9_007_199_254_740_993n, 'EUR')] });
  assert.equal(await handle.query(balance), 'acme asked: 9007199254740993 EUR ');
  await handle.signal(pay, new Money(7n, 'EUR'));
  const doubled = await handle.result();
  assert.ok(doubled instanceof Money);
  assert.equal(doubled.toString(), '18014398509482000 EUR');
  assert.equal(await handle.query(balance), 'acme asked: 9007199254741000 EUR seen');

  // Headers reach activities, local activities and children.
  assert.deepEqual(await client.workflow.execute(household, { taskQueue, workflowId: 'household', args: [Buffer.from([1, 2, 3])] }), {
    payers: ['acme (remote, attempt 1)', 'acme (local, attempt 3)', 'acme (remote, attempt 1)'],
    bytes: 3,
  });
  assert.deepEqual(started, ['account for acme', 'household for acme']);

  // A failure's message and details are encoded as well: who has the codec reads them.
  const failed = await client.workflow.execute(leaking, { taskQueue, workflowId: 'leaking' }).catch((err: unknown) => err);
  assert.ok(failed instanceof WorkflowFailedError);
  const cause = failed.cause?.cause;
  assert.ok(cause instanceof ApplicationFailure);
  assert.equal(cause.message, 'The secret is swordfish');
  assert.ok(cause.details?.[0] instanceof Money);
  const stranger = new Client(options);
  await assert.rejects(stranger.workflow.getHandle('account').result());
  const hidden = await stranger.workflow.getHandle('leaking').result().catch((err: unknown) => err);
  assert.ok(hidden instanceof Error);
  assert.ok(!`${hidden} ${hidden.cause}`.includes('swordfish'));

  assert.deepEqual((await client.workflow.execute(heard, { taskQueue, workflowId: 'heard' })).sort(), [
    'account execute for acme',
    'account has 9007199254741000 EUR',
    'account signal pay for postman',
    'child execute for acme',
    'heard execute for acme',
    'household execute for acme',
    'leaking execute for acme',
  ]);
  await connection.close();
}

main().then(
  () => console.log('plumbing: all is as it should be'),
  (err) => {
    console.error(err);
    process.exit(1);
  },
);
