/**
 * `perdure migrate`: moves a project from Temporal's TypeScript SDK to Perdure.
 *
 * Exit codes: 0 done, 1 something could not be read or written, or `--check` found something.
 */
import path from 'node:path';
import { migrate, type Migration } from '../migrate/migrate.js';
import { ExitCode, type FlagValues } from './spec.js';
import { packageVersion } from './version.js';

export async function runMigrate(flags: FlagValues): Promise<ExitCode> {
  const check = flags.bool('check');
  const write = !check && !flags.bool('dry-run');
  try {
    const migration = migrate(path.resolve(flags.string('dir') ?? '.'), { version: packageVersion(), write });
    process.stdout.write(report(migration, write));
    return check && migration.changes.length + migration.findings.length > 0 ? ExitCode.FAILURE : ExitCode.OK;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    process.stderr.write(`${error.message}\n`);
    return ExitCode.FAILURE;
  }
}

function report({ filesRead, changes, findings }: Migration, written: boolean): string {
  const lines = changes.map(({ file, change }) => `${file}: ${change}`);
  if (findings.length > 0) {
    lines.push('', 'By hand:', ...findings.map(({ file, line, what, remedy }) => `${file}:${line}: ${what}. ${remedy}`), '');
  }
  lines.push(`${filesRead} files read, ${changes.length} ${written ? 'changed' : 'would change'}, ${findings.length} to do by hand.`);
  if (written && changes.some(({ file }) => path.basename(file) === 'package.json')) lines.push('Now run "npm install", then your type check and tests.');
  return `${lines.join('\n')}\n`;
}
