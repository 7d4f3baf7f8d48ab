/** A class that travels as plain data, and a payload converter that takes values of one hint only. For tests, inside of workflow code and outside. */
import {
  CompositePayloadConverter,
  decodeText,
  encodeText,
  JsonPayloadConverter,
  UndefinedPayloadConverter,
  type ConverterHint,
  type Payload,
  type PayloadConverterWithEncoding,
  type TypeInfo,
} from '../common/index.js';

export class Money {
  constructor(readonly cents: bigint) {}

  plus(other: Money): Money {
    return new Money(this.cents + other.cents);
  }
}

/** As text in JSON. */
export const money: TypeInfo<Money, string> = {
  transferTypeConverter: {
    toTransferType: (value) => {
      if (!(value instanceof Money)) throw new TypeError('not Money');
      return String(value.cents);
    },
    fromTransferType: (text) => new Money(BigInt(text)),
  },
};

/** Turned round, in an encoding of its own. */
export const turned: TypeInfo<string> = { payloadConverterHint: { converter: 'turned' } };

class TurnedConverter implements PayloadConverterWithEncoding {
  readonly encodingType = 'text/turned';

  validateConverterHint({ converter }: ConverterHint): boolean {
    return converter === 'turned';
  }

  toPayload<T>(value: T, _context?: unknown, hint?: ConverterHint<T>): Payload | undefined {
    if (hint === undefined) return undefined;
    return { metadata: { encoding: encodeText(this.encodingType) }, data: encodeText([...String(value)].reverse().join('')) };
  }

  fromPayload<T>({ data }: Payload): T {
    return [...decodeText(data)].reverse().join('') as T;
  }
}

export const payloadConverter = new CompositePayloadConverter(new UndefinedPayloadConverter(), new TurnedConverter(), new JsonPayloadConverter());
