/** Compression of payloads with zlib. What does not get smaller stays as it is. */
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import { ValueError, type Payload, type PayloadCodec } from '../common/index.js';
import { bytesOf, encodingOf, payloadFrom, wrapped } from './wrapped-payload.js';

export interface CompressionCodecOptions {
  /** Smaller payloads are not compressed. Bytes of data. Default: 512. */
  readonly minimumBytes?: number;
  /** The largest payload that is decompressed: a small one can unfold to gigabytes. Bytes. Default: 64 MiB. */
  readonly maximumBytes?: number;
}

const ENCODING = 'binary/zlib';

const deflated = promisify<Uint8Array, Uint8Array>(deflate);
const inflated = promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(inflate);

/** Compress before you encrypt: `payloadCodecs: [new CompressionCodec(), new EncryptionCodec(…)]`. */
export class CompressionCodec implements PayloadCodec {
  readonly #minimumBytes: number;
  readonly #maximumBytes: number;

  constructor(options: CompressionCodecOptions = {}) {
    this.#minimumBytes = options.minimumBytes ?? 512;
    this.#maximumBytes = options.maximumBytes ?? 64 * 1024 * 1024;
  }

  encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(payloads.map((payload) => this.#encodeOne(payload)));
  }

  /** @throws ValueError if a payload is damaged, or would be larger than `maximumBytes`. */
  decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(payloads.map(async (payload) => (encodingOf(payload) === ENCODING ? this.#decodeOne(payload) : payload)));
  }

  async #encodeOne(payload: Payload): Promise<Payload> {
    if (payload.data.byteLength < this.#minimumBytes) return payload;
    const plain = bytesOf(payload);
    const compressed = await deflated(plain);
    return compressed.byteLength < plain.byteLength ? wrapped(ENCODING, compressed) : payload;
  }

  async #decodeOne({ data }: Payload): Promise<Payload> {
    return payloadFrom(await this.#inflate(data));
  }

  async #inflate(data: Uint8Array): Promise<Uint8Array> {
    try {
      return await inflated(data, { maxOutputLength: this.#maximumBytes });
    } catch (error) {
      const tooLarge = error instanceof RangeError;
      throw new ValueError(tooLarge ? `A compressed payload has more than ${this.#maximumBytes} bytes; raise maximumBytes to read it.` : 'A compressed payload is damaged.', error);
    }
  }
}
