/** Counts what a run wrote into its journal, for the comparison with a bare store. */
import { loadDriver } from '#perdure/store/sqlite/driver';

export interface JournalStatistics {
  readonly machines: number;
  readonly records: number;
  readonly bytes: number;
}

export async function journalStatistics(filename: string): Promise<JournalStatistics> {
  const { DatabaseSync } = await loadDriver();
  const database = new DatabaseSync(filename);
  try {
    const row = database
      .prepare(
        `SELECT count(DISTINCT machine) AS machines, count(*) AS records, sum(ifnull(length(history), 0) + ifnull(length(private), 0)) AS bytes
         FROM journal`,
      )
      .get();
    return { machines: Number(row?.['machines'] ?? 0), records: Number(row?.['records'] ?? 0), bytes: Number(row?.['bytes'] ?? 0) };
  } finally {
    database.close();
  }
}
