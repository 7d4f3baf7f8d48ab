/**
 * Payloads as wire bytes, without the protocol's codecs.
 *
 * Failures, commands and requests carry user data encoded. Workflow code makes and reads such messages inside its realm, where the
 * general codecs (built on Node's Buffer) do not exist; this is the one message shape it needs. Two shapes, in fact:
 * `Payloads { repeated Payload payloads = 1 }`, and `map<string, Payload> = 1`, which memo, header and search attributes share.
 */
import type { Encoded, Header, Memo, Payload as WirePayload, Payloads, SearchAttributes as WireSearchAttributes } from '../../protocol/index.js';
import { PayloadConverterError } from './errors.js';
import { define, externalPayloadsOf, METADATA_ENCODING_KEY, type Payload } from './payload-converter.js';
import { decodeText, encodeText } from './text.js';

/** The messages that are a map from names to payloads. */
export type PayloadMapMessage = Memo | Header | WireSearchAttributes;

const LENGTH_DELIMITED = 2;
const FIRST_FIELD = 0x0a;
const SECOND_FIELD = 0x12;
const THIRD_FIELD = 0x1a;
const FIRST_FIELD_VARINT = 0x08;

export function payloadsToBytes(payloads: readonly Payload[]): Encoded<Payloads> {
  begin();
  for (let index = payloads.length - 1; index >= 0; index--) {
    const mark = used();
    writePayload(payloads[index]!);
    writeHead(FIRST_FIELD, used() - mark);
  }
  return finish();
}

/** @throws PayloadConverterError if the bytes are not that message. */
export function payloadsFromBytes(bytes: Encoded<Payloads>): Payload[] {
  const payloads: Payload[] = [];
  forEachField(bytes, (tag, value) => {
    if (tag === FIRST_FIELD) payloads.push(payloadFromBytes(value));
  });
  return payloads;
}

/** The bytes of one `Payload` message. */
export function payloadToBytes(payload: Payload): Encoded<WirePayload> {
  begin();
  writePayload(payload);
  return finish();
}

export function payloadFromBytes(bytes: Encoded<WirePayload>): Payload {
  const metadata: Record<string, Uint8Array> = {};
  let data: Uint8Array = new Uint8Array(0);
  forEachField(bytes, (tag, value) => {
    if (tag === SECOND_FIELD) data = value;
    else if (tag === FIRST_FIELD) {
      const [key, content] = readEntry(value);
      define(metadata, key, content);
    }
  });
  return { metadata, data };
}

export function payloadMapToBytes<Message extends PayloadMapMessage>(payloads: ReadonlyMap<string, Payload>): Encoded<Message> {
  begin();
  for (const [key, payload] of [...payloads].reverse()) {
    const mark = used();
    writePayload(payload);
    writeHead(SECOND_FIELD, used() - mark);
    writeBytes(FIRST_FIELD, encodeText(key));
    writeHead(FIRST_FIELD, used() - mark);
  }
  return finish();
}

export function payloadMapFromBytes(bytes: Encoded<PayloadMapMessage>): Map<string, Payload> {
  const payloads = new Map<string, Payload>();
  forEachField(bytes, (tag, value) => {
    if (tag !== FIRST_FIELD) return;
    const [key, payload] = readEntry(value);
    payloads.set(key, payloadFromBytes(payload));
  });
  return payloads;
}

function readEntry(bytes: Uint8Array): [key: string, value: Uint8Array] {
  let key = '';
  let content: Uint8Array = new Uint8Array(0);
  forEachField(bytes, (tag, value) => {
    if (tag === FIRST_FIELD) key = decodeText(value);
    else if (tag === SECOND_FIELD) content = value;
  });
  return [key, content];
}

// Messages are written backwards, last field first, so that the length of what a field holds is known when its head is written. One
// scratch buffer serves all: nothing here calls out while it is in use, and `begin` forgets a message that failed half way.
const SCRATCH_BYTES = 4096;
const MAX_KEPT_SCRATCH_BYTES = 1024 * 1024;
let scratch = new Uint8Array(SCRATCH_BYTES);
let at = SCRATCH_BYTES;

function begin(): void {
  at = scratch.byteLength;
}

function finish(): Uint8Array {
  const bytes = scratch.slice(at);
  if (scratch.byteLength > MAX_KEPT_SCRATCH_BYTES) scratch = new Uint8Array(SCRATCH_BYTES);
  return bytes;
}

/** How many bytes are written; unlike `at` it stays true when the buffer grows. */
function used(): number {
  return scratch.byteLength - at;
}

function reserve(length: number): void {
  if (length <= at) return;
  const larger = new Uint8Array(Math.max(scratch.byteLength * 2, used() + length));
  const start = larger.byteLength - used();
  larger.set(scratch.subarray(at), start);
  scratch = larger;
  at = start;
}

function writePayload(payload: Payload): void {
  const external = 'externalPayloads' in payload ? externalPayloadsOf(payload) : [];
  for (let index = external.length - 1; index >= 0; index--) writeExternalDetails(external[index]!.sizeBytes);
  if (payload.data.byteLength > 0) writeBytes(SECOND_FIELD, payload.data);
  const keys = Object.keys(payload.metadata);
  for (let index = keys.length - 1; index >= 0; index--) {
    const key = keys[index]!;
    const value = payload.metadata[key];
    if (value === undefined) continue;
    const mark = used();
    writeBytes(SECOND_FIELD, value);
    writeBytes(FIRST_FIELD, key === METADATA_ENCODING_KEY ? (encodingKey ??= encodeText(key)) : encodeText(key));
    writeHead(FIRST_FIELD, used() - mark);
  }
}

let encodingKey: Uint8Array | undefined;

/** `{ int64 size_bytes = 1 }` in field 3. */
function writeExternalDetails(sizeBytes: number): void {
  const varint: number[] = [];
  for (let rest = sizeBytes; ; rest = Math.floor(rest / 0x80)) {
    varint.push(rest >= 0x80 ? (rest % 0x80) | 0x80 : rest);
    if (rest < 0x80) break;
  }
  writeBytes(THIRD_FIELD, Uint8Array.of(FIRST_FIELD_VARINT, ...varint));
}

function writeBytes(tag: number, value: Uint8Array): void {
  reserve(value.byteLength);
  at -= value.byteLength;
  scratch.set(value, at);
  writeHead(tag, value.byteLength);
}

function writeHead(tag: number, length: number): void {
  // A tag and a length take at most six bytes: lengths are below 2^32.
  reserve(6);
  let size = 1;
  for (let rest = length; rest > 0x7f; rest >>>= 7) size += 1;
  at -= size + 1;
  scratch[at] = tag;
  for (let index = 1, rest = length; index <= size; index++, rest >>>= 7) scratch[at + index] = (rest & 0x7f) | (index < size ? 0x80 : 0);
}

/** Calls `visit` for each length-delimited field; others, which these messages do not have, are passed over. */
function forEachField(bytes: Uint8Array, visit: (tag: number, value: Uint8Array) => void): void {
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[position++];
      if (byte === undefined || scale > 2 ** 63) throw malformed();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (position < bytes.byteLength) {
    const tag = varint();
    const wireType = tag % 8;
    if (wireType === 0) varint();
    else if (wireType === 1) position += 8;
    else if (wireType === 5) position += 4;
    else if (wireType === LENGTH_DELIMITED) {
      const length = varint();
      const start = position;
      position += length;
      if (position > bytes.byteLength) throw malformed();
      visit(tag, bytes.subarray(start, position));
    } else throw malformed();
  }
  if (position > bytes.byteLength) throw malformed();
}

function malformed(): PayloadConverterError {
  return new PayloadConverterError('Bytes that should hold payloads are malformed: a field runs past the end.');
}
