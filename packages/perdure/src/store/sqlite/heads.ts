/**
 * What the writer has to know of a machine to append to it: its number, where its journal ends, and what its row says
 * now, so that indexed columns are only written when they change. Remembered for the machines that came last; for
 * others it is read again. Nothing but the writer writes to the file, so a remembered head is never wrong.
 */
import type { MachineId } from '../store.js';
import type { JournalHead } from '../transition.js';
import type { SqliteDatabase, SqliteStatement } from './driver.js';
import { idToBytes } from './machine-id.js';

export interface Head extends JournalHead {
  readonly number: number;
  readonly wakeAt: number | undefined;
  readonly open: boolean;
}

/** About 250 bytes each. As many as a host has in memory by default, and some. */
const MOST_REMEMBERED = 65_536;

export class Heads {
  /** In the order in which they came: the first one is the one to forget. If it still writes it is read again, once in so many machines. */
  readonly #remembered = new Map<MachineId, Head>();
  readonly #selectRow: SqliteStatement;
  readonly #selectEnd: SqliteStatement;

  constructor(database: SqliteDatabase) {
    this.#selectRow = database.prepare('SELECT number, wake_at, open FROM machine WHERE id = ?');
    this.#selectEnd = database.prepare(
      'SELECT seq, last_event_id FROM journal WHERE machine = ? ORDER BY seq DESC LIMIT 1',
    );
  }

  get(id: MachineId): Head | undefined {
    return this.#remembered.get(id) ?? this.#read(id);
  }

  /** Undefined also for a machine that wrote long ago. */
  remembered(id: MachineId): Head | undefined {
    return this.#remembered.get(id);
  }

  set(id: MachineId, head: Head): void {
    this.#remembered.set(id, head);
    if (this.#remembered.size <= MOST_REMEMBERED) return;
    for (const oldest of this.#remembered.keys()) {
      this.#remembered.delete(oldest);
      return;
    }
  }

  forget(id: MachineId): void {
    this.#remembered.delete(id);
  }

  #read(id: MachineId): Head | undefined {
    const bytes = idToBytes(id);
    const row = bytes && this.#selectRow.get(bytes);
    if (row === undefined) return undefined;
    const number = row['number'] as number;
    const end = this.#selectEnd.get(number);
    return {
      number,
      seq: (end?.['seq'] ?? 0) as number,
      lastEventId: (end?.['last_event_id'] ?? 0) as number,
      wakeAt: (row['wake_at'] ?? undefined) as number | undefined,
      open: row['open'] === 1,
    };
  }
}
