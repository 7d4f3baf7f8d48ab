/**
 * How drivers keep a payload: its wire bytes, under a name that is their SHA-256 digest. Equal payloads share an object, storing one twice is
 * harmless, and what comes back can be checked. The claim and the form of the key are those of the S3 drivers of Temporal's SDKs.
 */
import { createHash } from 'node:crypto';
import { StorageDriverClaim, ValueError, type Payload } from '../common/index.js';
import { payloadFromBytes, payloadToBytes } from '../common/payload-bytes.js';

const HASH_ALGORITHM = 'sha256';

export interface StoredPayload {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly digest: string;
}

/** @throws ValueError if the payload is larger than the driver takes. */
export function storedPayload(payload: Payload, maximumBytes: number): StoredPayload {
  const bytes = payloadToBytes(payload);
  if (bytes.byteLength > maximumBytes) throw new ValueError(`a payload has ${bytes.byteLength} bytes, and this driver takes at most ${maximumBytes}; raise its maxPayloadSize.`);
  const digest = createHash(HASH_ALGORITHM).update(bytes).digest('hex');
  return { key: `v0/d/${HASH_ALGORITHM}/${digest}`, bytes, digest };
}

export function claimOf({ key, digest }: StoredPayload, where: Readonly<Record<string, string>> = {}): StorageDriverClaim {
  return new StorageDriverClaim({ ...where, key, hash_algorithm: HASH_ALGORITHM, hash_value: digest });
}

/** @throws ValueError if the claim lacks the field. */
export function claimField({ claimData }: StorageDriverClaim, field: string): string {
  const value = claimData[field];
  if (value === undefined) throw new ValueError(`the claim has no "${field}": another driver wrote it.`);
  return value;
}

/** @throws ValueError if these are not the bytes that were stored. */
export function verifiedPayload(claim: StorageDriverClaim, bytes: Uint8Array): Payload {
  const { hash_algorithm: algorithm, hash_value: expected, key } = claim.claimData;
  if (expected !== undefined && algorithm !== undefined) {
    if (algorithm !== HASH_ALGORITHM) throw new ValueError(`"${key}" was hashed with ${algorithm}, and only ${HASH_ALGORITHM} is known.`);
    if (createHash(HASH_ALGORITHM).update(bytes).digest('hex') !== expected) throw new ValueError(`"${key}" was changed since it was stored, or is damaged.`);
  }
  return payloadFromBytes(bytes);
}

/** Does `work` for all items, so many at a time, and stops with the first failure or when the signal is aborted. */
export async function inTurns<Item, Result>(items: readonly Item[], concurrency: number, signal: AbortSignal | undefined, work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const index = next++;
      signal?.throwIfAborted();
      try {
        results[index] = await work(items[index]!);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  return results;
}
