/** The messages of `google.protobuf` whose JSON is not an object of their fields. */
import { toBase64, fromBase64 } from '../common/typed-json-converter.js';
import type { JsonObject } from './proto3-json.js';

interface WellKnownType {
  toJson(message: JsonObject): unknown;
  /** What `fromObject` takes. */
  fromJson(json: unknown): JsonObject;
}

const timestamp: WellKnownType = {
  toJson: ({ seconds, nanos }) => new Date(Number(seconds ?? 0) * 1000).toISOString().replace('.000Z', `${fraction(Number(nanos ?? 0))}Z`),
  fromJson: (json) => {
    const [, whole, digits = '', zone] = /^([^.Z+]*?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(textOf(json)) ?? [];
    const ms = Date.parse(`${whole}${zone}`);
    if (Number.isNaN(ms)) throw new TypeError(`a timestamp is a time such as 2031-02-03T04:05:06Z, not ${JSON.stringify(json)}`);
    return { seconds: ms / 1000, nanos: Number(digits.padEnd(9, '0')) };
  },
};

const duration: WellKnownType = {
  toJson: ({ seconds, nanos }) => {
    const [whole, rest] = [Number(seconds ?? 0), Number(nanos ?? 0)];
    return `${whole < 0 || rest < 0 ? '-' : ''}${Math.abs(whole)}${fraction(Math.abs(rest))}s`;
  },
  fromJson: (json) => {
    const parts = /^(-?)(\d+)(?:\.(\d{1,9}))?s$/.exec(textOf(json));
    if (parts === null) throw new TypeError(`a duration is seconds such as "1.5s", not ${JSON.stringify(json)}`);
    const sign = parts[1] === '-' ? -1 : 1;
    return { seconds: sign * Number(parts[2]), nanos: sign * Number((parts[3] ?? '').padEnd(9, '0')) };
  },
};

const struct: WellKnownType = {
  toJson: ({ fields }) => Object.fromEntries(Object.entries(fields ?? {}).map(([key, entry]) => [key, value.toJson(entry as JsonObject)])),
  fromJson: (json) => ({ fields: Object.fromEntries(Object.entries(json as object).map(([key, entry]) => [key, value.fromJson(entry)])) }),
};

const list: WellKnownType = {
  toJson: ({ values }) => ((values ?? []) as JsonObject[]).map((entry) => value.toJson(entry)),
  fromJson: (json) => ({ values: (json as unknown[]).map((entry) => value.fromJson(entry)) }),
};

const value: WellKnownType = {
  toJson: (message) => {
    const own = (name: string): unknown => (Object.hasOwn(message, name) ? message[name] : undefined);
    const [fields, values] = [own('structValue'), own('listValue')];
    if (fields !== undefined && fields !== null) return struct.toJson(fields as JsonObject);
    if (values !== undefined && values !== null) return list.toJson(values as JsonObject);
    return own('numberValue') ?? own('stringValue') ?? own('boolValue') ?? null;
  },
  fromJson: (json) => {
    if (json === null) return { nullValue: 0 };
    if (typeof json === 'number') return { numberValue: json };
    if (typeof json === 'string') return { stringValue: json };
    if (typeof json === 'boolean') return { boolValue: json };
    return Array.isArray(json) ? { listValue: list.fromJson(json) } : { structValue: struct.fromJson(json) };
  },
};

const wrapper: WellKnownType = { toJson: (message) => message['value'] ?? null, fromJson: (json) => ({ value: json }) };
const wrappedText: WellKnownType = { toJson: (message) => String(message['value'] ?? 0), fromJson: wrapper.fromJson };
const wrappedBytes: WellKnownType = { toJson: (message) => toBase64((message['value'] ?? new Uint8Array()) as Uint8Array), fromJson: (json) => ({ value: fromBase64(textOf(json)) }) };

const fieldMask: WellKnownType = {
  toJson: ({ paths }) => ((paths ?? []) as string[]).map((path) => path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())).join(','),
  fromJson: (json) => ({ paths: textOf(json) === '' ? [] : textOf(json).split(',').map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)) }),
};

const BY_NAME: ReadonlyMap<string, WellKnownType> = new Map([
  ['Timestamp', timestamp],
  ['Duration', duration],
  ['Struct', struct],
  ['Value', value],
  ['ListValue', list],
  ['FieldMask', fieldMask],
  ['BytesValue', wrappedBytes],
  ...['Int64Value', 'UInt64Value'].map((name): [string, WellKnownType] => [name, wrappedText]),
  ...['DoubleValue', 'FloatValue', 'Int32Value', 'UInt32Value', 'BoolValue', 'StringValue'].map((name): [string, WellKnownType] => [name, wrapper]),
]);

const PACKAGE = '.google.protobuf.';

export function wellKnown(fullName: string): WellKnownType | undefined {
  return fullName.startsWith(PACKAGE) ? BY_NAME.get(fullName.slice(PACKAGE.length)) : undefined;
}

/** Nanoseconds as three, six or nine digits after the point. */
function fraction(nanos: number): string {
  if (nanos === 0) return '';
  return `.${String(nanos).padStart(9, '0').replace(/(?:000){1,2}$/, '')}`;
}

function textOf(json: unknown): string {
  if (typeof json !== 'string') throw new TypeError(`text was expected, not ${JSON.stringify(json)}`);
  return json;
}
