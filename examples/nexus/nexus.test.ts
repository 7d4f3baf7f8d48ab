import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HandlerError } from 'nexus-rpc';
import { WorkflowFailedError } from 'perdure/client';
import { ApplicationFailure, NexusOperationFailure } from 'perdure/common';
import { TestEnvironment } from 'perdure/testing';
import * as activities from './bank-activities.js';
import { bankService } from './bank-service.js';
import { order } from './workflows.js';

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Two teams, each with its worker; between them the endpoint. */
async function open(): Promise<TestEnvironment> {
  const env = await TestEnvironment.create();
  await env.createNexusEndpoint('bank', 'bank-queue');
  await env.worker({ taskQueue: 'bank-queue', workflowsPath: file('./bank-workflows.js'), activities, nexusServices: [bankService] });
  await env.worker({ workflowsPath: file('./workflows.js') });
  return env;
}

test('an order waits two days for its money, across the border', async () => {
  await using env = await open();
  const begin = env.currentTime().getTime();
  assert.equal(await env.run(order, { args: ['order-1', 5_000] }), 'order-1: paid 5100, shipped');
  assert.ok(env.currentTime().getTime() - begin >= 2 * 86_400_000);
});

test('after a week the order gives up, and the bank hears of it', async () => {
  await using env = await open();
  assert.equal(await env.run(order, { args: ['slow-1', 5_000] }), 'slow-1: not paid in time');
  assert.deepEqual(activities.withdrawn, ['slow-1']);
});

test('a refusal and a mistake are told apart', async () => {
  await using env = await open();
  const causeOf = async (cents: number): Promise<unknown> => {
    const error: unknown = await env.run(order, { args: ['order-2', cents] }).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof WorkflowFailedError && error.cause instanceof NexusOperationFailure, String(error));
    return error.cause.cause;
  };
  const refusal = await causeOf(2_000_000);
  assert.ok(refusal instanceof ApplicationFailure && refusal.message === 'too much for this bank');
  const mistake = await causeOf(-1);
  assert.ok(mistake instanceof HandlerError && mistake.type === 'BAD_REQUEST');
});
