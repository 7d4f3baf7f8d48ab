/**
 * What clients, workers, activities and workflow code share: failures, conversion of data, options, definitions.
 *
 * Everything here also runs inside the workflow realm: no import of Node's modules, no Buffer, no process, and from the protocol only types.
 */
export * from './activity-cancellation-details.js';
export { activityTypeInfoOf, definedAs, setActivityOptions, type ActivityDefinitionOptions, type ActivityTypeInfoMap } from './activity-definition.js';
export * from './activity-options.js';
export * from './checked-functions.js';
export { checkArguments, type Checks } from './checks.js';
export * from './continue-as-new-reason.js';
export * from './data-converter.js';
export * from './definitions.js';
export * from './duration.js';
export * from './errors.js';
export { isError } from './error-brand.js';
export * from './external-storage.js';
export * from './failure.js';
export * from './failure-converter.js';
export * from './interceptors.js';
export * from './logger.js';
export * from './metrics.js';
export * from './payload-bytes.js';
export * from './payload-codec.js';
export * from './payload-converter.js';
export * from './priority.js';
export * from './retry-policy.js';
export * from './schema.js';
export * from './search-attributes.js';
export type { ActivitySerializationContext, SerializationContext, WorkflowSerializationContext } from './serialization-context.js';
// The short names are for code that moves over from Temporal's SDK, where payload converters and codecs are written with them.
export { decodeText, decodeText as decode, encodeText, encodeText as encode } from './text.js';
export { fromPayloadWithTypeInfo, rawValueTypeInfo, toPayloadWithTypeInfo } from './type-info.js';
export type { ConverterHint, PayloadTypeInfo, TransferTypeConverter, TypeInfo } from './type-info.js';
export { TypedJsonPayloadConverter } from './typed-json-converter.js';
export * from './workflow-definition.js';
export * from './workflow-options.js';
