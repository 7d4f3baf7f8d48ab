/** The in-process transport keeps the contract of all transports, and what it promises beyond. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkflowService } from '../protocol/index.js';
import { inProcess } from './in-process.js';
import { Router } from './transport.js';
import { transportContract } from './transport.contract.js';

transportContract('in process', async (router, options) => {
  const transport = inProcess(router, options);
  return { transport, close: () => transport.close() };
});

test('a handler never runs on the stack of its caller', async () => {
  let onStack = true;
  let ranOnStack: boolean | undefined;
  const router = new Router().add(WorkflowService.GetSystemInfo, () => {
    ranOnStack = onStack;
    return {};
  });
  const call = inProcess(router).call(WorkflowService.GetSystemInfo, {});
  onStack = false;
  await call;
  assert.equal(ranOnStack, false);
});
