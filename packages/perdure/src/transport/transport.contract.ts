/**
 * What every transport owes its callers and handlers. The same cases run over gRPC and in process: code that works embedded must work
 * against a server, errors and cancellation included.
 */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { Code, NamespaceNotFoundFailure, OperatorService, RpcError, TestService, WorkflowService } from '../protocol/index.js';
import type { OnHandlerError } from './dispatch.js';
import { Router, type CallContext, type Transport } from './transport.js';

export interface OpenOptions {
  readonly onError?: OnHandlerError;
  readonly now?: () => number;
}

/** A transport to this router, and how to take both down. */
export type OpenTransport = (router: Router, options: OpenOptions) => Promise<{ readonly transport: Transport; close(): Promise<void> }>;

const { DescribeNamespace, PollActivityTaskQueue, QueryWorkflow, SignalWorkflowExecution, StartWorkflowExecution } = WorkflowService;

/** A promise and the functions that settle it. */
function promised<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** A handler that waits until its caller gives up, as a long poll does. */
function waiting() {
  const entered = promised<CallContext>();
  const aborted = promised<unknown>();
  const handler = (_request: unknown, context: CallContext): Promise<never> =>
    new Promise((_, reject) => {
      context.signal.addEventListener('abort', () => {
        aborted.resolve(context.signal.reason);
        reject(context.signal.reason as Error);
      });
      entered.resolve(context);
    });
  return { handler, entered: entered.promise, aborted: aborted.promise };
}

async function failure(call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(() => assert.fail('the call should have failed'), (reason: unknown) => reason);
  assert.ok(error instanceof RpcError, `not an RpcError: ${String(error)}`);
  return error;
}

export function transportContract(name: string, open: OpenTransport): void {
  /** Runs a case on a transport of its own. */
  function contract(title: string, run: (transport: Transport, router: Router) => Promise<void>, options: OpenOptions = {}): void {
    test(title, async () => {
      const router = new Router();
      // Known services have at least one method before the door opens, as in the server.
      router.add(DescribeNamespace, ({ namespace }) => ({ namespaceInfo: { name: namespace } }));
      const { transport, close } = await open(router, options);
      try {
        await run(transport, router);
      } finally {
        await close();
      }
    });
  }

  describe(`transport contract: ${name}`, () => {
    contract('a request arrives complete and the reply comes back complete, defaults filled in', async (transport, router) => {
      const input = Buffer.from('opaque');
      router.add(StartWorkflowExecution, async (request) => {
        assert.equal(request.workflowId, 'order-17');
        assert.equal(request.identity, '');
        assert.equal(request.workflowRunTimeout, 1500.5);
        assert.deepEqual(request.completionCallbacks, []);
        assert.deepEqual(Buffer.from(request.input as Uint8Array), input);
        return { runId: 'run-1', started: true };
      });
      const reply = await transport.call(StartWorkflowExecution, { workflowId: 'order-17', workflowRunTimeout: 1500.5, input });
      assert.equal(reply.runId, 'run-1');
      assert.equal(reply.started, true);
      assert.equal(reply.firstExecutionRunId, '');
      assert.equal(reply.eagerWorkflowTask, undefined);
    });

    contract('an empty request and an empty reply are messages too', async (transport, router) => {
      router.add(SignalWorkflowExecution, () => ({}));
      assert.deepEqual(await transport.call(SignalWorkflowExecution, {}), SignalWorkflowExecution.response.create());
    });

    contract('the caller may reuse its objects once the call is made', async (transport, router) => {
      router.add(StartWorkflowExecution, (request) => ({ runId: request.workflowType?.name ?? '' }));
      const request = { workflowType: { name: 'before' } };
      const call = transport.call(StartWorkflowExecution, request);
      request.workflowType.name = 'after';
      assert.equal((await call).runId, 'before');
    });

    contract('an RpcError arrives with its code, message and details', async (transport, router) => {
      const messages = ['plain', '', '100 % größer: 犬 \n', '%41', 'x'.repeat(500)];
      let next = 0;
      router.add(DescribeNamespace, () => {
        throw RpcError.with(Code.NOT_FOUND, messages[next++] as string, NamespaceNotFoundFailure, { namespace: 'größe' });
      });
      for (const message of messages) {
        const error = await failure(transport.call(DescribeNamespace, {}));
        assert.equal(error.code, Code.NOT_FOUND);
        assert.equal(error.message, message);
        assert.equal(error.detail(NamespaceNotFoundFailure)?.namespace, 'größe');
        assert.equal(error.details.length, 1);
      }
    });

    contract('an error without details arrives without details, thrown or rejected', async (transport, router) => {
      router.add(QueryWorkflow, async () => Promise.reject(new RpcError(Code.FAILED_PRECONDITION, 'later')));
      const error = await failure(transport.call(QueryWorkflow, {}));
      assert.deepEqual([error.code, error.message, error.details], [Code.FAILED_PRECONDITION, 'later', []]);
    });

    const reported: [unknown, string][] = [];
    contract(
      'a defect of a handler is INTERNAL for the caller and reported to the server',
      async (transport, router) => {
        const defect = new TypeError('x is not a function');
        router.add(QueryWorkflow, () => {
          throw defect;
        });
        router.add(SignalWorkflowExecution, async () => Promise.reject(defect));
        for (const method of [QueryWorkflow, SignalWorkflowExecution]) {
          const error = await failure(transport.call<object, object>(method, {}));
          assert.equal(error.code, Code.INTERNAL);
          assert.match(error.message, /x is not a function/);
        }
        assert.deepEqual(reported, [[defect, QueryWorkflow.path], [defect, SignalWorkflowExecution.path]]);
      },
      { onError: (error, path) => reported.push([error, path]) },
    );

    contract('a missing method and a missing service are UNIMPLEMENTED and named', async (transport) => {
      const method = await failure(transport.call(QueryWorkflow, {}));
      assert.equal(method.code, Code.UNIMPLEMENTED);
      assert.match(method.message, /unknown method QueryWorkflow for service temporal\.api\.workflowservice\.v1\.WorkflowService/);
      const service = await failure(transport.call(OperatorService.ListSearchAttributes, {}));
      assert.equal(service.code, Code.UNIMPLEMENTED);
      assert.match(service.message, /unknown service temporal\.api\.operatorservice\.v1\.OperatorService/);
      assert.equal((await failure(transport.call(TestService.LockTimeSkipping, {}))).code, Code.UNIMPLEMENTED);
    });

    contract(
      'a deadline ends the call and the handler; the handler knows it beforehand',
      async (transport, router) => {
        const poll = waiting();
        router.add(PollActivityTaskQueue, poll.handler);
        const error = await failure(transport.call(PollActivityTaskQueue, {}, { timeoutMs: 30 }));
        assert.equal(error.code, Code.DEADLINE_EXCEEDED);
        const { deadline } = await poll.entered;
        assert.ok(deadline !== undefined && deadline > 1_000_000 && deadline <= 1_000_030, `deadline ${deadline}`);
        assert.ok((await poll.aborted) instanceof RpcError);
      },
      { now: () => 1_000_000 },
    );

    contract('a deadline that is far away, or beyond what a timer can hold, does no harm', async (transport) => {
      for (const timeoutMs of [60_000, 2 ** 31, 1e12, 1e300]) {
        const reply = await transport.call(DescribeNamespace, { namespace: 'here' }, { timeoutMs });
        assert.equal(reply.namespaceInfo?.name, 'here');
      }
    });

    contract('without a timeout there is no deadline', async (transport, router) => {
      router.add(QueryWorkflow, (_, context) => {
        assert.equal(context.deadline, undefined);
        assert.equal(context.signal.aborted, false);
        return {};
      });
      await transport.call(QueryWorkflow, {});
    });

    contract('aborting the signal cancels the call and frees the handler', async (transport, router) => {
      const poll = waiting();
      router.add(PollActivityTaskQueue, poll.handler);
      const caller = new AbortController();
      const call = failure(transport.call(PollActivityTaskQueue, {}, { signal: caller.signal }));
      await poll.entered;
      const reason = new Error('shutting down');
      caller.abort(reason);
      const error = await call;
      assert.equal(error.code, Code.CANCELLED);
      assert.equal(error.cause, reason);
      assert.ok((await poll.aborted) instanceof RpcError);
    });

    contract('a handler that asks for the signal after the caller left finds it aborted', async (transport, router) => {
      const entered = promised<CallContext>();
      const release = promised<void>();
      const seen = promised<boolean>();
      const left = waiting();
      router.add(PollActivityTaskQueue, left.handler);
      router.add(QueryWorkflow, async (_, context) => {
        entered.resolve(context);
        await release.promise;
        seen.resolve(context.signal.aborted);
        return {};
      });
      const caller = new AbortController();
      const calls = [failure(transport.call(QueryWorkflow, {}, { signal: caller.signal })), failure(transport.call(PollActivityTaskQueue, {}, { signal: caller.signal }))];
      await Promise.all([entered.promise, left.entered]);
      caller.abort();
      await Promise.all(calls);
      await left.aborted; // by now the server has seen both go
      await turn();
      release.resolve();
      assert.equal(await seen.promise, true);
    });

    contract('a signal that is aborted already: the handler is never called', async (transport, router) => {
      let called = 0;
      router.add(QueryWorkflow, () => {
        called += 1;
        return {};
      });
      const error = await failure(transport.call(QueryWorkflow, {}, { signal: AbortSignal.abort() }));
      assert.equal(error.code, Code.CANCELLED);
      await transport.call(DescribeNamespace, {});
      assert.equal(called, 0);
    });

    contract('a call that has its reply is not disturbed by the signal or the deadline', async (transport) => {
      const caller = new AbortController();
      const reply = await transport.call(DescribeNamespace, { namespace: 'n' }, { signal: caller.signal, timeoutMs: 60_000 });
      caller.abort();
      assert.equal(reply.namespaceInfo?.name, 'n');
      assert.equal((await transport.call(DescribeNamespace, { namespace: 'm' })).namespaceInfo?.name, 'm');
    });

    contract('metadata arrives', async (transport, router) => {
      router.add(QueryWorkflow, (_, { metadata }) => {
        assert.equal(metadata['client-name'], 'temporal-typescript');
        assert.equal(metadata['authorization'], 'Bearer a b=');
        assert.equal(metadata['absent'], undefined);
        return {};
      });
      await transport.call(QueryWorkflow, {}, { metadata: { 'client-name': 'temporal-typescript', authorization: 'Bearer a b=' } });
    });

    contract('replies find their callers, whatever their order', async (transport, router) => {
      const parked = new Map<string, (reply: { runId: string }) => void>();
      const all = promised<void>();
      router.add(StartWorkflowExecution, ({ workflowId }) => {
        const reply = new Promise<{ runId: string }>((resolve) => parked.set(workflowId, resolve));
        if (parked.size === 200) all.resolve();
        return reply;
      });
      const calls = Array.from({ length: 200 }, (_, i) => transport.call(StartWorkflowExecution, { workflowId: `w${i}` }));
      await all.promise;
      for (const [workflowId, resolve] of [...parked].reverse()) resolve({ runId: `run of ${workflowId}` });
      assert.deepEqual((await Promise.all(calls)).map((reply) => reply.runId), calls.map((_, i) => `run of w${i}`));
    });

    contract('three megabytes go both ways unharmed', async (transport, router) => {
      const bytes = Buffer.alloc(3 * 1024 * 1024);
      for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31) & 0xff;
      router.add(PollActivityTaskQueue, () => ({ taskToken: bytes }));
      router.add(StartWorkflowExecution, ({ input }) => ({ runId: String(Buffer.compare(Buffer.from(input as Uint8Array), bytes)) }));
      assert.equal((await transport.call(StartWorkflowExecution, { input: bytes })).runId, '0');
      assert.equal(Buffer.compare((await transport.call(PollActivityTaskQueue, {})).taskToken, bytes), 0);
    });

    contract('close ends the calls under way, frees their handlers and refuses new ones', async (transport, router) => {
      const poll = waiting();
      router.add(PollActivityTaskQueue, poll.handler);
      const call = failure(transport.call(PollActivityTaskQueue, {}));
      await poll.entered;
      await transport.close();
      assert.equal((await call).code, Code.CANCELLED);
      await poll.aborted;
      assert.equal((await failure(transport.call(DescribeNamespace, {}))).code, Code.CANCELLED);
      await transport.close();
    });
  });
}
