/** Cursors of paged reads: a list of numbers in a text that nobody but the store looks into. */

export function encodeCursor(...position: readonly number[]): string {
  return position.join('.');
}

/** `undefined` in, `undefined` out: the first page. */
export function decodeCursor(cursor: string | undefined, length: number): readonly number[] | undefined {
  if (cursor === undefined) return undefined;
  const position = cursor.split('.').map(Number);
  if (position.length === length && position.every(Number.isSafeInteger)) return position;
  throw new RangeError(`"${cursor}" is not a cursor of this list: pass on what the previous page returned.`);
}

/** Of lists: where a row stands in its order, one value for each term, and its number. */
export function encodeListCursor(position: readonly (string | number | null)[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** @throws RangeError if it is not one of a list that is ordered by so many values */
export function decodeListCursor(cursor: string | undefined, length: number): readonly (string | number | null)[] | undefined {
  if (cursor === undefined) return undefined;
  try {
    const position: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const isOne = Array.isArray(position) && position.length === length && position.every((value) => value === null || typeof value === 'string' || typeof value === 'number');
    if (isOne) return position as (string | number | null)[];
  } catch {
    // Refused below.
  }
  throw new RangeError('This is not a cursor of this list: pass on what the previous page returned, with the same order.');
}

export function checkPageLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`A page holds at least one item, not ${limit}.`);
}
