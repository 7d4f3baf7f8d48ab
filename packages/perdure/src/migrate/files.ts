/** The files of a project that may name Temporal's packages. */
import fs from 'node:fs';
import path from 'node:path';

const SOURCE = /\.[cm]?[jt]sx?$/;
/** Made by machines, or somebody else's. */
const SKIPPED = new Set(['node_modules', 'dist', 'build', 'coverage', 'out']);

export interface ProjectFile {
  readonly path: string;
  readonly kind: 'source' | 'manifest';
}

/**
 * In the order of their names. Follows no links: what they lead to is found where it is, or is not part of the project.
 *
 * @throws the file system's error if the folder cannot be read.
 */
export function* projectFiles(folder: string): Generator<ProjectFile> {
  const entries = fs.readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED.has(entry.name) && !entry.name.startsWith('.')) yield* projectFiles(file);
    } else if (entry.isFile()) {
      if (entry.name === 'package.json') yield { path: file, kind: 'manifest' };
      else if (SOURCE.test(entry.name)) yield { path: file, kind: 'source' };
    }
  }
}
