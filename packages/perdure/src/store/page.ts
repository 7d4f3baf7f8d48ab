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

export function checkPageLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`A page holds at least one item, not ${limit}.`);
}
