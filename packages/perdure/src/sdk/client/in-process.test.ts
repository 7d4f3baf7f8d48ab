/** A client attached to a router in the same process, as an embedded engine offers it: no sockets, same behaviour. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, History, RpcError, WorkflowService } from '../../protocol/index.js';
import { inProcess } from '../../transport/in-process.js';
import { Router } from '../../transport/transport.js';
import { Client } from './client.js';
import { Connection } from './connection.js';
import { isGrpcCancelledError, isGrpcDeadlineError, ServiceError } from './errors.js';

/** One workflow that echoes its input; polls for its result wait until it is released. */
function echoServer() {
  let input: Uint8Array | undefined;
  let waiting = 0;
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const router = new Router()
    .add(WorkflowService.StartWorkflowExecution, (request) => {
      input = request.input;
      return { runId: 'run-1', started: true };
    })
    .add(WorkflowService.GetWorkflowExecutionHistory, async (_request, { signal }) => {
      waiting += 1;
      const gone = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await Promise.race([released, gone]);
      waiting -= 1;
      if (signal.aborted) throw new RpcError(Code.CANCELLED, 'the caller went away');
      return { history: History.encode({ events: [{ eventId: 3, workflowExecutionCompletedEventAttributes: { result: input } }] }) };
    });
  return { router, release: () => release(), waiting: () => waiting };
}

test('execute resolves with what the workflow returned', async () => {
  const server = echoServer();
  const client = new Client({ connection: Connection.from(inProcess(server.router)) });
  server.release();
  assert.deepEqual(await client.workflow.execute('echo', { args: [{ a: [1] }], taskQueue: 'q', workflowId: 'w' }), { a: [1] });
});

test('a caller that gives up frees its place at the server', async () => {
  const server = echoServer();
  const client = new Client({ connection: { transport: inProcess(server.router) } });
  const handle = client.workflow.getHandle('w');
  const controller = new AbortController();
  const given = client.withAbortSignal(controller.signal, () => handle.result());
  const timed = client.withDeadline(Date.now() + 20, () => handle.result());
  await assert.rejects(timed, isGrpcDeadlineError);
  controller.abort();
  await assert.rejects(given, isGrpcCancelledError);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(server.waiting(), 0);
});

test('a method that the router does not have is an UNIMPLEMENTED ServiceError', async () => {
  const client = new Client({ connection: Connection.from(inProcess(new Router())) });
  await assert.rejects(client.workflow.getHandle('w').describe(), (error) => error instanceof ServiceError && error.code === Code.UNIMPLEMENTED);
});
