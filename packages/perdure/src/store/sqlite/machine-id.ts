/** Machine ids are text for everybody else and 16 bytes on disk: less than half, in a table and in its index. */
import { isMachineId } from '../transition.js';

/** `undefined` for what is not a canonical UUID: no machine has such an id. */
export function idToBytes(id: string): Uint8Array | undefined {
  return isMachineId(id) ? Buffer.from(id.replaceAll('-', ''), 'hex') : undefined;
}

export function idFromBytes(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
