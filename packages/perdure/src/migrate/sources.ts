/**
 * Rewrites the module names in one source file, and finds what cannot be moved.
 *
 * A quoted `@temporalio/…` is the name of a module wherever it stands: in an import of any kind, `require`, `jest.mock`, an example in a
 * comment. So the text is not parsed, which also keeps its formatting, and JavaScript, TypeScript and JSX are all the same.
 */
import { importedNames, type ImportedName } from './imports.js';
import { isTemporalModule, moduleFor, moduleForFile, remedyFor } from './modules.js';

/** Something that a person must look at. */
export interface Finding {
  /** From 1. */
  readonly line: number;
  /** What is there, for example `Trigger of @temporalio/workflow`. */
  readonly what: string;
  readonly remedy: string;
}

export interface MigratedSource {
  readonly text: string;
  /** How many module names were replaced. */
  readonly replaced: number;
  readonly findings: readonly Finding[];
}

const QUOTED_MODULE = /(['"`])(@temporalio\/[\w./-]+)\1/g;

/** @param exportsOf the names that a module of ours exports, types included. */
export function migrateSource(source: string, exportsOf: (module: string) => ReadonlySet<string>): MigratedSource {
  const findings: Finding[] = [];
  const names = importedNames(source, isTemporalModule);
  let replaced = 0;
  const text = source.replace(QUOTED_MODULE, (quoted, quote: string, name: string, offset: number) => {
    const module = moduleFor(name) ?? moduleForWholeFile(name, names, exportsOf);
    if (module !== undefined) {
      replaced++;
      return quote + module + quote;
    }
    findings.push({ line: lineAt(source, offset), what: name, remedy: remedyFor(name) });
    return quoted;
  });
  for (const { name, from, offset } of names) {
    const module = moduleFor(from);
    if (module === undefined || exportsOf(module).has(name)) continue;
    findings.push({ line: lineAt(source, offset), what: `${name} of ${from}`, remedy: `"${module}" does not export it.` });
  }
  return { text, replaced, findings: findings.sort((a, b) => a.line - b.line) };
}

/** A file inside of a package moves if the package exports all that is taken from the file. */
function moduleForWholeFile(file: string, names: readonly ImportedName[], exportsOf: (module: string) => ReadonlySet<string>): string | undefined {
  const module = moduleForFile(file);
  const taken = names.filter(({ from }) => from === file);
  return module !== undefined && taken.length > 0 && taken.every(({ name }) => exportsOf(module).has(name)) ? module : undefined;
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}
