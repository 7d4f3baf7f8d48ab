/** What the server would refuse for its size is refused before it is sent, with the field's name; what is merely large is logged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, RpcError, WorkflowService } from '../../protocol/index.js';
import { DefaultLogger } from '../common/index.js';
import { Client } from './client.js';
import { PayloadLimits, PayloadsTooLargeError } from './payload-limits.js';
import { Connection } from './connection.js';
import { ScriptedTransport } from './scripted-transport.js';

const { DescribeNamespace, SignalWorkflowExecution, StartWorkflowExecution } = WorkflowService;

const LIMITS = { payloadsBytes: 1_000_000, memoBytes: 10_000 };

function limitsWith(ask: (namespace: string) => Promise<typeof LIMITS | undefined> = async () => LIMITS) {
  const warnings: string[] = [];
  const asked: string[] = [];
  const limits = new PayloadLimits({
    ask: (namespace) => {
      asked.push(namespace);
      return ask(namespace);
    },
    warn: (message) => warnings.push(message),
  });
  return { limits, warnings, asked };
}

const start = (input: number, memo = 0) => ({ namespace: 'shop', input: new Uint8Array(input), memo: new Uint8Array(memo) });

test('small requests, and those without data, cost no question', () => {
  const { limits, asked } = limitsWith();
  assert.equal(limits.check(StartWorkflowExecution, start(10_000, 1_000)), undefined);
  assert.equal(limits.check(DescribeNamespace, { namespace: 'shop' }), undefined);
  assert.deepEqual(asked, []);
});

test('a field above the limit is named with its size; the limits are asked for once', async () => {
  const { limits, asked, warnings } = limitsWith();
  await assert.rejects(Promise.resolve(limits.check(StartWorkflowExecution, start(1_000_001))), (error) => {
    assert.ok(error instanceof PayloadsTooLargeError);
    assert.deepEqual([error.field, error.sizeBytes, error.limitBytes], ['StartWorkflowExecution.input', 1_000_001, 1_000_000]);
    return /namespace 'shop' takes at most 1000000.*externalStorage/.test(error.message);
  });
  await assert.rejects(Promise.resolve(limits.check(StartWorkflowExecution, start(5, 10_001))), { field: 'StartWorkflowExecution.memo', limitBytes: 10_000 });
  const args = { request: { input: { args: new Uint8Array(2_000_000) } } };
  await assert.rejects(Promise.resolve(limits.check(WorkflowService.UpdateWorkflowExecution, { namespace: 'shop', ...args })), { field: 'UpdateWorkflowExecution.args' });
  const operations = [{ startWorkflow: start(5) }, { updateWorkflow: args }];
  await assert.rejects(Promise.resolve(limits.check(WorkflowService.ExecuteMultiOperation, { namespace: 'shop', operations })), { field: 'ExecuteMultiOperation.update.args' });
  assert.deepEqual(asked, ['shop']);
  assert.deepEqual(warnings, []);
});

test('large and allowed: sent, and logged', async () => {
  const { limits, warnings } = limitsWith();
  await limits.check(StartWorkflowExecution, start(600_000, 3_000));
  await limits.check(StartWorkflowExecution, start(300_000, 100));
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? '', /^StartWorkflowExecution\.input has 600000 bytes.*at most 1000000/);
  assert.match(warnings[1] ?? '', /^StartWorkflowExecution\.memo has 3000 bytes/);
});

test('a server that does not tell decides by itself, and is asked again', async () => {
  let away = true;
  const { limits, asked } = limitsWith(async () => {
    if (away) throw new RpcError(Code.UNAVAILABLE, 'away');
    return LIMITS;
  });
  await limits.check(StartWorkflowExecution, start(5_000_000));
  away = false;
  await assert.rejects(Promise.resolve(limits.check(StartWorkflowExecution, start(5_000_000))), PayloadsTooLargeError);
  assert.equal(asked.length, 2);
});

test('a client throws it, by the limits of its namespace, and sends nothing', async () => {
  const transport = new ScriptedTransport().onSequence(SignalWorkflowExecution, {}).on(DescribeNamespace, () => ({ namespaceInfo: { limits: { blobSizeLimitError: 500_000 } } }));
  const handle = new Client({ connection: Connection.from(transport) }).workflow.getHandle('w');
  await assert.rejects(handle.signal('go', 'x'.repeat(600_000)), { name: 'PayloadsTooLargeError', field: 'SignalWorkflowExecution.input' });
  assert.deepEqual(transport.calls.map(({ method }) => method), ['DescribeNamespace']);
  await handle.signal('go', 'x'.repeat(400_000));
  assert.equal(transport.requests(SignalWorkflowExecution).length, 1);
});

test('the sizes that are logged, and where to, are options of the connection', async () => {
  const lines: string[] = [];
  const connection = Connection.lazy({ address: '127.0.0.1:1', payloadLimits: { payloadsWarnSize: 0 }, logger: new DefaultLogger('WARN', ({ message }) => lines.push(message)) });
  await connection.close();
  assert.deepEqual(lines, []);
});
