/** User data that the server makes itself. */
import { Payloads } from '../../protocol/index.js';
import type { Encoded } from '../../protocol/index.js';

/** One payload, encoded as SDKs do by default. */
export function jsonPayloads(value: string): Encoded<Payloads> {
  const metadata = { encoding: Buffer.from('json/plain') };
  return Payloads.encode({ payloads: [{ metadata, data: Buffer.from(JSON.stringify(value)) }] });
}
