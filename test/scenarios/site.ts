/**
 * A site: one server as one SDK reaches it, watched by a recorder. Shared workers are made on the site; a scenario opens it once more for
 * itself, so that its client and its own workers carry its mark.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connectGrpc } from '#perdure/transport/grpc-client';
import type { Transport } from '#perdure/transport/transport';
import { Client, Connection } from 'perdure/client';
import { openEngine } from 'perdure/server';
import { Worker, bundleWorkflowCode, type WorkerOptions } from 'perdure/worker';
import { loadClient, loadWorker, workflowsFor, type SdkName } from '../../bench/sdk.js';
import { ServerProcess } from '../crash/server-process.js';
import type { Area } from './areas.js';
import { prepareNamespaces } from './namespaces.js';
import { startProxy } from './proxy.js';
import { MARK_HEADER, type Recorder } from './recorder.js';
import { RecordingTransport } from './recording-transport.js';
import type { ServerControl } from './scenario.js';

export interface Opened {
  readonly client: Client;
  createWorker(options: WorkerOptions): Promise<Worker>;
  close(): Promise<void>;
}

export interface Site {
  readonly sdk: SdkName;
  /** To the server, past the recorder. */
  readonly transport: Transport;
  /** @param mark left out: calls are attributed by what they carry */
  open(mark?: string): Promise<Opened>;
  close(): Promise<void>;
}

/** A site without server control, for each place that a server can be. */
export const sites = {
  /** Our SDK and an engine in this process. */
  inProcess: async (recorder: Recorder): Promise<Site> => {
    const engine = await openEngine({ ephemeral: true });
    await prepareNamespaces(engine.transport);
    return { ...ours(engine.transport, recorder), close: () => engine.close() };
  },
  /** An SDK and a server at an address. */
  at: async (sdk: SdkName, address: string, recorder: Recorder): Promise<Site> => {
    const transport = await connectGrpc({ address });
    await prepareNamespaces(transport);
    if (sdk === 'ours') return { ...ours(transport, recorder), close: () => transport.close() };
    return official(address, transport, recorder);
  },
};

function ours(transport: Transport, recorder: Recorder): Omit<Site, 'close'> {
  return {
    sdk: 'ours',
    transport,
    open: (mark) => {
      const connection = Connection.from(new RecordingTransport(transport, recorder, mark));
      return Promise.resolve({
        client: new Client({ connection }),
        createWorker: (options) => Worker.create({ ...options, connection }),
        close: () => connection.close(),
      });
    },
  };
}

async function official(address: string, transport: Transport, recorder: Recorder): Promise<Site> {
  const sdkClient = await loadClient('official');
  const sdkWorker = await loadWorker('official');
  const proxy = await startProxy(address, recorder);
  return {
    sdk: 'official',
    transport,
    open: async (mark) => {
      const options = { address: proxy.address, ...(mark !== undefined && { metadata: { [MARK_HEADER]: mark } }) };
      const connection = await sdkClient.Connection.connect(options);
      // A connection of the worker's own kind is made when a worker needs it: most scenarios use the area's.
      let native: Promise<Connection> | undefined;
      return {
        client: new sdkClient.Client({ connection }),
        createWorker: async (workerOptions) => {
          native ??= sdkWorker.NativeConnection.connect(options);
          return sdkWorker.Worker.create({ ...workerOptions, connection: await native });
        },
        close: async () => {
          await connection.close();
          await (await native)?.close();
        },
      };
    },
    close: async () => {
      await proxy.close();
      await transport.close();
    },
  };
}

/** Our server in a process of its own, on a file. */
export interface OwnServer extends ServerControl {
  readonly address: string;
  stop(): Promise<void>;
}

export async function startOwnServer(settings: Readonly<Record<string, unknown>> = {}): Promise<OwnServer> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-scenarios-'));
  const flags = Object.entries(settings).flatMap(([key, value]) => ['--dynamic-config-value', `${key}=${JSON.stringify(value)}`]);
  const server = new ServerProcess(path.join(folder, 'dev.db'), flags);
  await server.start();
  return {
    address: server.address,
    kill: () => server.kill(),
    start: () => server.start(),
    stop: async () => {
      await server.stop();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The area's workflows for an SDK, bundled once. */
export async function bundleArea(sdk: SdkName, area: Area): Promise<WorkerOptions['workflowBundle']> {
  if (area.workflows === undefined) return undefined;
  const workflowsPath = workflowsFor(sdk, area.workflows);
  // An area's interceptors stand beside its workflows.
  const intercepts = /^export (const|function) interceptors\b/m.test(fs.readFileSync(workflowsPath, 'utf8'));
  const workflowInterceptorModules = intercepts ? [workflowsPath] : [];
  if (sdk === 'ours') return bundleWorkflowCode({ workflowsPath, workflowInterceptorModules });
  const { bundleWorkflowCode: bundle, DefaultLogger } = await loadWorker('official');
  const options = { workflowsPath, workflowInterceptorModules, logger: new DefaultLogger('ERROR') }; // the bundler of the official SDK tells of each module
  return bundle(options);
}
