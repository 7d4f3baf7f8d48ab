import {
  BinaryPayloadConverter,
  CompositePayloadConverter,
  JsonPayloadConverter,
  METADATA_ENCODING_KEY,
  UndefinedPayloadConverter,
  type Payload,
  type PayloadConverterWithEncoding,
} from '@temporalio/common';
import { decode, encode } from '@temporalio/common/lib/encoding';
import { Money } from './money';

class MoneyConverter implements PayloadConverterWithEncoding {
  readonly encodingType = 'text/money';

  toPayload(value: unknown): Payload | undefined {
    if (!(value instanceof Money)) return undefined;
    return { metadata: { [METADATA_ENCODING_KEY]: encode(this.encodingType) }, data: encode(`${value.cents} ${value.currency}`) };
  }

  fromPayload<T>(payload: Payload): T {
    const [cents = '0', currency = ''] = decode(payload.data ?? new Uint8Array()).split(' ');
    return new Money(BigInt(cents), currency) as T;
  }
}

export const payloadConverter = new CompositePayloadConverter(
  new UndefinedPayloadConverter(),
  new BinaryPayloadConverter(),
  new MoneyConverter(),
  new JsonPayloadConverter(),
);
