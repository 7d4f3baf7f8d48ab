/** Protobuf's JSON, both ways. Not part of `protocol/index.js`: it loads the descriptors, which most programs never need. */
export { jsonToBinary, type FromJsonOptions } from './from-json.js';
export { binaryToJson, type ToJsonOptions } from './to-json.js';
export { FieldType, Schema, type Field, type MessageShape, type MethodShape } from './schema.js';
export { isObject, JsonFormatError, jsonText, parseJson, type Json, type JsonObject } from './value.js';
