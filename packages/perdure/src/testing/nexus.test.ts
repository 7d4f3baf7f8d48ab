/** Nexus operations from workflow to handler and back, on the engine: what each side sees of the other, retries, and what stands behind an operation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Callback, Link, type HistoryEvent } from '../protocol/index.js';
import { TestEnvironment } from './environment.js';
import { officeService, seen } from './test-nexus-service.js';
import { caller, ledger, persistent } from './test-nexus-workflows.js';

const workflowsPath = fileURLToPath(new URL('./test-nexus-workflows.js', import.meta.url));

async function open(): Promise<TestEnvironment> {
  const env = await TestEnvironment.create();
  await env.createNexusEndpoint('office');
  await env.worker({ workflowsPath, nexusServices: [officeService], interceptors: { workflowModules: [workflowsPath] } });
  return env;
}

test('headers that an interceptor adds arrive at the handler', async () => {
  await using env = await open();
  seen.headers = [];
  assert.equal(await env.run(caller, { args: ['greet', 'Ada'] }), 'hello Ada');
  assert.equal(seen.headers[0]?.['x-trace'], 'of greet');
});

test('a handler that is not available is asked again, for the same operation', async () => {
  await using env = await open();
  seen.attempts = 0;
  seen.requestIds.clear();
  assert.equal(await env.run(persistent, { args: [3] }), 4);
  assert.equal(seen.requestIds.size, 1);
});

test('caller and workflow know of each other', async () => {
  await using env = await open();
  const handle = await env.start(caller, { args: ['book', 'rent'] });
  assert.equal(await handle.result(), 'rent booked');
  const begun = (events: readonly HistoryEvent[]) => events.find(({ nexusOperationStartedEventAttributes: attributes }) => attributes !== undefined);
  const { events } = await handle.fetchHistory();
  const there = Link.decode(begun(events)!.links[0]!).workflowEvent;
  assert.equal(there?.workflowId, 'ledger-rent');
  const [first] = (await env.client.workflow.getHandle('ledger-rent').fetchHistory()).events;
  const started = first?.workflowExecutionStartedEventAttributes;
  const back = [...(first?.links ?? []), ...(started?.completionCallbacks ?? []).flatMap((bytes) => Callback.decode(bytes).links)].map((bytes) => Link.decode(bytes).workflowEvent?.workflowId);
  assert.ok(back.includes(handle.workflowId), `links of the start: ${back.join(', ')}`);
});

test('an update of a running workflow stands behind an operation', async () => {
  await using env = await open();
  const running = await env.start(ledger, { args: ['fuel'], workflowId: 'ledger-fuel' });
  assert.equal(await env.run(caller, { args: ['approve', 'fuel'] }), 'fuel approved');
  assert.equal(await running.result(), 'fuel booked for the boss');
});

test('an endpoint that is gone refuses', async () => {
  await using env = await open();
  const endpoint = await env.createNexusEndpoint('short-lived', 'nowhere');
  await env.deleteNexusEndpoint(endpoint);
  await assert.rejects(env.deleteNexusEndpoint(endpoint));
  await assert.rejects(env.createNexusEndpoint('office', 'elsewhere'), /already|exists/i);
});
