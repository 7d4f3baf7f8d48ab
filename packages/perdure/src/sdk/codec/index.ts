/** `perdure/codec`: payload codecs that are ready to use, and the server for consoles that read what they wrote. */
export { createCodecServer, type CodecRequest, type CodecServerOptions } from './codec-server.js';
export { CompressionCodec, type CompressionCodecOptions } from './compression-codec.js';
export { EncryptionCodec, type EncryptionCodecOptions } from './encryption-codec.js';
export type { Payload, PayloadCodec } from '../common/index.js';
