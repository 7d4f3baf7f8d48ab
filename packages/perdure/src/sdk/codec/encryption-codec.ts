/**
 * Encryption of payloads with AES-256-GCM: the server, its database and its backups see nothing but ciphertext.
 *
 * Each payload has a nonce of its own and names its key, so keys can be changed at any time: new payloads get the new key, old ones are read
 * with theirs. The layout is the one that other SDKs' examples use, so workers of several languages can share keys.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { decodeText, encodeText, ValueError, type Payload, type PayloadCodec } from '../common/index.js';
import { bytesOf, encodingOf, payloadFrom, wrapped } from './wrapped-payload.js';

export interface EncryptionCodecOptions {
  /** The key for new payloads. A function is asked for each batch: return another id and the key has changed, without a restart. */
  readonly keyId: string | (() => string);
  /**
   * 32 bytes each, by their ids; or a function that fetches one, from a key service for example. What it gives is kept in memory.
   * Keep old keys for as long as histories that were written with them are read.
   */
  readonly keys: Readonly<Record<string, Uint8Array>> | ((keyId: string) => Uint8Array | Promise<Uint8Array>);
}

const ENCODING = 'binary/encrypted';
const KEY_ID = 'encryption-key-id';
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Ids come with the data: one that invents ids must not fill the memory. */
const MOST_KEYS_IN_MEMORY = 1_000;

/**
 * @example
 * const codec = new EncryptionCodec({ keyId: '2031-01', keys: { '2031-01': Buffer.from(process.env.PAYLOAD_KEY, 'base64') } });
 * const client = new Client({ connection, dataConverter: { payloadCodecs: [codec] } });
 * // the worker needs the same dataConverter
 */
export class EncryptionCodec implements PayloadCodec {
  readonly #currentKeyId: () => string;
  readonly #fetchKey: (keyId: string) => Uint8Array | undefined | Promise<Uint8Array>;
  readonly #keys = new Map<string, Promise<Uint8Array>>();

  /** @throws ValueError if a given key does not have 32 bytes, or the one for new payloads is missing. */
  constructor({ keyId, keys }: EncryptionCodecOptions) {
    this.#currentKeyId = typeof keyId === 'function' ? keyId : () => keyId;
    if (typeof keys === 'function') {
      this.#fetchKey = keys;
      return;
    }
    this.#fetchKey = (id) => (Object.hasOwn(keys, id) ? keys[id] : undefined);
    for (const [id, key] of Object.entries(keys)) checkedKey(id, key);
    if (typeof keyId === 'string') checkedKey(keyId, this.#fetchKey(keyId) as Uint8Array | undefined);
  }

  /** @throws ValueError, or what the function that fetches keys throws. */
  async encode(payloads: Payload[]): Promise<Payload[]> {
    const keyId = this.#currentKeyId();
    const key = await this.#key(keyId);
    const metadata = { [KEY_ID]: encodeText(keyId) };
    return payloads.map((payload) => wrapped(ENCODING, encrypt(bytesOf(payload), key), metadata));
  }

  /** @throws ValueError if a key is unknown, or if the payload was changed or encrypted with another key of that name. */
  decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(payloads.map(async (payload) => (encodingOf(payload) === ENCODING ? this.#decodeOne(payload) : payload)));
  }

  async #decodeOne({ metadata, data }: Payload): Promise<Payload> {
    const id = metadata[KEY_ID];
    if (id === undefined) throw new ValueError(`An encrypted payload does not say which key it needs (metadata "${KEY_ID}").`);
    const keyId = decodeText(id);
    return payloadFrom(decrypt(data, await this.#key(keyId), keyId));
  }

  #key(keyId: string): Promise<Uint8Array> {
    let key = this.#keys.get(keyId);
    if (key === undefined) {
      key = this.#fetch(keyId);
      if (this.#keys.size >= MOST_KEYS_IN_MEMORY) this.#keys.clear();
      this.#keys.set(keyId, key);
      // A key service that was down is asked again.
      key.catch(() => this.#keys.delete(keyId));
    }
    return key;
  }

  async #fetch(keyId: string): Promise<Uint8Array> {
    return checkedKey(keyId, await this.#fetchKey(keyId));
  }
}

function checkedKey(keyId: string, key: Uint8Array | undefined): Uint8Array {
  if (key === undefined) throw new ValueError(`There is no encryption key "${keyId}". Give it in \`keys\`.`);
  if (key.byteLength !== KEY_BYTES) throw new ValueError(`The encryption key "${keyId}" must have ${KEY_BYTES} bytes, not ${key.byteLength}.`);
  return key;
}

function encrypt(plain: Uint8Array, key: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(data: Uint8Array, key: Uint8Array, keyId: string): Uint8Array {
  if (data.byteLength < NONCE_BYTES + TAG_BYTES) throw new ValueError('An encrypted payload is too short: it was cut off.');
  const decipher = createDecipheriv(CIPHER, key, data.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(data.subarray(data.byteLength - TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(data.subarray(NONCE_BYTES, data.byteLength - TAG_BYTES)), decipher.final()]);
  } catch (error) {
    throw new ValueError(`A payload cannot be decrypted with the key "${keyId}": it was changed, or that key was another one when it was written.`, error);
  }
}
