/** The bounds of the gRPC door. */
import { defaultsOf, type LimitTable, type LimitValues } from '../../machines/limit-table.js';

const MIB = 1024 * 1024;

export const DOOR_LIMITS = {
  requestBytes: { key: 'frontend.grpcRequestSize', default: 4 * MIB, unit: 'bytes', least: 1, of: 'one gRPC request', beyond: 'RESOURCE_EXHAUSTED', perServer: true },
  unfinishedRequestBytes: { key: 'frontend.grpcUnfinishedRequestSize', default: 256 * MIB, unit: 'bytes', least: 1, of: 'requests that have not arrived completely, together', beyond: 'RESOURCE_EXHAUSTED', perServer: true },
  streamsPerConnection: { key: 'frontend.grpcStreamsPerConnection', default: 100_000, unit: 'count', least: 1, of: 'calls under way on one connection', beyond: 'the client waits', perServer: true },
  connections: { key: 'frontend.grpcConnections', default: 10_000, unit: 'count', least: 1, of: 'connections', beyond: 'the connection is closed at once', perServer: true },
} satisfies LimitTable;

export type GrpcDoorLimits = LimitValues<typeof DOOR_LIMITS>;

export const DEFAULT_LIMITS: GrpcDoorLimits = defaultsOf(DOOR_LIMITS);
