/** Single fields in the wire format, for messages whose shape is known at run time only. Generated codecs write theirs themselves. */

const VARINT = 0;
const FIXED_64 = 1;
const BYTES = 2;
const FIXED_32 = 5;

/** Most tags and lengths take one byte. */
const SMALL: readonly Uint8Array[] = Array.from({ length: 128 }, (_, value) => Uint8Array.of(value));

export function varintField(number: number, value: number | bigint): Uint8Array[] {
  return [varint((number << 3) | VARINT), varint(value)];
}

export function delimited(number: number, bytes: Uint8Array): Uint8Array[] {
  return [varint((number << 3) | BYTES), varint(bytes.byteLength), bytes];
}

/** @param value four or eight bytes */
export function bits(number: number, value: Buffer): Uint8Array[] {
  return [varint((number << 3) | (value.byteLength === 8 ? FIXED_64 : FIXED_32)), value];
}

export function doubleBits(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

export function floatBits(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

/** Negative numbers take ten bytes, as protobuf prescribes. */
function varint(given: number | bigint): Uint8Array {
  if (typeof given === 'number' && given >= 0 && given < 128) return SMALL[given] as Uint8Array;
  let value = BigInt.asUintN(64, BigInt(given));
  const bytes: number[] = [];
  do {
    bytes.push(Number(value & 0x7fn) | (value > 0x7fn ? 0x80 : 0));
    value >>= 7n;
  } while (value > 0n);
  return Uint8Array.from(bytes);
}
