/** Finds the imports of a bundle that workflow code must not have, and tells where each stands and how it got there. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type * as esbuild from 'esbuild';
import type { ForbiddenImport } from './bundle-error.js';
import { isBuiltinName, remedyForImport } from './forbidden-imports.js';
import { pureModuleFile } from './pure-modules.js';
import { readablePath } from './readable-path.js';

const SHARED_MODULES = new Set(['perdure/workflow', 'perdure/common']);
/** Marks an import in the output that must not be there. */
const MARK = 'perdure-forbidden:';

export class ImportCheck {
  readonly #ignored: ReadonlySet<string>;

  constructor(ignored: readonly string[]) {
    this.#ignored = new Set(ignored);
  }

  plugin(): esbuild.Plugin {
    return {
      name: 'perdure-workflow-imports',
      setup: (build) => {
        build.onResolve({ filter: /^[^./]/ }, async (args) => {
          const specifier = args.path;
          if (SHARED_MODULES.has(specifier)) return { path: specifier, external: true };
          if (args.pluginData === 'nested') return undefined;
          const remedy = remedyForImport(specifier);
          if (remedy === undefined && !this.#ignored.has(specifier)) return undefined;
          if (this.#ignored.has(specifier)) return { path: specifier, namespace: 'perdure-ignored' };
          if (isBuiltinName(specifier) && (await this.#isPackage(build, args))) return undefined;
          const pure = pureModuleFile(specifier);
          if (pure !== undefined) return args.kind === 'require-call' ? { path: pure, namespace: 'perdure-required' } : { path: pure };
          // Without side effects, so that it disappears where nothing of it is used.
          return { path: MARK + specifier, external: true, sideEffects: false };
        });
        // What `require('assert')` gives is a function.
        build.onLoad({ filter: /.*/, namespace: 'perdure-required' }, ({ path }) => ({ contents: `module.exports = require(${JSON.stringify(path)}).default`, resolveDir: dirname(path), loader: 'js' }));
        build.onLoad({ filter: /.*/, namespace: 'perdure-ignored' }, ({ path }) => ({ contents: ignoredModule(path), loader: 'js' }));
      },
    };
  }

  /** What of it is left in the output. */
  forbidden(metafile: esbuild.Metafile | undefined): readonly string[] {
    const left = new Set<string>();
    for (const output of Object.values(metafile?.outputs ?? {})) {
      for (const { path } of output.imports) if (path.startsWith(MARK)) left.add(path.slice(MARK.length));
    }
    return [...left];
  }

  /** The places, by importing file; a file counts only if it is in the output itself. */
  async locate(specifiers: readonly string[], metafile: esbuild.Metafile | undefined, build: esbuild.BuildOptions): Promise<ForbiddenImport[]> {
    const inputs = metafile?.inputs ?? {};
    const root = build.absWorkingDir ?? process.cwd();
    const used = new Set(Object.values(metafile?.outputs ?? {}).flatMap((output) => Object.keys(output.inputs)));
    const importers = importersOf(inputs);
    const found: ForbiddenImport[] = [];
    for (const [file, input] of Object.entries(inputs)) {
      for (const { path } of input.imports) {
        const specifier = path.startsWith(MARK) ? path.slice(MARK.length) : undefined;
        if (specifier === undefined || !specifiers.includes(specifier) || !used.has(file)) continue;
        if (found.some((other) => other.file === readablePath(file) && other.specifier === specifier)) continue;
        const source = await readFile(resolve(root, file), 'utf8').catch(() => '');
        const remedy = remedyForImport(specifier) ?? '';
        found.push({ specifier, file: readablePath(file), ...positionOf(source, specifier), chain: chainTo(file, importers).map(readablePath), remedy });
      }
    }
    return found;
  }

  async #isPackage(build: esbuild.PluginBuild, args: esbuild.OnResolveArgs): Promise<boolean> {
    const { path, resolveDir, kind, importer } = args;
    const found = await build.resolve(path, { resolveDir, kind, importer, pluginData: 'nested' });
    return found.errors.length === 0 && !found.external;
  }
}

function ignoredModule(name: string): string {
  const message = `'${name}' is one of ignoreModules, so it is not there in workflow code. Remove it from ignoreModules, or call this in an activity.`;
  return `const refuse = () => { throw new Error(${JSON.stringify(message)}); };
    module.exports = new Proxy(refuse, { get: (_, key) => (key === '__esModule' ? undefined : typeof key === 'symbol' ? undefined : refuse()) });`;
}

function importersOf(inputs: esbuild.Metafile['inputs']): Map<string, string[]> {
  const importers = new Map<string, string[]>();
  for (const [file, { imports }] of Object.entries(inputs)) {
    for (const { path } of imports) importers.set(path, [...(importers.get(path) ?? []), file]);
  }
  return importers;
}

/** The shortest way from the workflows file. */
function chainTo(file: string, importers: ReadonlyMap<string, readonly string[]>): string[] {
  const next = new Map<string, string | undefined>([[file, undefined]]);
  let last = file;
  for (const current of next.keys()) {
    last = current;
    const above = (importers.get(current) ?? []).filter((importer) => !importer.includes('perdure-entry.js'));
    if (above.length === 0 || (importers.get(current) ?? []).length > above.length) break;
    for (const importer of above) if (!next.has(importer)) next.set(importer, current);
  }
  const chain: string[] = [];
  for (let at: string | undefined = last; at !== undefined; at = next.get(at)) chain.push(at);
  return chain;
}

function positionOf(source: string, specifier: string): { readonly line: number; readonly column: number } {
  const quoted = new RegExp(`(?:from|import|require)\\s*\\(?\\s*(["'\`])${specifier.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\1`);
  const index = source.search(quoted);
  if (index < 0) return { line: 1, column: 1 };
  const before = source.slice(0, index).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
