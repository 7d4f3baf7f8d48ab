/**
 * Histories in JSON to the wire format. What a newer tool wrote and is not known here is passed over: the replay does without it.
 */
import { JsonFormatError, jsonToBinary as encode, type Json } from '../../protocol/json/index.js';

/** The text is not the JSON of such a message. Its message says where. */
export class HistoryFormatError extends Error {
  override readonly name = 'HistoryFormatError';
}

/** @param typeName full name, for example `temporal.api.history.v1.History` @throws HistoryFormatError */
export function jsonToBinary(typeName: string, json: unknown): Uint8Array {
  try {
    return encode(typeName, json as Json, { tolerant: true });
  } catch (error) {
    if (error instanceof JsonFormatError) throw new HistoryFormatError(error.message, { cause: error });
    throw error;
  }
}
