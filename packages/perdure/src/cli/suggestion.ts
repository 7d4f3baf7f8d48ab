/** What the user may have meant. */

/** ` Did you mean "…"?`, or nothing if no candidate is close. */
export function suggestion(typed: string, candidates: readonly string[]): string {
  const longestDistance = Math.max(1, Math.floor(typed.length / 3));
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of candidates) {
    const distance = name.startsWith(typed) ? 0 : editDistance(typed, name);
    if (distance <= longestDistance && distance < (best?.distance ?? Number.POSITIVE_INFINITY)) best = { name, distance };
  }
  return best === undefined ? '' : ` Did you mean "${best.name}"?`;
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
