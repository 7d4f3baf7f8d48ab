/** A value that JSON does not carry: its cents are a bigint, and it has methods. */
export class Money {
  constructor(
    readonly cents: bigint,
    readonly currency: string,
  ) {}

  plus(other: Money): Money {
    return new Money(this.cents + other.cents, this.currency);
  }

  toString(): string {
    return `${this.cents} ${this.currency}`;
  }
}
