/** The bounds of the HTTP doors. */
import { defaultsOf, type LimitTable, type LimitValues } from '../machines/limit-table.js';

const MIB = 1024 * 1024;

export const HTTP_LIMITS = {
  httpRequestBytes: { key: 'frontend.httpRequestSize', default: 4 * MIB, unit: 'bytes', least: 1, of: 'the body of one HTTP request', beyond: '413, RESOURCE_EXHAUSTED', perServer: true },
  httpUnfinishedRequestBytes: { key: 'frontend.httpUnfinishedRequestSize', default: 64 * MIB, unit: 'bytes', least: 1, of: 'HTTP requests that have not arrived completely, together', beyond: '429, RESOURCE_EXHAUSTED', perServer: true },
  httpHeaderBytes: { key: 'frontend.httpHeaderSize', default: 32 * 1024, unit: 'bytes', least: 1024, of: 'the headers of one HTTP request', beyond: '431', perServer: true },
  httpConnections: { key: 'frontend.httpConnections', default: 2000, unit: 'count', least: 1, of: 'HTTP connections', beyond: 'the connection is closed at once', perServer: true },
  httpRequestTimeoutMs: { key: 'frontend.httpRequestTimeout', default: 60_000, unit: 'ms', least: 1, of: 'the time in which an HTTP request must have arrived', beyond: '408', perServer: true },
  httpIdleMs: { key: 'frontend.httpIdleTimeout', default: 75_000, unit: 'ms', least: 1, of: 'the time that an HTTP connection may be without a request', beyond: 'the connection is closed', perServer: true },
  httpStalledMs: { key: 'frontend.httpStalledTimeout', default: 300_000, unit: 'ms', least: 1, of: 'the time in which nothing moves on an HTTP connection during a call', beyond: 'the connection is closed, the call cancelled', perServer: true },
} satisfies LimitTable;

export type HttpLimits = LimitValues<typeof HTTP_LIMITS>;

export const DEFAULT_LIMITS: HttpLimits = defaultsOf(HTTP_LIMITS);
