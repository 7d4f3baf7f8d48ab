/**
 * What this room needs of protobufjs, by its shape: the package itself belongs to the user, and workflow code must bundle no second copy.
 */

export interface MessageType {
  /** With a leading dot: `.shop.v1.Order`. */
  readonly fullName: string;
  readonly fieldsArray: readonly MessageField[];
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
  fromObject(object: Readonly<Record<string, unknown>>): object;
}

interface EnumType {
  readonly values: Readonly<Record<string, number>>;
}

export interface MessageField {
  readonly name: string;
  readonly type: string;
  readonly repeated: boolean;
  /** True for `map<key, value>`; `type` is then the value's. */
  readonly map: boolean;
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  readonly parent: { lookupTypeOrEnum(name: string): unknown } | null;
}

const SCALARS = new Set(['double', 'float', 'int32', 'uint32', 'sint32', 'fixed32', 'sfixed32', 'int64', 'uint64', 'sint64', 'fixed64', 'sfixed64', 'bool', 'string', 'bytes']);
const namedTypes = new WeakMap<MessageField, unknown>();

/** Looked up by its name: `field.resolve()` would do it too, and generate code, which workflow code cannot. */
function namedTypeOf(field: MessageField): unknown {
  if (SCALARS.has(field.type)) return undefined;
  if (!namedTypes.has(field)) namedTypes.set(field, field.parent?.lookupTypeOrEnum(field.type));
  return namedTypes.get(field);
}

export interface TypeRoot {
  lookupType(name: string): MessageType;
}

export function isRoot(value: unknown): value is TypeRoot {
  return typeof value === 'object' && value !== null && 'lookupType' in value && typeof value.lookupType === 'function';
}

/** The type of a message that protobufjs made; undefined for everything else. */
export function typeOfMessage(value: unknown): MessageType | undefined {
  if (typeof value !== 'object' || value === null || !('$type' in value)) return undefined;
  const { $type: type } = value;
  return isMessageType(type) ? type : undefined;
}

export function messageTypeOf(field: MessageField): MessageType | undefined {
  const type = namedTypeOf(field);
  return isMessageType(type) ? type : undefined;
}

export function enumOf(field: MessageField): EnumType | undefined {
  const type = namedTypeOf(field);
  return typeof type === 'object' && type !== null && 'values' in type ? (type as EnumType) : undefined;
}

export function nameOf({ fullName }: MessageType): string {
  return fullName.replace(/^\./, '');
}

export function isMessageType(value: unknown): value is MessageType {
  return typeof value === 'object' && value !== null && 'fieldsArray' in value && 'fullName' in value && typeof value.fullName === 'string';
}
