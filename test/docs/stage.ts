/**
 * Where programs of the guide run: `Connection.connect()`, `new Client()` and workers without a connection lead to the test's environment
 * instead of localhost:7233, and a program that runs a worker for ever is ended when the test has seen enough.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Connection, type ConnectionOptions } from 'perdure/client';
import { TestEnvironment, type TestEnvironmentOptions } from 'perdure/testing';
import { DefaultLogger, Runtime, Worker } from 'perdure/worker';
import { startTestServer } from '#perdure/testing/test-server';
import { withTimeout } from './waiting.js';

// What fails on purpose is not for the eyes of whoever runs the tests.
Runtime.install({ logger: new DefaultLogger('ERROR') });

export class Stage implements AsyncDisposable {
  readonly env: TestEnvironment;
  /** What connections of the programs were made with. */
  readonly connected: readonly ConnectionOptions[];
  /** The workers that programs made. */
  readonly workers: readonly Worker[];
  /** Where the server listens, if there is one. */
  readonly address: string;
  readonly #close: () => Promise<void>;

  private constructor(t: TestContext, env: TestEnvironment, address: string, connect: (options: ConnectionOptions) => Connection, close: () => Promise<void>) {
    const connected: ConnectionOptions[] = [];
    const workers: Worker[] = [];
    const create = Worker.create.bind(Worker);
    this.env = env;
    this.address = address;
    this.connected = connected;
    this.workers = workers;
    this.#close = close;
    t.mock.method(Connection, 'lazy', (options: ConnectionOptions = {}) => {
      connected.push(options);
      return connect(options);
    });
    t.mock.method(Worker, 'create', async (options: Parameters<typeof create>[0]) => {
      const worker = await create(options);
      workers.push(worker);
      return worker;
    });
  }

  /** An engine in this process, in virtual time. */
  static async open(t: TestContext, options: TestEnvironmentOptions = {}): Promise<Stage> {
    const env = await TestEnvironment.create(options);
    const { transport, time, chance } = env.nativeConnection;
    // A program closes its connection; the environment goes on.
    const shared = { call: transport.call.bind(transport), close: async () => undefined } as typeof transport;
    return new Stage(t, env, '', () => Connection.from(shared, { time, chance }), () => env.teardown());
  }

  /** A server behind gRPC whose time is skipped: for what belongs to real connections, such as plugins. */
  static async openServer(t: TestContext): Promise<Stage> {
    const server = await startTestServer({ port: 0 });
    const env = await TestEnvironment.create({ address: server.address });
    const lazy = Connection.lazy.bind(Connection);
    return new Stage(t, env, server.address, (options) => lazy({ ...options, address: server.address }), async () => {
      await env.teardown();
      await server.close();
    });
  }

  /** Runs a program that is made to run for ever: its workers are shut down after `use`, and then it has to end by itself. */
  async during<T>(program: Promise<unknown>, use: () => Promise<T>): Promise<T> {
    const before = this.workers.length;
    let ended = false;
    const end = program.finally(() => (ended = true));
    end.catch(() => undefined);
    await withTimeout('the worker of a program', async () => {
      while (this.workers.length === before || this.workers.slice(before).some((worker) => worker.getState() !== 'RUNNING')) {
        if (ended) await end.then(() => assert.fail('the program ended before its worker ran'));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    try {
      return await use();
    } finally {
      for (const worker of this.workers.slice(before)) if (worker.getState() === 'RUNNING') worker.shutdown();
      await withTimeout('the end of a program', () => end);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}
