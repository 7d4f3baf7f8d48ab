/** The wire: message types, codecs, methods, errors. The only place that knows protobuf. */
export * from './codec.js';
export * from './errors.js';
export * from './event-ends.js';
export * from './method.js';
export { DecodeError } from './reader.js';
export * from './generated/index.js';
