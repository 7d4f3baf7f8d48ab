/**
 * Says when workflow code may have changed.
 *
 * Folders are watched, not files: editors replace files, and a file that an import names may not exist yet. What is told is only "look again":
 * whoever hears it makes the bundle anew and compares.
 */
import { existsSync, watch, type FSWatcher } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import type { WorkflowBundle } from '../sandbox/bundle.js';

/** An editor that saves makes several events at once. */
const QUIET_MS = 50;
/** Nobody has workflow code in more; a watch costs a handle of the system. */
const MOST_FOLDERS = 500;
const SOURCE_FILE = /\.(?:[cm]?[jt]sx?|json)$/;

export class WatchedSources {
  readonly #onChange: () => void;
  readonly #folders = new Map<string, FSWatcher>();
  #pending: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Watches the folders of all files of a bundle, besides those that are watched. Packages are left out: they do not change by saving. */
  watch({ sourceMap }: WorkflowBundle): void {
    const { sources } = JSON.parse(sourceMap) as { readonly sources: readonly string[] };
    for (const folder of new Set(sources.map((source) => dirname(resolve(source))))) {
      if (this.#closed || this.#folders.has(folder) || this.#folders.size >= MOST_FOLDERS) continue;
      if (!existsSync(folder) || folder.split(sep).includes('node_modules')) continue;
      const watcher = watch(folder, { persistent: false }, (_event, file) => {
        if (file === null || SOURCE_FILE.test(file)) this.#changed();
      });
      // A folder that is removed: what was in it is missed by the next bundle.
      watcher.on('error', () => this.#forget(folder));
      this.#folders.set(folder, watcher);
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#pending);
    for (const folder of [...this.#folders.keys()]) this.#forget(folder);
  }

  #forget(folder: string): void {
    this.#folders.get(folder)?.close();
    this.#folders.delete(folder);
  }

  #changed(): void {
    clearTimeout(this.#pending);
    this.#pending = setTimeout(this.#onChange, QUIET_MS);
    this.#pending.unref();
  }
}
