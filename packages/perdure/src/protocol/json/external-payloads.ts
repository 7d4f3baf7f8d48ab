/**
 * Payloads that clients keep outside of the history, in a storage of their own: how many a batch of history names, and what they take there.
 *
 * The fold of every workflow asks this of every batch, so a batch without a reference costs one search for the text that SDKs mark their
 * references with. Only a batch that has it is walked, by the shapes of its messages: payloads stand in many places of an event. Clients
 * may have sent anything inside of an event, so what cannot be read, or is nested absurdly deep, is not counted.
 */
import { DecodeError, Reader } from '../reader.js';
import { FieldType, Schema } from './schema.js';

/** The message type that the metadata of a reference names. */
const MARK = Buffer.from('temporal.api.sdk.v1.ExternalStorageReference');
const HISTORY = '.temporal.api.history.v1.History';
const PAYLOAD = '.temporal.api.common.v1.Payload';
/** Tags of `Payload.external_payloads` and of `ExternalPayloadDetails.size_bytes`. */
const EXTERNAL_PAYLOADS = 0x1a;
const SIZE_BYTES = 0x08;
const LENGTH_DELIMITED = 2;
const DEEPEST = 200;

export interface ExternalPayloads {
  readonly count: number;
  readonly sizeBytes: number;
}

/** @param history an encoded `History`. Returns `undefined` if there are none. */
export function countExternalPayloads(history: Uint8Array): ExternalPayloads | undefined {
  const bytes = Buffer.from(history.buffer, history.byteOffset, history.byteLength);
  if (!bytes.includes(MARK)) return undefined;
  const found = { count: 0, sizeBytes: 0 };
  const reader = new Reader(history);
  try {
    walk(reader, reader.end, HISTORY, 0, found);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return found.count === 0 ? undefined : found;
}

function walk(reader: Reader, end: number, typeName: string, depth: number, found: { count: number; sizeBytes: number }): void {
  const shape = Schema.load().message(typeName);
  while (reader.pos < end) {
    const tag = reader.uint32();
    const field = (tag & 7) === LENGTH_DELIMITED ? shape?.byNumber.get(tag >>> 3) : undefined;
    if (typeName === PAYLOAD && tag === EXTERNAL_PAYLOADS) {
      found.count += 1;
      found.sizeBytes += sizeOf(reader);
    } else if (field?.type === FieldType.MESSAGE && depth < DEEPEST) {
      const inner = reader.enter();
      walk(reader, inner, field.typeName, depth + 1, found);
      reader.leave(inner);
    } else reader.skip(tag);
  }
}

function sizeOf(reader: Reader): number {
  const end = reader.enter();
  let sizeBytes = 0;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === SIZE_BYTES) sizeBytes = reader.int64();
    else reader.skip(tag);
  }
  reader.leave(end);
  return sizeBytes;
}
