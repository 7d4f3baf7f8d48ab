/** The HTTP doors of a server: the JSON API and the metrics, each with its probes. */
import { apiSite } from '../http/api-site.js';
import { healthSite } from '../http/health-site.js';
import { openHttpListener, type HttpListener, type HttpListenerOptions } from '../http/listener.js';
import { metricsSite } from '../http/metrics-site.js';
import { MetricRegistry } from '../metrics/instruments.js';
import type { Clock, Logger } from '../ports/index.js';
import type { Router } from '../transport/transport.js';
import type { Engine } from './engine.js';
import type { Limits } from './limits.js';
import { NEXUS_CALLBACK_PATH, nexusSite } from './nexus-site.js';
import { addProcessMetrics } from './metrics/process-metrics.js';

export interface HttpDoorsOptions {
  readonly engine: Engine;
  readonly router: Router;
  readonly logger: Logger;
  readonly host: string;
  readonly limits: Limits | undefined;
  readonly clock: Clock | undefined;
  /** Of the API's door. The metrics' is always plain: scrapers and probes have no certificates, and it says nothing of users' data. */
  readonly tls: HttpListenerOptions['tls'] | undefined;
  readonly allowedOrigins: readonly string[] | undefined;
  readonly allowedHosts: readonly string[] | undefined;
  /** The ports to open; undefined: that door is not opened. */
  readonly apiPort: number | undefined;
  readonly metricsPort: number | undefined;
}

export interface HttpDoors {
  readonly api: HttpListener | undefined;
  readonly metrics: HttpListener | undefined;
  close(graceMs: number): Promise<void>;
}

/** @throws the socket's error, for example EADDRINUSE. Nothing is left open then. */
export async function openHttpDoors(options: HttpDoorsOptions): Promise<HttpDoors> {
  const { apiPort, metricsPort } = options;
  const api = apiPort === undefined ? undefined : await openApi(options, apiPort);
  try {
    const metrics = metricsPort === undefined ? undefined : await openMetrics(options, metricsPort);
    return {
      api,
      metrics,
      close: async (graceMs) => void (await Promise.all([api?.close(graceMs), metrics?.close(graceMs)])),
    };
  } catch (error) {
    await api?.close(0);
    throw error;
  }
}

async function openApi({ engine, router, logger, host, limits, clock, tls, allowedOrigins, allowedHosts }: HttpDoorsOptions, port: number): Promise<HttpListener> {
  const api = apiSite({
    router,
    host,
    ...(limits !== undefined && { limits }),
    ...(allowedOrigins !== undefined && { allowedOrigins }),
    ...(allowedHosts !== undefined && { allowedHosts }),
    ...(clock !== undefined && { now: () => clock.now() }),
    onError: (error, path) => logger.error('A call failed because of a bug in the server.', { path, error }),
  });
  const listener = await openHttpListener({
    host,
    port,
    site: healthSite(() => engine.unreadyBecause(), nexusSite(engine.nexusDoor, api)),
    ...(limits !== undefined && { limits }),
    ...(tls !== undefined && { tls }),
    onError: (error) => logger.error('The HTTP socket failed.', { error }),
  });
  // Handlers outside are told this address. A socket on all addresses has none of its own.
  const reached = listener.address.replace(/^(0\.0\.0\.0|\[::\])(?=:)/, '127.0.0.1');
  engine.nexusDoor.callbackUrl = `${tls === undefined ? 'http' : 'https'}://${reached}${NEXUS_CALLBACK_PATH}`;
  return listener;
}

async function openMetrics({ engine, logger, host, limits }: HttpDoorsOptions, port: number): Promise<HttpListener> {
  const ofProcess = new MetricRegistry();
  const stop = addProcessMetrics(ofProcess);
  try {
    const listener = await openHttpListener({
      host,
      port,
      site: healthSite(() => engine.unreadyBecause(), metricsSite(engine.metrics, ofProcess)),
      ...(limits !== undefined && { limits }),
      onError: (error) => logger.error('The socket of the metrics failed.', { error }),
    });
    return { ...listener, close: (graceMs) => listener.close(graceMs).finally(stop) };
  } catch (error) {
    stop();
    throw error;
  }
}
