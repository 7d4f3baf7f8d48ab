/** A payload within the bytes of another one: how codecs keep the metadata of what they change. */
import { Payload as PayloadMessage, type Encoded } from '../../protocol/index.js';
import { decodeText, encodeText, METADATA_ENCODING_KEY, ValueError, type Payload } from '../common/index.js';

export function bytesOf(payload: Payload): Uint8Array {
  return PayloadMessage.encode({ metadata: { ...payload.metadata }, data: payload.data });
}

/** @throws ValueError if the bytes are no payload. */
export function payloadFrom(bytes: Uint8Array): Payload {
  try {
    const { metadata, data } = PayloadMessage.decode(bytes as Encoded<PayloadMessage>);
    return { metadata, data };
  } catch (error) {
    throw new ValueError('What was decoded is no payload: another program wrote it, or the wrong codec read it.', error);
  }
}

export function encodingOf(payload: Payload): string {
  const encoding = payload.metadata[METADATA_ENCODING_KEY];
  return encoding === undefined ? '' : decodeText(encoding);
}

export function wrapped(encoding: string, data: Uint8Array, metadata: Readonly<Record<string, Uint8Array>> = {}): Payload {
  return { metadata: { [METADATA_ENCODING_KEY]: encodeText(encoding), ...metadata }, data };
}
