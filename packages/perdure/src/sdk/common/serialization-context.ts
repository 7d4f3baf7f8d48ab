/**
 * Whose payloads are converted.
 *
 * Clients, workers and workflow code bind their converters to a workflow or an activity before they convert: {@link inContext} gives
 * converters and codecs that hand the context to those of the user as a further argument. Sender and receiver of a payload name the same
 * owner, so a codec may choose a key by it. The converters that are there by default ask for nothing and are not wrapped, so that a
 * program without own ones pays nothing.
 */
import type { LoadedDataConverter } from './data-converter.js';
import { defaultFailureConverter, type FailureConverter } from './failure-converter.js';
import type { ProtoFailure } from './failure.js';
import type { PayloadCodec } from './payload-codec.js';
import { defaultPayloadConverter, type Payload, type PayloadConverter } from './payload-converter.js';
import type { ConverterHint } from './type-info.js';

/** The payload belongs to a workflow execution. For what a workflow sends to a child or to another workflow, to that one. */
export interface WorkflowSerializationContext {
  type: 'workflow';
  namespace: string;
  workflowId: string;
}

/** The payload belongs to an activity: arguments, result, heartbeat details, failures. */
export interface ActivitySerializationContext {
  type: 'activity';
  namespace: string;
  /** Absent where it is not known. */
  activityId?: string;
  /** Of the workflow that started it; absent if none did, or it is not known. */
  workflowId?: string;
  /** True for local activities. */
  isLocal: boolean;
}

/** What payload converters, failure converters and payload codecs are told. */
export type SerializationContext = WorkflowSerializationContext | ActivitySerializationContext;

/** The converter for payloads of a workflow. */
export function inWorkflow(converter: LoadedDataConverter, namespace: string, workflowId: string): LoadedDataConverter {
  return needsNoContext(converter) ? converter : inContext(converter, { type: 'workflow', namespace, workflowId });
}

/** The converter for payloads of an activity that no workflow runs locally. Ids that are not known may be empty. */
export function inActivity(converter: LoadedDataConverter, namespace: string, activityId?: string, workflowId?: string): LoadedDataConverter {
  return needsNoContext(converter) ? converter : inContext(converter, activityContext(namespace, activityId, workflowId, false));
}

export function activityContext(namespace: string, activityId: string | undefined, workflowId: string | undefined, isLocal: boolean): ActivitySerializationContext {
  return { type: 'activity', namespace, ...(activityId && { activityId }), ...(workflowId && { workflowId }), isLocal };
}

/** The same converter, which tells its parts of `context`. */
export function inContext(converter: LoadedDataConverter, context: SerializationContext | undefined): LoadedDataConverter {
  if (context === undefined || needsNoContext(converter)) return converter;
  return {
    payloadConverter: payloadConverterInContext(converter.payloadConverter, context),
    failureConverter: failureConverterInContext(converter.failureConverter, context),
    payloadCodecs: codecsInContext(converter.payloadCodecs, context),
  };
}

function needsNoContext({ payloadConverter, failureConverter, payloadCodecs }: LoadedDataConverter): boolean {
  return payloadCodecs.length === 0 && payloadConverter === defaultPayloadConverter && failureConverter === defaultFailureConverter;
}

export function payloadConverterInContext(converter: PayloadConverter, context: SerializationContext | undefined): PayloadConverter {
  if (context === undefined || converter === defaultPayloadConverter) return converter;
  return new BoundPayloadConverter(converter instanceof BoundPayloadConverter ? converter.inner : converter, context);
}

/** Knows whose payloads it converts, unless its caller knows better. */
class BoundPayloadConverter implements PayloadConverter {
  readonly inner: PayloadConverter;
  readonly #context: SerializationContext;

  constructor(inner: PayloadConverter, context: SerializationContext) {
    this.inner = inner;
    this.#context = context;
  }

  toPayload<T>(value: T, context: SerializationContext = this.#context, hint?: ConverterHint<T>): Payload {
    return this.inner.toPayload(value, context, hint);
  }

  fromPayload<T>(payload: Payload, context: SerializationContext = this.#context, hint?: ConverterHint<T>): T {
    return this.inner.fromPayload(payload, context, hint);
  }
}

export function failureConverterInContext(converter: FailureConverter, context: SerializationContext | undefined): FailureConverter {
  if (context === undefined || converter === defaultFailureConverter) return converter;
  return {
    errorToFailure: (error: unknown, payloads: PayloadConverter, given = context): ProtoFailure => converter.errorToFailure(error, payloads, given),
    failureToError: (failure: ProtoFailure, payloads: PayloadConverter, given = context): Error => converter.failureToError(failure, payloads, given),
  };
}

export function codecsInContext(codecs: readonly PayloadCodec[], context: SerializationContext | undefined): readonly PayloadCodec[] {
  if (context === undefined || codecs.length === 0) return codecs;
  return codecs.map((codec) => ({
    encode: (payloads: Payload[], given = context) => codec.encode(payloads, given),
    decode: (payloads: Payload[], given = context) => codec.decode(payloads, given),
  }));
}
