/**
 * Converters and a codec that write into each payload whose it is, and refuse to read one as somebody else's. For tests: whatever is sent
 * and received by them shows that both sides were told the same.
 */
import {
  BinaryPayloadConverter,
  CompositePayloadConverter,
  decodeText,
  DefaultFailureConverter,
  encodeText,
  JsonPayloadConverter,
  UndefinedPayloadConverter,
  ValueError,
  type Payload,
  type PayloadCodec,
  type PayloadConverter,
  type ProtoFailure,
  type SerializationContext,
} from '../common/index.js';

/** In one line, the same for the same owner. */
export function ownerOf(context: SerializationContext | undefined): string {
  if (context === undefined) return 'nobody';
  if (context.type === 'workflow') return `workflow ${context.namespace}/${context.workflowId}`;
  return `${context.isLocal ? 'local activity' : 'activity'} ${context.namespace}/${context.workflowId ?? ''}/${context.activityId ?? ''}`;
}

function marked(payload: Payload, key: string, context: SerializationContext | undefined): Payload {
  if (context === undefined) throw new ValueError(`${key}: nobody says whose payload it is`);
  return { ...payload, metadata: { ...payload.metadata, [key]: encodeText(ownerOf(context)) } };
}

function checked(payload: Payload, key: string, context: SerializationContext | undefined): Payload {
  const { [key]: mark, ...metadata } = payload.metadata;
  const writer = mark === undefined ? 'nobody' : decodeText(mark);
  if (writer !== ownerOf(context)) throw new ValueError(`${key}: written for ${writer}, read for ${ownerOf(context)}`);
  return { ...payload, metadata };
}

class OwnerConverter extends CompositePayloadConverter {
  override toPayload<T>(value: T, context?: SerializationContext): Payload {
    return marked(super.toPayload(value, context), 'converter', context);
  }

  override fromPayload<T>(payload: Payload, context?: SerializationContext): T {
    return super.fromPayload<T>(checked(payload, 'converter', context), context);
  }
}

export const payloadConverter: PayloadConverter = new OwnerConverter(new UndefinedPayloadConverter(), new BinaryPayloadConverter(), new JsonPayloadConverter());

const MARK = 'made for ';

class OwnerFailureConverter extends DefaultFailureConverter {
  override errorToFailure(error: unknown, converter: PayloadConverter, context?: SerializationContext): ProtoFailure {
    return { ...super.errorToFailure(error, converter, context), source: MARK + ownerOf(context) };
  }

  override failureToError(failure: ProtoFailure, converter: PayloadConverter, context?: SerializationContext): Error {
    for (let each: ProtoFailure | undefined = failure; each !== undefined; each = each.cause) {
      if (each.source.startsWith(MARK) && each.source !== MARK + ownerOf(context)) throw new ValueError(`a failure was ${each.source}, and read for ${ownerOf(context)}`);
    }
    return super.failureToError(failure, converter, context);
  }
}

export const failureConverter = new OwnerFailureConverter({ encodeCommonAttributes: true });

export class OwnerCodec implements PayloadCodec {
  /** Whose payloads were encoded, in order. */
  readonly encoded: string[] = [];

  async encode(payloads: Payload[], context?: SerializationContext): Promise<Payload[]> {
    this.encoded.push(ownerOf(context));
    return payloads.map((payload) => marked(payload, 'codec', context));
  }

  async decode(payloads: Payload[], context?: SerializationContext): Promise<Payload[]> {
    return payloads.map((payload) => checked(payload, 'codec', context));
  }
}
