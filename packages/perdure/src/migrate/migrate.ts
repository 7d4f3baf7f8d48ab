/**
 * Moves a project from Temporal's TypeScript SDK to Perdure: module names in its sources, packages in its `package.json`.
 *
 * Each file is replaced as a whole or not at all. Migrating twice changes nothing the second time.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { exportedNames } from './exported-names.js';
import { projectFiles } from './files.js';
import { migrateManifest } from './manifest.js';
import { migrateSource, type Finding } from './sources.js';

export interface FileChange {
  /** From the folder that was migrated. */
  readonly file: string;
  /** What happened, for a person: `3 imports`, `@temporalio/client → perdure`. */
  readonly change: string;
}

export interface Migration {
  readonly filesRead: number;
  readonly changes: readonly FileChange[];
  /** What must be done by hand. */
  readonly findings: readonly (Finding & { readonly file: string })[];
}

export interface MigrateOptions {
  /** The version of Perdure that `package.json` will name. */
  readonly version: string;
  /** False: say what would change. */
  readonly write: boolean;
}

/**
 * @throws the file system's error if a file cannot be read or written; files that were already changed stay changed.
 */
export function migrate(folder: string, options: MigrateOptions): Migration {
  const changes: FileChange[] = [];
  const findings: (Finding & { file: string })[] = [];
  const exportsOf = cachedExports();
  let filesRead = 0;
  for (const { path: file, kind } of projectFiles(folder)) {
    filesRead++;
    const text = fs.readFileSync(file, 'utf8');
    const name = path.relative(folder, file);
    const migrated = kind === 'source' ? source(text, exportsOf) : manifest(text, options.version);
    findings.push(...migrated.findings.map((finding) => ({ ...finding, file: name })));
    if (migrated.text === text) continue;
    changes.push({ file: name, change: migrated.change });
    if (options.write) replaceFile(file, migrated.text);
  }
  return { filesRead, changes, findings };
}

interface MigratedFile {
  readonly text: string;
  readonly change: string;
  readonly findings: readonly Finding[];
}

function source(text: string, exportsOf: (module: string) => ReadonlySet<string>): MigratedFile {
  const migrated = migrateSource(text, exportsOf);
  return { ...migrated, change: `${migrated.replaced} ${migrated.replaced === 1 ? 'module name' : 'module names'}` };
}

const JEST_REMEDY = 'Perdure is ES modules: run Jest with NODE_OPTIONS=--experimental-vm-modules; where tests are CommonJS that takes Node 24.9.';

function manifest(text: string, version: string): MigratedFile {
  try {
    const { text: migrated, removed, kept, needsJestModules } = migrateManifest(text, version);
    const findings = kept.map((name) => ({ line: 1, what: name, remedy: 'Perdure has no counterpart; the package stays.' }));
    if (needsJestModules) findings.push({ line: 1, what: 'Jest', remedy: JEST_REMEDY });
    return { text: migrated, change: `${removed.join(', ')} → perdure`, findings };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { text, change: '', findings: [{ line: 1, what: error.message, remedy: 'Mend the file and migrate again.' }] };
  }
}

/** Whoever reads the file meanwhile, or pulls the plug, finds the old text or the new one. */
function replaceFile(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.migrating`;
  fs.writeFileSync(temporary, text, { mode: fs.statSync(file).mode });
  fs.renameSync(temporary, file);
}

/** The names that each of our modules exports, read when first asked for. */
function cachedExports(): (module: string) => ReadonlySet<string> {
  const known = new Map<string, ReadonlySet<string>>();
  return (module) => {
    let names = known.get(module);
    if (names === undefined) known.set(module, (names = exportedNames(declarationsOf(module))));
    return names;
  };
}

function declarationsOf(module: string): string {
  return fileURLToPath(import.meta.resolve(module)).replace(/\.js$/, '.d.ts');
}
