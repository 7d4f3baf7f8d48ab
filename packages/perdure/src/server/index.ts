/** `perdure/server`: the engine inside your own process, or listening on a port. */
export { openEngine, type Engine, type EngineOptions, type SearchAttributeTypeName } from './engine.js';
export { checkCallbackAddress } from '../frontend/callback-addresses.js';
export { LIMIT_SECTIONS, readLimitSettings, type LimitSection, type Limits, type ReadSettings } from './limits.js';
export { startServer, type Server, type ServerOptions } from './server.js';
export { consoleLogger, LOG_LEVELS, type ConsoleLoggerOptions, type LogLevel } from './console-logger.js';
export type { HttpAnswer, HttpCaller, HttpRequest, Logger, LogFields, Clock, Random } from '../ports/index.js';
export type { GrpcDoorTls } from '../frontend/grpc/door.js';
export { StoreCorruptError, StoreDriverMissingError, StoreLockedError, StoreTooNewError, StoreUnavailableError } from '../store/errors.js';
export type { Router, Transport } from '../transport/transport.js';
