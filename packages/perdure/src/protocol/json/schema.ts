/**
 * The shapes of protobuf messages, read from the descriptors that the package carries anyway: enough to turn JSON into the wire format and
 * back, to bind HTTP paths and to describe the API.
 *
 * Built once, when the first JSON comes: it takes a few milliseconds, which a server without HTTP and a worker without JSON histories
 * never pay.
 */
import { gunzipSync } from 'node:zlib';
import { DESCRIPTORS } from '../generated/descriptors.js';
import { Reader } from '../reader.js';

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
  /** As in the `.proto` file: `event_id`. */
  readonly name: string;
  /** As JSON writes it: `eventId`. */
  readonly jsonName: string;
  readonly number: number;
  /** One of {@link FieldType}. */
  readonly type: number;
  readonly repeated: boolean;
  /** Part of a oneof, or optional: a default value that is set differs from none. Messages always do. */
  readonly hasPresence: boolean;
  /** Which real oneof of its message it belongs to; of those at most one may be set. */
  readonly oneof: number | undefined;
  /** Of a message or enum: its full name, with a leading dot. */
  readonly typeName: string;
}

export interface MessageShape {
  /** Full name with a leading dot. */
  readonly name: string;
  /** In the order of the `.proto` file. */
  readonly ordered: readonly Field[];
  /** By the names that JSON may use: `eventId` and `event_id`. */
  readonly fields: ReadonlyMap<string, Field>;
  readonly byNumber: ReadonlyMap<number, Field>;
  readonly isMapEntry: boolean;
}

export interface EnumShape {
  /** Full name with a leading dot. */
  readonly fullName: string;
  readonly name: string;
  readonly numbers: ReadonlyMap<string, number>;
  /** Of several names for one number the first. */
  readonly names: ReadonlyMap<number, string>;
}

export interface MethodShape {
  /** For example `/temporal.api.workflowservice.v1.WorkflowService/StartWorkflowExecution`. */
  readonly path: string;
  readonly name: string;
  readonly service: string;
  /** Full names with a leading dot. */
  readonly request: string;
  readonly response: string;
}

const LABEL_REPEATED = 3;

export class Schema {
  static #loaded: Schema | undefined;
  readonly #messages = new Map<string, MessageShape>();
  readonly #enums = new Map<string, EnumShape>();
  readonly #methods = new Map<string, MethodShape>();

  static load(): Schema {
    return (Schema.#loaded ??= new Schema(DESCRIPTORS));
  }

  private constructor(set: string) {
    for (const file of bytesOf(read(gunzipSync(Buffer.from(set, 'base64'))), 1)) {
      const fields = read(file);
      const scope = `.${textOf(fields, 2)}`;
      for (const message of bytesOf(fields, 4)) this.#addMessage(scope, message);
      for (const type of bytesOf(fields, 5)) this.#addEnum(scope, type);
      for (const service of bytesOf(fields, 6)) this.#addService(scope, service);
    }
  }

  /** @param name full name with a leading dot */
  message(name: string): MessageShape | undefined {
    return this.#messages.get(name);
  }

  enum(name: string): EnumShape | undefined {
    return this.#enums.get(name);
  }

  /** @param path for example `/grpc.health.v1.Health/Check` */
  method(path: string): MethodShape | undefined {
    return this.#methods.get(path);
  }

  /** The shape of a map's entries, if the field is a map. */
  mapEntry(field: Field): MessageShape | undefined {
    if (!field.repeated || field.type !== FieldType.MESSAGE) return undefined;
    const entry = this.#messages.get(field.typeName);
    return entry?.isMapEntry === true ? entry : undefined;
  }

  #addMessage(scope: string, bytes: Uint8Array): void {
    const descriptor = read(bytes);
    const name = `${scope}.${textOf(descriptor, 1)}`;
    const ordered = bytesOf(descriptor, 2).map(fieldOf);
    const fields = new Map<string, Field>();
    for (const field of ordered) {
      fields.set(field.name, field);
      fields.set(field.jsonName, field);
    }
    const [options] = bytesOf(descriptor, 7);
    const isMapEntry = options !== undefined && numberOf(read(options), 7) === 1;
    this.#messages.set(name, { name, ordered, fields, byNumber: new Map(ordered.map((field) => [field.number, field])), isMapEntry });
    for (const nested of bytesOf(descriptor, 3)) this.#addMessage(name, nested);
    for (const type of bytesOf(descriptor, 4)) this.#addEnum(name, type);
  }

  #addEnum(scope: string, bytes: Uint8Array): void {
    const descriptor = read(bytes);
    const name = textOf(descriptor, 1);
    const numbers = new Map<string, number>();
    const names = new Map<number, string>();
    for (const value of bytesOf(descriptor, 2).map(read)) {
      const number = numberOf(value, 2);
      numbers.set(textOf(value, 1), number);
      if (!names.has(number)) names.set(number, textOf(value, 1));
    }
    this.#enums.set(`${scope}.${name}`, { fullName: `${scope}.${name}`, name, numbers, names });
  }

  #addService(scope: string, bytes: Uint8Array): void {
    const descriptor = read(bytes);
    const service = `${scope}.${textOf(descriptor, 1)}`.slice(1);
    for (const method of bytesOf(descriptor, 2).map(read)) {
      const name = textOf(method, 1);
      const path = `/${service}/${name}`;
      this.#methods.set(path, { path, name, service, request: textOf(method, 2), response: textOf(method, 3) });
    }
  }
}

function fieldOf(bytes: Uint8Array): Field {
  const fields = read(bytes);
  const name = textOf(fields, 1);
  const type = numberOf(fields, 5);
  const inOneof = fields.has(9);
  const isOptional = numberOf(fields, 17) === 1;
  return {
    name,
    jsonName: textOf(fields, 10) || camelCase(name),
    number: numberOf(fields, 3),
    type,
    repeated: numberOf(fields, 4) === LABEL_REPEATED,
    hasPresence: type === FieldType.MESSAGE || inOneof || isOptional,
    oneof: inOneof && !isOptional ? numberOf(fields, 9) : undefined,
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
    const value = kind === 0 ? reader.int64() : reader.bytes();
    const values = fields.get(tag >>> 3);
    if (values === undefined) fields.set(tag >>> 3, [value]);
    else values.push(value);
  }
  return fields;
}

function bytesOf(fields: Fields, number: number): Uint8Array[] {
  return (fields.get(number) ?? []).filter((value) => typeof value !== 'number');
}

function textOf(fields: Fields, number: number): string {
  return Buffer.from(bytesOf(fields, number)[0] ?? []).toString();
}

function numberOf(fields: Fields, number: number): number {
  const [value] = fields.get(number) ?? [];
  return typeof value === 'number' ? value : 0;
}
