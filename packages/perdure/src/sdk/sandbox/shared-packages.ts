/**
 * Packages that are evaluated once for a realm instead of once for each run.
 *
 * Each run has its own copy of the user's modules, so that no state leaks from one workflow to another. For a schema library that would cost
 * half a megabyte and some milliseconds for each run. Packages named here keep no state that workflow code could see; others can be named in
 * the option `sharedPackages`, on the responsibility of who knows them.
 */
import type * as esbuild from 'esbuild';
import { SHARED_PREFIX } from '../workflow/shared-prefix.js';

const KNOWN: readonly string[] = ['zod', 'valibot', 'arktype', '@ark/schema', '@ark/util', 'nexus-rpc'];

export class SharedPackages {
  readonly #names: readonly string[];
  /** Resolved files, by the path that stands for them in the bundle. */
  readonly #files = new Set<string>();

  constructor(named: readonly string[]) {
    this.#names = [...KNOWN, ...named];
  }

  /** Before that of the import check: nothing of these packages is looked at in the user's bundle. */
  plugin(): esbuild.Plugin {
    return {
      name: 'perdure-shared-packages',
      setup: (build) => {
        build.onResolve({ filter: /^[^./]/ }, async ({ path, resolveDir, kind, importer, pluginData }) => {
          if (pluginData === 'shared' || !this.#names.some((name) => path === name || path.startsWith(`${name}/`))) return undefined;
          const found = await build.resolve(path, { resolveDir, kind, importer, pluginData: 'shared' });
          if (found.errors.length > 0 || found.external || found.namespace !== 'file') return undefined;
          this.#files.add(found.path);
          return { path: SHARED_PREFIX + found.path, external: true, sideEffects: false };
        });
      },
    };
  }

  /** The module from which the shared bundle starts; undefined if nothing is shared. */
  get entrySource(): string | undefined {
    if (this.#files.size === 0) return undefined;
    // `require`, so that each module looks as if it were imported from outside: with its default export where it has one.
    return [...this.#files].sort().map((file) => `exports[${JSON.stringify(SHARED_PREFIX + file)}] = require(${JSON.stringify(file)});`).join('\n');
  }
}
