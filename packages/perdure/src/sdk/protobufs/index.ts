/**
 * `perdure/protobufs`: messages of protobufjs as payloads, in the two encodings that all SDKs know.
 *
 * The messages must know their type (`message.$type`): those of `protobuf.load`, of a JSON module, or of a static module that was patched.
 */
import {
  BinaryPayloadConverter,
  CompositePayloadConverter,
  decodeText,
  encodeText,
  encodingTypes,
  JsonPayloadConverter,
  METADATA_ENCODING_KEY,
  METADATA_MESSAGE_TYPE_KEY,
  PayloadConverterError,
  UndefinedPayloadConverter,
  ValueError,
  type Payload,
  type PayloadConverterWithEncoding,
} from '../common/index.js';
import { isCodeRefused } from './message-object.js';
import { messageFromJson, messageToJson } from './proto3-json.js';
import { isRoot, nameOf, typeOfMessage, type MessageType, type TypeRoot } from './reflection.js';

export { createMessage } from './message-object.js';

export interface DefaultPayloadConverterWithProtobufsOptions {
  /** The root of protobufjs that has the message types. */
  readonly protobufRoot: Readonly<Record<string, unknown>> | object;
}

abstract class ProtobufPayloadConverter implements PayloadConverterWithEncoding {
  abstract readonly encodingType: string;
  readonly #root: TypeRoot | undefined;

  /** @param root of protobufjs. Without one, messages can be written and not read. @throws ValueError if it is no root. */
  constructor(root?: unknown) {
    if (root !== undefined && !isRoot(root)) throw new ValueError('The root of protobufjs was expected: it has the method lookupType. Static modules have no such root; generate a JSON module.');
    this.#root = root;
  }

  toPayload(value: unknown): Payload | undefined {
    const type = typeOfMessage(value);
    if (type === undefined) return undefined;
    const metadata = { [METADATA_ENCODING_KEY]: encodeText(this.encodingType), [METADATA_MESSAGE_TYPE_KEY]: encodeText(nameOf(type)) };
    return { metadata, data: this.write(type, value as object) };
  }

  fromPayload<T>(payload: Payload): T {
    const name = payload.metadata[METADATA_MESSAGE_TYPE_KEY];
    if (name === undefined) throw new PayloadConverterError(`A payload with encoding '${this.encodingType}' does not say which message it holds (metadata '${METADATA_MESSAGE_TYPE_KEY}').`);
    const type = this.#lookup(decodeText(name));
    try {
      return this.read(type, payload.data) as T;
    } catch (error) {
      if (isCodeRefused(error)) throw new PayloadConverterError(`The message '${nameOf(type)}' came as '${this.encodingType}', which protobufjs cannot read in workflow code: send it as 'json/protobuf', or hand it to an activity as a RawValue.`, error);
      throw new PayloadConverterError(`A payload does not hold the message '${nameOf(type)}' that it announces: ${error instanceof Error ? error.message : String(error)}`, error);
    }
  }

  protected abstract write(type: MessageType, message: object): Uint8Array;
  protected abstract read(type: MessageType, data: Uint8Array): unknown;

  #lookup(name: string): MessageType {
    if (this.#root === undefined) throw new PayloadConverterError(`The message '${name}' cannot be read: give the payload converter the root of protobufjs.`);
    try {
      return this.#root.lookupType(name);
    } catch (error) {
      throw new PayloadConverterError(`The root of protobufjs has no message '${name}'. Add its .proto file.`, error);
    }
  }
}

/** `binary/protobuf`: small, and unreadable for consoles. */
export class ProtobufBinaryPayloadConverter extends ProtobufPayloadConverter {
  readonly encodingType = encodingTypes.METADATA_ENCODING_PROTOBUF;

  protected write(type: MessageType, message: object): Uint8Array {
    return type.encode(message).finish();
  }

  protected read(type: MessageType, data: Uint8Array): unknown {
    return type.decode(data);
  }
}

/** `json/protobuf`: what other SDKs write by default. */
export class ProtobufJsonPayloadConverter extends ProtobufPayloadConverter {
  readonly encodingType = encodingTypes.METADATA_ENCODING_PROTOBUF_JSON;

  protected write(type: MessageType, message: object): Uint8Array {
    return encodeText(JSON.stringify(messageToJson(type, message)));
  }

  protected read(type: MessageType, data: Uint8Array): unknown {
    return messageFromJson(type, JSON.parse(decodeText(data)));
  }
}

/**
 * Writes messages as `json/protobuf`, reads both encodings, and converts everything else as the default converter does.
 *
 * @example export const payloadConverter = new DefaultPayloadConverterWithProtobufs({ protobufRoot: root });
 */
export class DefaultPayloadConverterWithProtobufs extends CompositePayloadConverter {
  constructor({ protobufRoot }: DefaultPayloadConverterWithProtobufsOptions) {
    super(
      new UndefinedPayloadConverter(),
      new BinaryPayloadConverter(),
      new ProtobufJsonPayloadConverter(protobufRoot),
      new ProtobufBinaryPayloadConverter(protobufRoot),
      new JsonPayloadConverter(),
    );
  }
}
