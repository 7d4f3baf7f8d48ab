/**
 * The one error that crosses the wire: a gRPC status with typed details.
 *
 * Handlers throw it, doors translate it, clients receive it. A detail is a message of `temporal.api.errordetails.v1`, packed as
 * `google.protobuf.Any`; SDKs read the first one only.
 */
import type { Codec, Init } from './codec.js';
import type { Any } from './generated/google.protobuf.js';
import { Status } from './generated/google.rpc.js';

/** gRPC status codes. */
export const Code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;
export type Code = (typeof Code)[keyof typeof Code];

export class RpcError extends Error {
  override readonly name = 'RpcError';

  constructor(
    readonly code: Code,
    message: string,
    readonly details: readonly Any[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** An error whose first detail is the given message. */
  static with<T>(code: Code, message: string, type: Codec<T>, detail: Init<T>): RpcError {
    return new RpcError(code, message, [pack(type, detail)]);
  }

  /** The first detail, if it is of this type. */
  detail<T>(type: Codec<T>): T | undefined {
    const [first] = this.details;
    return first?.typeUrl.endsWith(`/${type.typeName}`) ? type.decode(first.value) : undefined;
  }

  /** The content of the trailer `grpc-status-details-bin`. */
  toStatus(): Uint8Array {
    return Status.encode({ code: this.code, message: this.message, details: [...this.details] });
  }

  static fromStatus(bytes: Uint8Array): RpcError {
    const status = Status.decode(bytes);
    return new RpcError(status.code as Code, status.message, status.details);
  }
}

export function pack<T>(type: Codec<T>, message: Init<T>): Any {
  return { typeUrl: `type.googleapis.com/${type.typeName}`, value: type.encode(message) };
}
