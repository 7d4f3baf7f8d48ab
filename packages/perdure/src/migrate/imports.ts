/**
 * Which names a source file takes from which modules.
 *
 * Reads the text by its clauses, not by a grammar: what is found in a comment is a name too many to look at, never one too few.
 */

export interface ImportedName {
  readonly name: string;
  /** The module. */
  readonly from: string;
  /** Where in the text the name, or the clause that it stands in, begins. */
  readonly offset: number;
}

/** `import type X, { a as b, type C } from 'm'`, `export { a } from 'm'`, `import * as m from 'm'`. */
const CLAUSE = /\b(?:import|export)\s+(?:type\s+)?(?:[\w$]+\s*,\s*)?(?:\{([^}]*)\}|\*\s*as\s+([\w$]+))\s*from\s*(['"])([^'"\n]+)\3/g;
/** `const { a, b: c } = require('m')`, `= await import('m')`. */
const DESTRUCTURED = /\{([^{}]*)\}\s*=\s*(?:await\s+import|require)\(\s*(['"])([^'"\n]+)\2\s*\)/g;
/** `const m = require('m')`, `= await import('m')`. */
const NAMESPACE = /\b([\w$]+)\s*=\s*(?:await\s+import|require)\(\s*(['"])([^'"\n]+)\2\s*\)/g;

export function importedNames(text: string, isWanted: (module: string) => boolean): ImportedName[] {
  const found: ImportedName[] = [];
  for (const { 0: clause, 1: names, 2: namespace, 4: from, index } of text.matchAll(CLAUSE)) {
    if (from === undefined || !isWanted(from)) continue;
    if (names !== undefined) found.push(...listed(names, from, index + clause.indexOf('{') + 1));
    if (namespace !== undefined) found.push(...members(text, namespace, from));
  }
  for (const { 1: names, 3: from, index } of text.matchAll(DESTRUCTURED)) {
    if (from !== undefined && names !== undefined && isWanted(from)) found.push(...listed(names, from, index + 1));
  }
  for (const { 1: namespace, 3: from } of text.matchAll(NAMESPACE)) {
    if (from !== undefined && namespace !== undefined && isWanted(from)) found.push(...members(text, namespace, from));
  }
  return found;
}

/** The names between the braces of a clause, by what they are called in the module. */
function listed(names: string, from: string, offset: number): ImportedName[] {
  const withoutComments = names.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (comment) => ' '.repeat(comment.length));
  const found: ImportedName[] = [];
  let at = 0;
  for (const part of withoutComments.split(',')) {
    const match = /^\s*(?:type\s+(?!as\b|,|$))?([\w$]+)/.exec(part);
    const name = match?.[1];
    if (match && name !== undefined) found.push({ name, from, offset: offset + at + match[0].length - name.length });
    at += part.length + 1;
  }
  return found;
}

/** What is read from a namespace: `m.Worker`, each once. */
function members(text: string, namespace: string, from: string): ImportedName[] {
  const found = new Map<string, ImportedName>();
  const member = new RegExp(`(?<![\\w$.])${namespace.replaceAll('$', '\\$')}\\.([\\w$]+)`, 'g');
  for (const { 0: whole, 1: name, index } of text.matchAll(member)) {
    if (name !== undefined && !found.has(name)) found.set(name, { name, from, offset: index + whole.length - name.length });
  }
  return [...found.values()];
}
