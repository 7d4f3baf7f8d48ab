/** Serves the SDK's metrics to Prometheus: one path, on an address of its own. */
import { exposition, EXPOSITION_CONTENT_TYPE } from '../../metrics/exposition.js';
import { ValueError, type Logger } from '../common/index.js';
import type { MetricAggregation } from './aggregation.js';

export interface Exporter {
  /** Sends what there is, if it sends, and ends. */
  close(): Promise<void>;
  /** Resolves with the port once it listens; for tests, which give port 0. */
  readonly port?: Promise<number>;
}

/** `host:port`, with brackets around an IPv6 host. */
function parseAddress(bindAddress: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(bindAddress);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new ValueError(`telemetryOptions.metrics.prometheus.bindAddress must be 'host:port', for example '127.0.0.1:9464', got '${bindAddress}'`);
  return { host: match[1] ?? match[2] ?? '', port };
}

/**
 * Begins to listen. That fails later if it fails, so it is logged: metrics must not keep a worker from running.
 *
 * @throws ValueError if the address is not one.
 */
export function servePrometheus(bindAddress: string, aggregation: MetricAggregation, logger: Logger): Exporter {
  const { host, port } = parseAddress(bindAddress);
  const started = listen(host, port, aggregation);
  started.catch((error: unknown) => logger.error(`Metrics cannot be served at ${bindAddress}: ${String(error)}`, { sdkComponent: 'worker', error }));
  return {
    port: started.then((server) => server.port),
    close: () => started.then((server) => server.close(), () => undefined),
  };
}

async function listen(host: string, port: number, aggregation: MetricAggregation): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { createServer } = await import('node:http');
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('The metrics are at /metrics.\n');
      return;
    }
    aggregation.collect();
    response.writeHead(200, { 'content-type': EXPOSITION_CONTENT_TYPE }).end(exposition(aggregation.registry));
  });
  // A program that has nothing else to do may end.
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host === '' ? undefined : host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
