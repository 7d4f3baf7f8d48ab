/**
 * The shapes of protobuf messages, read from the descriptors that the package carries anyway: enough to turn JSON into the wire format.
 *
 * Used by `encode.ts` only, and read when the first JSON history comes.
 */
import { gunzipSync } from 'node:zlib';
import { DESCRIPTORS } from '../../protocol/generated/descriptors.js';
import { Reader } from '../../protocol/reader.js';

/** Numbers of `FieldDescriptorProto.Type`. */
export const FieldType = {
  DOUBLE: 1,
  FLOAT: 2,
  INT64: 3,
  UINT64: 4,
  INT32: 5,
  FIXED64: 6,
  FIXED32: 7,
  BOOL: 8,
  STRING: 9,
  MESSAGE: 11,
  BYTES: 12,
  UINT32: 13,
  ENUM: 14,
  SFIXED32: 15,
  SFIXED64: 16,
  SINT32: 17,
  SINT64: 18,
} as const;

export interface Field {
  readonly name: string;
  readonly number: number;
  /** One of {@link FieldType}. */
  readonly type: number;
  readonly repeated: boolean;
  /** Of a message or enum: its full name, with a leading dot. */
  readonly typeName: string;
}

export interface MessageShape {
  readonly name: string;
  /** By the names that JSON may use: `eventId` and `event_id`. */
  readonly fields: ReadonlyMap<string, Field>;
  readonly isMapEntry: boolean;
}

export interface EnumShape {
  readonly name: string;
  readonly numbers: ReadonlyMap<string, number>;
}

const LABEL_REPEATED = 3;

export class Schema {
  static #loaded: Schema | undefined;
  readonly #messages = new Map<string, MessageShape>();
  readonly #enums = new Map<string, EnumShape>();

  static load(): Schema {
    return (Schema.#loaded ??= new Schema(DESCRIPTORS));
  }

  private constructor(set: string) {
    for (const file of bytesOf(read(gunzipSync(Buffer.from(set, 'base64'))), 1)) {
      const fields = read(file);
      const scope = `.${textOf(fields, 2)}`;
      for (const message of bytesOf(fields, 4)) this.#addMessage(scope, message);
      for (const type of bytesOf(fields, 5)) this.#addEnum(scope, type);
    }
  }

  /** @param name full name with a leading dot */
  message(name: string): MessageShape | undefined {
    return this.#messages.get(name);
  }

  enum(name: string): EnumShape | undefined {
    return this.#enums.get(name);
  }

  #addMessage(scope: string, bytes: Uint8Array): void {
    const descriptor = read(bytes);
    const name = `${scope}.${textOf(descriptor, 1)}`;
    const fields = new Map<string, Field>();
    for (const field of bytesOf(descriptor, 2).map(fieldOf)) {
      fields.set(field.name, field);
      fields.set(camelCase(field.name), field);
    }
    const [options] = bytesOf(descriptor, 7);
    this.#messages.set(name, { name, fields, isMapEntry: options !== undefined && numberOf(read(options), 7) === 1 });
    for (const nested of bytesOf(descriptor, 3)) this.#addMessage(name, nested);
    for (const type of bytesOf(descriptor, 4)) this.#addEnum(name, type);
  }

  #addEnum(scope: string, bytes: Uint8Array): void {
    const descriptor = read(bytes);
    const numbers = new Map<string, number>();
    for (const value of bytesOf(descriptor, 2).map(read)) numbers.set(textOf(value, 1), numberOf(value, 2));
    this.#enums.set(`${scope}.${textOf(descriptor, 1)}`, { name: textOf(descriptor, 1), numbers });
  }
}

function fieldOf(bytes: Uint8Array): Field {
  const fields = read(bytes);
  return {
    name: textOf(fields, 1),
    number: numberOf(fields, 3),
    repeated: numberOf(fields, 4) === LABEL_REPEATED,
    type: numberOf(fields, 5),
    typeName: textOf(fields, 6),
  };
}

const camelCase = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

type Fields = ReadonlyMap<number, readonly (Uint8Array | number)[]>;

/** The fields of a descriptor by number: byte fields and varints, which is all that descriptors of interest have. */
function read(bytes: Uint8Array): Fields {
  const fields = new Map<number, (Uint8Array | number)[]>();
  const reader = new Reader(bytes);
  while (reader.pos < reader.end) {
    const tag = reader.uint32();
    const kind = tag & 7;
    if (kind !== 0 && kind !== 2) {
      reader.skip(tag);
      continue;
    }
    const values = fields.get(tag >>> 3) ?? [];
    values.push(kind === 0 ? reader.int32() : reader.bytes());
    fields.set(tag >>> 3, values);
  }
  return fields;
}

function bytesOf(fields: Fields, number: number): Uint8Array[] {
  return (fields.get(number) ?? []).filter((value): value is Uint8Array => typeof value !== 'number');
}

function textOf(fields: Fields, number: number): string {
  return Buffer.from(bytesOf(fields, number)[0] ?? []).toString();
}

function numberOf(fields: Fields, number: number): number {
  const [value] = fields.get(number) ?? [];
  return typeof value === 'number' ? value : 0;
}
