/** Payloads as both SDKs read them. */
import { Payloads, type Encoded } from '#perdure/protocol/index';

export const json = (value: unknown): Encoded<Payloads> =>
  Payloads.encode({ payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)) }] });
