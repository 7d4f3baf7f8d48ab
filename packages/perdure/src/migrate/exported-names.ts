/**
 * The names that a module of this package exports, types included, read from the declarations that the package carries: the list cannot
 * differ from what a compiler will find.
 */
import fs from 'node:fs';
import path from 'node:path';

const STAR = /^export (?:type )?\* from ['"]([^'"]+)['"]/gm;
const CLAUSE = /^export (?:type )?\{([^}]*)\}/gm;
const DECLARATION = /^export (?:declare )?(?:abstract )?(?:async )?(?:class|function|const|let|type|interface|enum|namespace) ([\w$]+)/gm;

/** @param declarations path of a `.d.ts` file. */
export function exportedNames(declarations: string): ReadonlySet<string> {
  const names = new Set<string>();
  collect(declarations, names, new Set());
  return names;
}

function collect(file: string, names: Set<string>, visited: Set<string>): void {
  if (visited.has(file)) return;
  visited.add(file);
  const text = fs.readFileSync(file, 'utf8');
  for (const [, name] of text.matchAll(DECLARATION)) if (name !== undefined) names.add(name);
  for (const [, clause] of text.matchAll(CLAUSE)) {
    for (const part of clause?.split(',') ?? []) {
      const name = part.trim().split(/\s+/).at(-1);
      if (name !== undefined && name !== '') names.add(name);
    }
  }
  for (const [, module] of text.matchAll(STAR)) {
    if (module?.startsWith('.')) collect(path.resolve(path.dirname(file), module.replace(/\.js$/, '.d.ts')), names, visited);
  }
}
