/**
 * Where SQLite comes from. The code is written against the API of `node:sqlite`; the types below are the part of it that
 * is used. Runtimes without it need `@photostructure/sqlite`, which has the same API and brings prebuilt binaries.
 * Nothing is loaded before a store is opened: clients and workers never pay for it, nor have to install it.
 */
import { StoreDriverMissingError } from '../errors.js';

export type SqlValue = null | number | string | Uint8Array;
export type SqlRow = Record<string, SqlValue>;

export interface SqliteStatement {
  run(...parameters: SqlValue[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint };
  get(...parameters: SqlValue[]): SqlRow | undefined;
  all(...parameters: SqlValue[]): SqlRow[];
  iterate(...parameters: SqlValue[]): IterableIterator<SqlRow>;
}

export interface SqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

export interface SqliteDriver {
  readonly DatabaseSync: new (filename: string) => SqliteDatabase;
}

const SUBSTITUTE = '@photostructure/sqlite';

/** The runtime's own SQLite if it has one that can be used without a flag, else the substitute. */
export async function loadDriver(): Promise<SqliteDriver> {
  const builtin = builtinSqlite();
  if (isDriver(builtin)) return builtin;
  let substitute: unknown;
  try {
    substitute = await import(SUBSTITUTE);
  } catch (cause) {
    throw new StoreDriverMissingError(
      `This runtime (${process.version}) has no built-in SQLite, and ${SUBSTITUTE} could not be loaded. ` +
        `Run "npm install ${SUBSTITUTE}", or use Node.js 22.13 or newer.`,
      { cause },
    );
  }
  if (isDriver(substitute)) return substitute;
  throw new StoreDriverMissingError(`${SUBSTITUTE} is too old or broken. Run "npm install ${SUBSTITUTE}@latest".`);
}

/** Node 22 warns that its SQLite is experimental, on every start. It is tested here, and who reads the warning can do nothing about it. */
function builtinSqlite(): unknown {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    // Not an import: that would fail where the module is unknown, bundlers would try to resolve it, and others would run meanwhile.
    return process.getBuiltinModule?.('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Early releases of `node:sqlite` could not iterate. */
function isDriver(candidate: unknown): candidate is SqliteDriver {
  if (typeof candidate !== 'object' || candidate === null) return false;
  const { DatabaseSync, StatementSync } = candidate as { DatabaseSync?: unknown; StatementSync?: { prototype?: object } };
  return typeof DatabaseSync === 'function' && 'iterate' in (StatementSync?.prototype ?? {});
}
