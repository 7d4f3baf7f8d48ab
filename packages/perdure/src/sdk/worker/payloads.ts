/** Activity values to wire bytes and back: the user's data converter, as activities need it. */
import { EMPTY, Failure, type Encoded, type Payloads } from '../../protocol/index.js';
import {
  decodeArrayFromBytes,
  encodeArgumentsToBytes,
  encodeErrorToFailure,
  encodePayloadsWithCodecs,
  encodeToBytes,
  payloadsToBytes,
  toPayloads,
  type LoadedDataConverter,
  type Payload,
  type TypeInfo,
} from '../common/index.js';
import { inActivity } from '../common/serialization-context.js';

export class ActivityPayloads {
  readonly #converter: LoadedDataConverter;

  constructor(converter: LoadedDataConverter) {
    this.#converter = converter;
  }

  /** Those of one activity: converters and codecs are told whose payloads they convert. */
  of(namespace: string, activityId: string, workflowId: string | undefined): ActivityPayloads {
    const bound = inActivity(this.#converter, namespace, activityId, workflowId);
    return bound === this.#converter ? this : new ActivityPayloads(bound);
  }

  decode(bytes: Encoded<Payloads> | undefined, types?: readonly TypeInfo[]): Promise<unknown[]> {
    return decodeArrayFromBytes(this.#converter, bytes, types);
  }

  /** Exactly one payload, also for `undefined`: clients refuse a result of none. */
  async encodeResult(result: unknown, type: TypeInfo | undefined): Promise<Encoded<Payloads>> {
    return (await encodeArgumentsToBytes(this.#converter, [result], type && [type])) ?? EMPTY;
  }

  async encodeValues(values: readonly unknown[]): Promise<Encoded<Payloads>> {
    return (await encodeToBytes(this.#converter, ...values)) ?? EMPTY;
  }

  async encodeFailure(error: unknown): Promise<Encoded<Failure>> {
    return Failure.encode(await encodeErrorToFailure(this.#converter, error));
  }

  /**
   * Converts heartbeat details at the moment of the call: activity code may go on changing the object, and a checkpoint must not
   * claim more than was done when it was made. @throws when the value cannot be converted.
   */
  convertHeartbeat(details: unknown): readonly Payload[] | undefined {
    return details === undefined ? undefined : toPayloads(this.#converter.payloadConverter, details);
  }

  /** Runs the payload codecs, which may be slow, only on details that are really sent. */
  async encodeHeartbeat(payloads: readonly Payload[] | undefined): Promise<Encoded<Payloads> | undefined> {
    return payloads && payloadsToBytes(await encodePayloadsWithCodecs(this.#converter.payloadCodecs, payloads));
  }
}
