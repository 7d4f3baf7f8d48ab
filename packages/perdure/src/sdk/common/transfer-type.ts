/**
 * What the definition of a Nexus operation says of how its input or output travels.
 *
 * The converter of a definition stands before the payload converter when a value is sent, and behind it when one is received. Both sides of an
 * operation share the definition, so both do the same.
 */
import type { TypeInfo } from 'nexus-rpc';

/** What goes to the payload converter. */
export function toTransferType(value: unknown, type: TypeInfo<unknown, unknown> | undefined): unknown {
  const converter = type?.transferTypeConverter;
  return converter === undefined ? value : converter.toTransferType(value);
}

/** What user code gets of what the payload converter gave. */
export function fromTransferType(value: unknown, type: TypeInfo<unknown, unknown> | undefined): unknown {
  const converter = type?.transferTypeConverter;
  return converter === undefined ? value : converter.fromTransferType(value);
}
