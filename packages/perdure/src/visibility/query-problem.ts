/** What is wrong with a query, where, and what may have been meant. The frontend answers it as INVALID_ARGUMENT. */

export class QueryProblem extends Error {
  override readonly name = 'QueryProblem';
  /** Where in the query's text, counted from 1. */
  readonly position: number;

  constructor(message: string, position: number, advice = '') {
    super(`invalid query: ${message} (at position ${position})${advice === '' ? '' : `. ${advice}`}`);
    this.position = position;
  }
}

/** `Did you mean X?`, or nothing if no candidate is close. */
export function didYouMean(typed: string, candidates: Iterable<string>): string {
  const most = Math.max(2, Math.floor(typed.length / 3));
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of candidates) {
    if (Math.abs(name.length - typed.length) > most) continue;
    const distance = editDistance(typed.toLowerCase(), name.toLowerCase());
    if (distance <= most && distance < (best?.distance ?? Number.POSITIVE_INFINITY)) best = { name, distance };
  }
  return best === undefined ? '' : `Did you mean ${best.name}?`;
}

/** How many letters must be inserted, removed or changed to turn one word into the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
