/**
 * What happens to payloads on their way out and in: encryption, compression, storage elsewhere.
 *
 * Codecs run outside workflow code, so they may be asynchronous and may use keys and the network.
 */
import type { Payload } from './payload-converter.js';
import type { SerializationContext } from './serialization-context.js';

export interface PayloadCodec {
  /**
   * Called before payloads are sent. Must give as many payloads as it got, in their order.
   *
   * @param context whose payloads they are; absent where nobody knows.
   */
  encode(payloads: Payload[], context?: SerializationContext): Promise<Payload[]>;
  /** Undoes `encode`. Payloads that this codec did not write must pass unchanged. */
  decode(payloads: Payload[], context?: SerializationContext): Promise<Payload[]>;
}

/** Encodes through all codecs, the first one first: with `[compression, encryption]` data is compressed, then encrypted. */
export async function encodePayloadsWithCodecs(codecs: readonly PayloadCodec[], payloads: readonly Payload[]): Promise<Payload[]> {
  let encoded = [...payloads];
  for (const codec of codecs) encoded = sameCount(payloads.length, await codec.encode(encoded));
  return encoded;
}

/** Undoes {@link encodePayloadsWithCodecs}, so the last codec comes first. */
export async function decodePayloadsWithCodecs(codecs: readonly PayloadCodec[], payloads: readonly Payload[]): Promise<Payload[]> {
  let decoded = [...payloads];
  for (let index = codecs.length - 1; index >= 0; index--) {
    decoded = sameCount(payloads.length, await codecs[index]!.decode(decoded));
  }
  return decoded;
}

/** A codec that loses or adds payloads would shift arguments silently. */
function sameCount(expected: number, payloads: Payload[]): Payload[] {
  if (payloads.length !== expected) {
    throw new TypeError(`A payload codec was given ${expected} payloads and gave back ${payloads.length}. It must keep their number and order.`);
  }
  return payloads;
}
