/** A failure as protobuf's JSON, for those who get it outside the protocol. */
import { Failure } from '../protocol/index.js';
import { binaryToJson } from '../protocol/json/index.js';

/** As Nexus writes it over HTTP. */
export function nexusFailure(failure: Failure): string {
  return JSON.stringify({
    message: failure.message,
    ...(failure.stackTrace === '' ? {} : { stackTrace: failure.stackTrace }),
    metadata: { type: 'temporal.api.failure.v1.Failure' },
    details: failureDetails(failure),
  });
}

/** All of it but the message and the stack trace, which stand beside it. */
function failureDetails(failure: Failure): Readonly<Record<string, unknown>> {
  const json = JSON.parse(binaryToJson(Failure.typeName, Failure.encode({ ...failure, message: '', stackTrace: '' }), { payloadShorthand: false })) as unknown;
  return json as Readonly<Record<string, unknown>>;
}
