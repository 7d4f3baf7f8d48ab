/**
 * The description of the HTTP API, made from the same routes and shapes that serve it: OpenAPI 3, and OpenAPI 2 ("swagger") for tools
 * that read only that. It lists what this server serves, and nothing else.
 */
import { FieldType, Schema, type Field, type MessageShape } from '../protocol/json/index.js';
import type { Binding } from './routes.js';

export type OpenApiFormat = 'openapi' | 'swagger';
type Document = { readonly [name: string]: unknown };

const TITLE = 'Perdure: the HTTP API of durable execution';
const STATUS = '.google.rpc.Status';
const MAX_QUERY_DEPTH = 3;

/** Types that JSON writes in a way of its own. */
const SPECIAL: Readonly<Record<string, Document>> = {
  '.google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  '.google.protobuf.Duration': { type: 'string', description: 'Seconds with up to nine decimals and "s", for example "1.5s".' },
  '.google.protobuf.FieldMask': { type: 'string', description: 'Paths of fields, separated by commas.' },
  '.google.protobuf.Any': { type: 'object', properties: { '@type': { type: 'string' } }, additionalProperties: true },
  '.google.protobuf.DoubleValue': { type: 'number', format: 'double' },
  '.temporal.api.common.v1.Payload': { description: 'The JSON value that the payload holds, or an object of metadata and data in base 64.' },
  '.temporal.api.common.v1.Payloads': { description: 'A list of JSON values, one for each payload, or an object with the list "payloads".' },
};

export function openApi(bindings: readonly Binding[], format: OpenApiFormat, version: string): Document {
  return new Describer(format).document(bindings, version);
}

class Describer {
  readonly #schema = Schema.load();
  readonly #isSwagger: boolean;
  /** By name: the types that something refers to, and whether they are written already. */
  readonly #referred = new Map<string, Document | undefined>();

  constructor(format: OpenApiFormat) {
    this.#isSwagger = format === 'swagger';
  }

  document(bindings: readonly Binding[], version: string): Document {
    const paths: Record<string, Record<string, unknown>> = {};
    const seen = new Map<string, number>();
    for (const binding of bindings) {
      const times = (seen.get(binding.shape.name) ?? 0) + 1;
      seen.set(binding.shape.name, times);
      const path = (paths[binding.template] ??= {});
      path[binding.verb.toLowerCase()] = this.#operation(binding, times === 1 ? binding.shape.name : `${binding.shape.name}${times}`);
    }
    this.#describeAll();
    const types = Object.fromEntries([...this.#referred].sort(([a], [b]) => (a < b ? -1 : 1)));
    const info = { title: TITLE, version };
    const tags = [...new Set(bindings.map(tagOf))].map((name) => ({ name }));
    if (this.#isSwagger) return { swagger: '2.0', info, tags, consumes: ['application/json'], produces: ['application/json'], paths, definitions: types };
    return { openapi: '3.0.3', info, tags, paths, components: { schemas: types } };
  }

  #operation(binding: Binding, operationId: string): Document {
    const { shape, verb } = binding;
    const body = verb === 'POST' ? this.#reference(shape.request) : undefined;
    const parameters = [...this.#pathParameters(binding), ...(body === undefined ? this.#queryParameters(binding) : [])];
    const answer = (description: string, type: string): Document => ({ description, ...this.#content(this.#reference(type)) });
    return {
      operationId,
      tags: [tagOf(binding)],
      parameters: body !== undefined && this.#isSwagger ? [...parameters, { name: 'body', in: 'body', required: true, schema: body }] : parameters,
      ...(body !== undefined && !this.#isSwagger && { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
      responses: { 200: answer('The reply.', shape.response), default: answer('The call failed.', STATUS) },
    };
  }

  #content(schema: Document): Document {
    return this.#isSwagger ? { schema } : { content: { 'application/json': { schema } } };
  }

  #pathParameters({ fields }: Binding): Document[] {
    return fields.map((name) => this.#parameter(name, 'path', { type: 'string' }));
  }

  #parameter(name: string, place: 'path' | 'query', schema: Document): Document {
    return { name, in: place, required: place === 'path', ...(this.#isSwagger ? schema : { schema }) };
  }

  #queryParameters({ shape, fields }: Binding): Document[] {
    const request = this.#schema.message(shape.request);
    const bound = new Set(fields.map((name) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())));
    return request === undefined ? [] : this.#flat(request, '', 0).filter(({ name }) => !bound.has(String(name)));
  }

  /** What a query can say of a message: its single values, nested ones with dots. */
  #flat(shape: MessageShape, prefix: string, depth: number): Document[] {
    return shape.ordered.flatMap((field): Document[] => {
      const name = `${prefix}${field.jsonName}`;
      if (field.type !== FieldType.MESSAGE || (SPECIAL[field.typeName]?.['type'] === 'string' && !field.repeated)) return [this.#parameter(name, 'query', this.#inline(field))];
      const nested = field.repeated || field.typeName in SPECIAL ? undefined : this.#schema.message(field.typeName);
      return nested === undefined || depth === MAX_QUERY_DEPTH ? [] : this.#flat(nested, `${name}.`, depth + 1);
    });
  }

  #inline(field: Field): Document {
    const one = SPECIAL[field.typeName] ?? this.#scalar(field);
    return field.repeated ? { type: 'array', items: one, ...(this.#isSwagger && { collectionFormat: 'multi' }) } : one;
  }

  #reference(type: string): Document {
    const name = type.slice(1);
    if (!this.#referred.has(name)) this.#referred.set(name, undefined);
    return { $ref: `#/${this.#isSwagger ? 'definitions' : 'components/schemas'}/${name}` };
  }

  #describeAll(): void {
    // A map may grow while it is walked: what is added is walked too.
    for (const name of this.#referred.keys()) {
      const special = SPECIAL[`.${name}`];
      const shape = this.#schema.message(`.${name}`);
      this.#referred.set(name, special ?? (shape === undefined ? {} : this.#message(shape)));
    }
  }

  #message(shape: MessageShape): Document {
    return { type: 'object', properties: Object.fromEntries(shape.ordered.map((field) => [field.jsonName, this.#property(field)])) };
  }

  #property(field: Field): Document {
    const entry = this.#schema.mapEntry(field);
    const valueField = entry?.byNumber.get(2);
    if (valueField !== undefined) return { type: 'object', additionalProperties: this.#single(valueField) };
    return field.repeated ? { type: 'array', items: this.#single(field) } : this.#single(field);
  }

  #single(field: Field): Document {
    return field.type === FieldType.MESSAGE ? this.#reference(field.typeName) : this.#scalar(field);
  }

  #scalar({ type, typeName }: Field): Document {
    switch (type) {
      case FieldType.BOOL:
        return { type: 'boolean' };
      case FieldType.BYTES:
        return { type: 'string', format: 'byte' };
      case FieldType.DOUBLE:
        return { type: 'number', format: 'double' };
      case FieldType.FLOAT:
        return { type: 'number', format: 'float' };
      case FieldType.INT32:
      case FieldType.UINT32:
        return { type: 'integer', format: 'int32' };
      case FieldType.INT64:
      case FieldType.UINT64:
        return { type: 'string', format: 'int64' };
      case FieldType.ENUM:
        return { type: 'string', enum: [...(this.#schema.enum(typeName)?.names.values() ?? [])] };
      default:
        return { type: 'string' };
    }
  }
}

const tagOf = ({ shape }: Binding): string => shape.service.slice(shape.service.lastIndexOf('.') + 1);
