/**
 * An RPC's request message from an HTTP request: the JSON of the body, the fields of the path, the parameters of the query.
 *
 * The path wins over the body. Where a body is expected the query holds options of the door only; elsewhere it holds fields by their names
 * in either spelling, nested ones with dots (`execution.runId=…`), repeated ones repeated. Parameters that are no field are passed over,
 * as the door of Temporal's server does.
 */
import { FieldType, isObject, JsonFormatError, parseJson, Schema, type Field, type Json, type JsonObject, type MessageShape } from '../protocol/json/index.js';
import type { Binding } from './routes.js';

type MutableJson = { [name: string]: Json };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @throws JsonFormatError says what is wrong, and where */
export function requestMessage({ verb, fields, shape }: Binding, values: readonly string[], query: URLSearchParams, body: Uint8Array): Json {
  const schema = Schema.load();
  const type = schema.message(shape.request);
  if (type === undefined) throw new JsonFormatError(`${shape.name} cannot be called with JSON.`);
  const hasBody = verb === 'POST';
  const message = hasBody ? readBody(body) : {};
  if (!hasBody) for (const [name, value] of query) setField(schema, type, message, name, value, 'query');
  fields.forEach((name, index) => setField(schema, type, message, name, values[index] ?? '', 'path'));
  return message;
}

function readBody(body: Uint8Array): MutableJson {
  // A call without options may come without a body.
  if (body.byteLength === 0) return {};
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new JsonFormatError('The body is not UTF-8.');
  }
  const json = parseJson(text);
  if (!isObject(json)) throw new JsonFormatError('The body must be a JSON object.');
  return json as MutableJson;
}

function setField(schema: Schema, type: MessageShape, message: MutableJson, path: string, text: string, from: 'path' | 'query'): void {
  let shape = type;
  let target = message;
  const names = path.split('.');
  for (const [index, name] of names.entries()) {
    const field = shape.fields.get(name);
    if (field === undefined) return;
    if (index === names.length - 1) return setValue(schema, field, target, path, text, from);
    const next = field.repeated ? undefined : schema.message(field.typeName);
    if (next === undefined) return;
    target = nested(target, field, path);
    shape = next;
  }
}

/** The object of a field, made if it is missing. */
function nested(target: MutableJson, field: Field, path: string): MutableJson {
  const name = nameIn(target, field);
  const found = (target[name] ??= {});
  if (!isObject(found)) throw new JsonFormatError(`${path}: ${name} must be an object.`);
  return found as MutableJson;
}

/** As the body spells it, so that no field comes twice. */
function nameIn(target: JsonObject, field: Field): string {
  return Object.hasOwn(target, field.name) && target[field.name] != null ? field.name : field.jsonName;
}

function setValue(schema: Schema, field: Field, target: MutableJson, path: string, text: string, from: 'path' | 'query'): void {
  if (schema.mapEntry(field) !== undefined) throw new JsonFormatError(`${path}: a map cannot be given in the query.`);
  const name = nameIn(target, field);
  const value = field.type === FieldType.ENUM && /^-?\d+$/.test(text) ? Number(text) : text;
  if (field.repeated) {
    const list = target[name];
    target[name] = [...(Array.isArray(list) ? (list as readonly Json[]) : []), value];
  } else if (from === 'query' && Object.hasOwn(target, name)) {
    throw new JsonFormatError(`${path} is given twice.`);
  } else target[name] = value;
}
