/** Small translations between the realm's plain objects and the wire's messages. */
import {
  Failure,
  Header,
  Payloads,
  Priority as WirePriority,
  UserMetadata,
  type Encoded,
} from '../../protocol/index.js';
import { FAILURE_SOURCE } from '../common/failure.js';
import { compilePriority, type Priority } from '../common/priority.js';
import type { Payload } from '../common/payload-converter.js';
import type { Resolution } from '../workflow/activation.js';

export function payloadsOf(bytes: Encoded<Payloads> | undefined): readonly Payload[] {
  return bytes === undefined ? [] : Payloads.decode(bytes).payloads;
}

/** Absent for no payloads, which is what other SDKs write. */
export function encodePayloads(payloads: readonly Payload[]): Encoded<Payloads> | undefined {
  return payloads.length === 0 ? undefined : Payloads.encode({ payloads });
}

export function encodeHeader(headers: ReadonlyMap<string, Payload> | undefined): Encoded<Header> | undefined {
  return headers === undefined ? undefined : Header.encode({ fields: headers });
}

/** Undefined for none, so that nobody has to look into an empty map. */
export function headerFields(bytes: Encoded<Header> | undefined): ReadonlyMap<string, Payload> | undefined {
  return bytes === undefined || bytes.byteLength === 0 ? undefined : Header.decode(bytes).fields;
}

export function userMetadata(summary: Payload | undefined, details?: Payload): Encoded<UserMetadata> | undefined {
  return summary === undefined && details === undefined ? undefined : UserMetadata.encode({ summary, details });
}


export function encodePriority(priority: Priority | undefined): Encoded<WirePriority> | undefined {
  return priority && WirePriority.encode(compilePriority(priority));
}

export function failureOf(bytes: Encoded<Failure> | undefined): Failure {
  return bytes === undefined ? Failure.create({ message: 'The server gave no failure.', source: 'Server' }) : Failure.decode(bytes);
}

export function succeeded(result: Encoded<Payloads> | undefined): Resolution {
  return { ok: true, payload: payloadsOf(result)[0] };
}

/** A cancellation, as the cause of an activity's or child's failure. */
export function cancellation(message: string, details: Encoded<Payloads> | undefined): Failure {
  return Failure.create({ message, source: FAILURE_SOURCE, canceledFailureInfo: { details, identity: '' } });
}

