/** Bad input is refused before it reaches a machine, with the field and the limit in the message. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, RpcError } from '../protocol/index.js';
import { DEFAULT_NAMESPACE_LIMITS as limits } from './request-limits.js';
import { checkBlob, checkDuration, checkLength, checkLinks, checkRunId, required, requiredExecution, requiredTaskQueue } from './validation.js';

const refuses = (check: () => void, message: RegExp): void =>
  assert.throws(check, (error) => error instanceof RpcError && error.code === Code.INVALID_ARGUMENT && message.test(error.message));

test('ids are counted in bytes', () => {
  checkLength('WorkflowId', 'x'.repeat(1000), limits);
  checkLength('WorkflowId', 'é'.repeat(500), limits);
  refuses(() => checkLength('WorkflowId', 'x'.repeat(1001), limits), /WorkflowId exceeds length limit: it has 1001 bytes/);
  refuses(() => checkLength('WorkflowId', 'é'.repeat(501), limits), /1002 bytes/);
  refuses(() => required('SignalName', '', limits), /SignalName is not set/);
  refuses(() => required('SignalName', undefined, limits), /SignalName is not set/);
});

test('executions and queues need their names', () => {
  refuses(() => requiredExecution(undefined), /Execution is not set/);
  refuses(() => requiredExecution({ workflowId: '', runId: '' }), /WorkflowId is not set/);
  refuses(() => requiredExecution({ workflowId: 'w', runId: 'first' }), /Invalid RunId/);
  refuses(() => checkRunId('0'.repeat(36)), /not a UUID/);
  checkRunId('0198c7aa-0000-7000-8000-000000000000');
  refuses(() => requiredTaskQueue(undefined, limits), /TaskQueue is not set/);
  refuses(() => requiredTaskQueue({ name: '', kind: 1, normalName: '' }, limits), /TaskQueue is not set/);
  refuses(() => requiredTaskQueue({ name: '/_sys/x', kind: 1, normalName: '' }, limits), /reserved prefix/);
});

test('durations, data and links have bounds', () => {
  checkDuration('T', undefined);
  checkDuration('T', 0);
  refuses(() => checkDuration('T', -1), /negative/);
  checkDuration('T', 1e15);
  checkBlob('Input', new Uint8Array(2 * 1024 * 1024), limits);
  refuses(() => checkBlob('Input', new Uint8Array(2 * 1024 * 1024 + 1), limits), /Input exceeds size limit/);
  refuses(() => checkLinks(Array.from({ length: 11 }, () => new Uint8Array(1)), limits), /count limit/);
  refuses(() => checkLinks([new Uint8Array(4001)], limits), /size limit/);
});
