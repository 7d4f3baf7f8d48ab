/**
 * Makes a failing program small: leaves out steps, then parts of steps, as long as it fails in the same way. For tests only.
 *
 * Works on any list of plain data in which everything may be left out but the names (`do`, `make`).
 */

const NAMES = new Set(['do', 'make']);

export interface Shrunk<T> {
  readonly steps: readonly T[];
  /** How many programs were tried. */
  readonly tries: number;
}

/** @param fails whether the program fails in the same way. @param most programs that are tried */
export function shrink<T>(program: readonly T[], fails: (steps: readonly T[]) => boolean, most = 3000): Shrunk<T> {
  const search = new Search(program, fails, most);
  for (let before = -1; before !== search.accepted; ) {
    before = search.accepted;
    for (let size = Math.ceil(search.steps.length / 2); size > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) dropChunks(search, size);
    for (let index = search.steps.length - 1; index >= 0; index--) simplify(search, index);
  }
  return search;
}

class Search<T> implements Shrunk<T> {
  tries = 0;
  accepted = 0;

  constructor(
    public steps: readonly T[],
    readonly fails: (steps: readonly T[]) => boolean,
    readonly most: number,
  ) {}

  /** Takes the candidate if it still fails. */
  accept(candidate: readonly T[]): boolean {
    if (this.tries >= this.most) return false;
    this.tries += 1;
    if (!this.fails(candidate)) return false;
    this.steps = candidate;
    this.accepted += 1;
    return true;
  }
}

/** From the end: late steps depend on early ones. */
function dropChunks<T>(search: Search<T>, size: number): void {
  for (let end = search.steps.length; end > 0; end -= size) {
    search.accept([...search.steps.slice(0, Math.max(0, end - size)), ...search.steps.slice(end)]);
  }
}

function simplify<T>(search: Search<T>, index: number): void {
  for (let changed = true; changed; ) {
    changed = simpler(search.steps[index]).some((step) => search.accept(search.steps.with(index, step as T)));
  }
}

/** A little less of a value, in every way. What comes out is of the same type, because every part of it may be left out. */
function simpler(value: unknown): unknown[] {
  if (Array.isArray(value)) {
    const all: unknown[] = value;
    return [...all.map((_, i) => all.filter((_part, j) => j !== i)), ...all.flatMap((part, i) => simpler(part).map((less) => all.with(i, less)))];
  }
  if (typeof value !== 'object' || value === null) return [];
  const parts = Object.entries(value).filter(([key]) => !NAMES.has(key));
  return [
    ...parts.map(([left]) => Object.fromEntries(Object.entries(value).filter(([key]) => key !== left))),
    ...parts.flatMap(([key, part]) => simpler(part).map((less) => ({ ...value, [key]: less }))),
  ];
}
