/** A class that travels as text. Neither side of the SDKs knows it but by what definitions and calls say. */
export class Money {
  constructor(readonly cents: bigint) {}

  plus(other: Money): Money {
    return new Money(this.cents + other.cents);
  }
}

/** Also of the shape that the official SDK wants. */
export const money = {
  transferTypeConverter: {
    toTransferType: (value: unknown): unknown => String((value as Money).cents),
    fromTransferType: (text: unknown): unknown => new Money(BigInt(String(text))),
  },
};

export const takesAndGives = { inputTypes: [money], outputType: money };
