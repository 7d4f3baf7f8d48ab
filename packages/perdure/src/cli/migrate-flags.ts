/** The flags of `migrate`. */
import type { Flag } from './spec.js';

export const migrateFlags: readonly Flag[] = [
  { name: 'dir', type: 'string', value: 'FOLDER', help: 'The project. Its folders node_modules, dist, build, coverage, out and hidden ones are left out.', default: '.' },
  { name: 'dry-run', type: 'bool', help: 'Say what would change, and change nothing.' },
  { name: 'check', type: 'bool', help: 'Like --dry-run, with exit code 1 if anything would change or must be done by hand.' },
];
