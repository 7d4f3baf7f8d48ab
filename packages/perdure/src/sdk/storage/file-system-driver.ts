/** Payloads as files: for one machine, or for several that share a file system. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ValueError, type Payload, type StorageDriver, type StorageDriverClaim, type StorageDriverRetrieveContext, type StorageDriverStoreContext } from '../common/index.js';
import { claimField, claimOf, inTurns, storedPayload, verifiedPayload } from './stored-payload.js';

export interface FileSystemStorageDriverOptions {
  /** Made if it is not there. Clients and workers must see the same one, if not under the same path. */
  readonly directory: string;
  /** Goes into references, so it must not change. Default: `perdure.filesystem`. */
  readonly name?: string;
  /** Larger payloads are refused. Bytes. Default: 50 MiB. */
  readonly maxPayloadSize?: number;
}

const DEFAULT_NAME = 'perdure.filesystem';
const DEFAULT_MAX_PAYLOAD_BYTES = 50 * 1024 * 1024;
const CONCURRENCY = 16;
/** What this driver writes; a claim from a history that somebody else wrote must not lead out of the directory. */
const KEY = /^v0\/(?:[A-Za-z0-9%._~-]+\/)*d\/sha256\/[0-9a-f]{64}$/;

/**
 * A file is complete or not there: it is written under another name, synced, and renamed. Nothing is ever deleted: delete files that are
 * older than the longest execution plus the retention of its namespace.
 */
export class FileSystemStorageDriver implements StorageDriver {
  readonly type = 'perdure.filesystem';
  readonly name: string;
  readonly #directory: string;
  readonly #maxPayloadBytes: number;

  constructor({ directory, name = DEFAULT_NAME, maxPayloadSize = DEFAULT_MAX_PAYLOAD_BYTES }: FileSystemStorageDriverOptions) {
    this.name = name;
    this.#directory = path.resolve(directory);
    this.#maxPayloadBytes = maxPayloadSize;
  }

  /** @throws ValueError if a payload is too large, or the error of the file system. */
  store({ abortSignal }: StorageDriverStoreContext, payloads: Payload[]): Promise<StorageDriverClaim[]> {
    return inTurns(payloads, CONCURRENCY, abortSignal, async (payload) => {
      const stored = storedPayload(payload, this.#maxPayloadBytes);
      await this.#write(this.#pathOf(stored.key), stored.bytes);
      return claimOf(stored);
    });
  }

  /** @throws ValueError if a file is missing or was changed. */
  retrieve({ abortSignal }: StorageDriverRetrieveContext, claims: StorageDriverClaim[]): Promise<Payload[]> {
    return inTurns(claims, CONCURRENCY, abortSignal, async (claim) => {
      const file = this.#pathOf(claimField(claim, 'key'));
      const bytes = await readFile(file, { signal: abortSignal }).catch((error: unknown) => {
        if (isMissing(error)) throw new ValueError(`${file} is not there: it was deleted, or this is not the directory that it was stored in.`, error);
        throw error;
      });
      return verifiedPayload(claim, bytes);
    });
  }

  /** One folder for 256 digests' first two digits, so that none grows without bound. */
  #pathOf(key: string): string {
    if (!KEY.test(key) || key.includes('/../') || key.includes('/./')) throw new ValueError(`the claim has the key ${JSON.stringify(key)}, which this driver cannot have written.`);
    const digest = key.slice(-64);
    return path.join(this.#directory, key.slice(0, -64), digest.slice(0, 2), digest);
  }

  async #write(file: string, bytes: Uint8Array): Promise<void> {
    // The name says what is in it: one that is there is right, if it is complete, which the rename sees to.
    if ((await stat(file).catch(() => undefined))?.size === bytes.byteLength) return;
    const folder = path.dirname(file);
    await mkdir(folder, { recursive: true });
    const unfinished = path.join(folder, `.${randomUUID()}.unfinished`);
    try {
      await writeSynced(unfinished, bytes);
      await rename(unfinished, file);
      await syncFolder(folder);
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => undefined);
      throw error;
    }
  }
}

async function writeSynced(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Without it the name itself may be lost with the power. Not every system can sync a folder. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
