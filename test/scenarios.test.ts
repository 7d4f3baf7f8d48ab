/** The scenarios with our SDK: over gRPC against the server process, and in process against an embedded engine. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client, Connection } from 'perdure/client';
import { openEngine } from 'perdure/server';
import { DefaultLogger, Runtime, Worker } from 'perdure/worker';
import { ServerProcess } from './crash/server-process.js';
import { runScenarios } from './scenarios/stage.js';

// Activities fail on purpose here.
Runtime.install({ logger: new DefaultLogger('ERROR') });

await runScenarios({ label: 'our SDK in process', sdk: 'ours', connect: async () => {
  const engine = await openEngine({ ephemeral: true });
  const connection = Connection.from(engine.transport);
  return {
    client: new Client({ connection }),
    createWorker: (options) => Worker.create({ ...options, connection }),
    close: () => engine.close(),
  };
} });

await runScenarios({ label: 'our SDK over gRPC', sdk: 'ours', connect: async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-scenarios-'));
  const server = new ServerProcess(path.join(folder, 'dev.db'));
  await server.start();
  const connection = await Connection.connect({ address: server.address });
  return {
    client: new Client({ connection }),
    createWorker: (options) => Worker.create({ ...options, connection }),
    close: async () => {
      await connection.close();
      await server.stop();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
} });
