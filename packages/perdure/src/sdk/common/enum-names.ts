/**
 * Enumerations that users see as names (`'HEARTBEAT'`) and the wire as numbers.
 *
 * The numbers are spelled out where they are used, not taken from the generated protocol, because this folder runs inside the workflow
 * realm, where the codecs cannot. The compiler holds them equal to the protocol's by its types.
 */

/** Name to number and back, for one enumeration. */
export interface EnumNames<Name extends string, WireNumber extends number> {
  /** The wire number; undefined and null give 0, the wire's "unspecified". @throws RangeError for an unknown name. */
  encode(name: Name | undefined | null): WireNumber;
  /** The name; undefined for 0 and for numbers of a later protocol. */
  decode(wireNumber: number | undefined | null): Name | undefined;
}

/** `numbers` holds each name with its number; `Wire` is the type of the protocol's enumeration. */
export function enumNames<Wire extends { readonly UNSPECIFIED: 0 } & Readonly<Record<Name, number>>, Name extends string>(
  what: string,
  numbers: Readonly<Pick<Wire, Name>>,
): EnumNames<Name, Wire[Name] | 0> {
  const names = new Map<number, Name>();
  for (const name of Object.keys(numbers) as Name[]) names.set(numbers[name], name);
  return {
    encode(name) {
      if (name === undefined || name === null) return 0;
      if (!Object.hasOwn(numbers, name)) {
        throw new RangeError(`Not a ${what}: '${String(name)}'. Use one of ${Object.keys(numbers).join(', ')}.`);
      }
      return numbers[name];
    },
    decode: (wireNumber) => (wireNumber === undefined || wireNumber === null ? undefined : names.get(wireNumber)),
  };
}
