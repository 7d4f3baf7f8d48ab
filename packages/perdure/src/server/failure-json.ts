/** A failure as protobuf's JSON, for those who get it outside the protocol. */
import { Failure } from '../protocol/index.js';
import { binaryToJson } from '../protocol/json/index.js';

/** All of it but the message and the stack trace, which stand beside it. */
export function failureDetails(failure: Failure): Readonly<Record<string, unknown>> {
  const json = JSON.parse(binaryToJson(Failure.typeName, Failure.encode({ ...failure, message: '', stackTrace: '' }), { payloadShorthand: false })) as unknown;
  return json as Readonly<Record<string, unknown>>;
}
