/** Activity values to wire bytes and back: the user's data converter, as activities need it. */
import { EMPTY, Failure, type Encoded, type Payloads } from '../../protocol/index.js';
import {
  decodeArrayFromBytes,
  encodeErrorToFailure,
  encodePayloadsWithCodecs,
  encodeToBytes,
  payloadsToBytes,
  toPayloads,
  type LoadedDataConverter,
  type Payload,
} from '../common/index.js';

export class ActivityPayloads {
  readonly #converter: LoadedDataConverter;

  constructor(converter: LoadedDataConverter) {
    this.#converter = converter;
  }

  decode(bytes: Encoded<Payloads> | undefined): Promise<unknown[]> {
    return decodeArrayFromBytes(this.#converter, bytes);
  }

  /** Exactly one payload, also for `undefined`: clients refuse a result of none. */
  encodeResult(result: unknown): Promise<Encoded<Payloads>> {
    return this.encodeValues([result]);
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
