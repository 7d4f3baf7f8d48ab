/** The official SDK skips time on `server start-dev --test-service`: a worker of its own, and the RPCs of the TestService. `npm run test:official`. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { TestService, type Init, type Method } from '#perdure/protocol/index';
import { connectGrpc } from '#perdure/transport/grpc-client';
import { root, start } from '../bench/processes.js';
import { loadClient, loadWorker } from '../bench/sdk.js';
import { quietOfficialSdk } from './scenarios/official.js';

const DAY_MS = 86_400_000;
const SOURCE = `
  import { sleep, proxyActivities } from '@temporalio/workflow';
  const { flaky } = proxyActivities({ startToCloseTimeout: '1 minute', retry: { initialInterval: '1 hour', backoffCoefficient: 1 } });
  export async function month() { for (let day = 0; day < 30; day++) await sleep('1 day'); return flaky(); }
`;

test('a month of the official worker passes at once, with all its timers and retries', { timeout: 60_000 }, async () => {
  await quietOfficialSdk();
  const server = start(path.join(root, 'packages/perdure/bin/perdure.js'), ['server', 'start-dev', '--test-service', '--port', '0', '--headless']);
  const address = /127\.0\.0\.1:\d+/.exec(await server.line((line) => /127\.0\.0\.1:\d+/.test(line)))?.[0] ?? '';
  const transport = await connectGrpc({ address });
  const call = <Request, Response>(method: Method<Request, Response>, request: Init<Request>): Promise<Response> => transport.call(method, request);
  const { Client, Connection } = await loadClient('official');
  const { NativeConnection, Worker } = await loadWorker('official');
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  try {
    let attempts = 0;
    const flaky = async (): Promise<number> => {
      attempts += 1;
      if (attempts < 25) throw new Error('not yet');
      return attempts;
    };
    const worker = await Worker.create({ connection: native, taskQueue: 'months', activities: { flaky }, workflowsPath: workflowFile(SOURCE) });
    const { time: before = 0 } = await call(TestService.GetCurrentTime, {});
    await worker.runUntil(async () => {
      await call(TestService.UnlockTimeSkipping, {});
      assert.equal(await new Client({ connection }).workflow.execute('month', { taskQueue: 'months', workflowId: 'month' }), 25);
      await call(TestService.LockTimeSkipping, {});
    });
    const { time: after = 0 } = await call(TestService.GetCurrentTime, {});
    assert.ok(after - before >= 31 * DAY_MS && after - before < 32 * DAY_MS, `${after - before} ms`);
  } finally {
    await native.close();
    await connection.close();
    await transport.close();
    await server.stop();
  }
});

/** Where the official bundler finds its own packages. */
function workflowFile(source: string): string {
  const file = path.join(root, 'test/official/node_modules/.workflows/test-service.mjs');
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, source);
  return file;
}
