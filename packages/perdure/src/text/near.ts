/**
 * Which known name someone may have meant: for messages about unknown flags, settings and attributes. Pure; used by every room that
 * reads what people write.
 */

export interface NearOptions {
  /** Most names to return. Default: 1. */
  readonly most?: number;
}

/** Known names that are close to what was typed, the closest first. Case does not matter; a beginning or a part of a name is close to it. */
export function near(typed: string, names: Iterable<string>, { most = 1 }: NearOptions = {}): string[] {
  const wanted = typed.toLowerCase();
  const furthest = Math.max(1, Math.floor(typed.length / 3));
  const found: { readonly name: string; readonly distance: number }[] = [];
  for (const name of names) {
    const distance = distanceOf(wanted, name.toLowerCase(), furthest);
    if (distance <= furthest) found.push({ name, distance });
  }
  return found.sort((one, other) => one.distance - other.distance).slice(0, most).map(({ name }) => name);
}

/** Shorter ones are part of nearly everything. */
const LEAST_PART = 4;

function distanceOf(typed: string, name: string, furthest: number): number {
  if (typed !== '' && name.startsWith(typed)) return 0.5;
  if (typed.length >= LEAST_PART && name.includes(typed)) return 1;
  return Math.abs(name.length - typed.length) > furthest ? Number.POSITIVE_INFINITY : editDistance(typed, name);
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
