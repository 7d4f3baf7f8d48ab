/** Paths for people: from the working directory, and whole outside of it, because `../../../../x` helps nobody. */
import { resolve } from 'node:path';

export function readablePath(path: string): string {
  return path.startsWith('..') ? resolve(path) : path;
}
