/** `package.json` of a project that moves: Temporal's packages go, Perdure comes. */
import { isTemporalModule, moduleFor } from './modules.js';

const GROUPS = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'] as const;

export interface MigratedManifest {
  readonly text: string;
  /** Packages that are not needed any more. */
  readonly removed: readonly string[];
  /** Temporal's packages that have no counterpart and stay. */
  readonly kept: readonly string[];
  /** Whether the project, which moves just now, runs its tests with Jest as Jest is by default: that loads no ES modules. */
  readonly needsJestModules: boolean;
}

/**
 * @param version of Perdure, written as `^version`.
 * @throws SyntaxError if the text is no JSON object.
 */
export function migrateManifest(text: string, version: string): MigratedManifest {
  const manifest = JSON.parse(text) as unknown;
  if (!isRecord(manifest)) throw new SyntaxError('package.json is not a JSON object.');
  const removed = new Set<string>();
  const kept = new Set<string>();
  for (const group of GROUPS) {
    const packages = manifest[group];
    if (!isRecord(packages)) continue;
    const names = Object.keys(packages).filter(isTemporalModule);
    const moved = names.filter((name) => moduleFor(name) !== undefined || name === '@temporalio/core-bridge');
    for (const name of names) (moved.includes(name) ? removed : kept).add(name);
    if (moved.length > 0) manifest[group] = replaced(packages, moved, version);
  }
  if (removed.size === 0) return { text, removed: [], kept: [...kept], needsJestModules: false };
  return { text: `${JSON.stringify(manifest, undefined, indentOf(text))}\n`, removed: [...removed], kept: [...kept], needsJestModules: runsPlainJest(manifest) };
}

function runsPlainJest(manifest: Record<string, unknown>): boolean {
  const usesJest = 'jest' in manifest || GROUPS.some((group) => isRecord(manifest[group]) && 'jest' in manifest[group]);
  return usesJest && !JSON.stringify(manifest['scripts'] ?? {}).includes('--experimental-vm-modules');
}

/** The first of the packages gives its place to Perdure. */
function replaced(packages: Record<string, unknown>, moved: readonly string[], version: string): Record<string, unknown> {
  const entries = Object.entries(packages);
  const first = entries.findIndex(([name]) => name === moved[0]);
  if (!('perdure' in packages)) entries.splice(first, 0, ['perdure', `^${version}`]);
  return Object.fromEntries(entries.filter(([name]) => !moved.includes(name)));
}

function indentOf(text: string): string {
  return /^\{\r?\n([ \t]+)/.exec(text)?.[1] ?? '  ';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
