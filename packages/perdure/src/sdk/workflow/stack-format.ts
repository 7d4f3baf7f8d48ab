/**
 * Stack traces in terms of the user's source.
 *
 * Called by the engine when somebody reads `stack`, so errors that nobody prints cost nothing. Positions in the bundle are mapped to the
 * file, line and column that the user wrote; all other frames are left out, they are this package's and Node's.
 */
import type { RealmHost } from './realm-host.js';

/** The names under which the sandbox compiles its scripts. */
export const BUNDLE_FILE = 'perdure:workflows';
export const RUNTIME_FILE = 'perdure:runtime';
export const PACKAGES_FILE = 'perdure:packages';

export function formatStack(error: Error, frames: readonly NodeJS.CallSite[], host: RealmHost): string {
  const lines: string[] = [];
  for (const frame of frames) if (frame.getFileName() === BUNDLE_FILE) lines.push(`    at ${mapped(frame, host)}`);
  const head = headOf(error);
  return lines.length === 0 ? head : `${head}\n${lines.join('\n')}`;
}

function mapped(frame: NodeJS.CallSite, host: RealmHost): string {
  const text = String(frame);
  const position = host.mapPosition(frame.getLineNumber() ?? 0, frame.getColumnNumber() ?? 0);
  return position === undefined ? text : text.replace(/perdure:workflows:\d+:\d+/, position);
}

function headOf(error: Error): string {
  try {
    return Object.prototype.toString.call(error) === '[object Error]' || error instanceof Error ? `${error.name}: ${error.message}` : 'Error';
  } catch {
    return 'Error';
  }
}
